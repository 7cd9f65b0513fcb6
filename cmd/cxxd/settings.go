package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/internal/config"
)

// settings are the flags that every command with a configuration has.
type settings struct {
	file string
	data string
	sets []string
}

func (s *settings) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.file, "config", "c", "", "configuration file (TOML)")
	c.Flags().StringVar(&s.data, "data", "data", "data directory: keys, certificates, embedded databases")
	c.Flags().StringArrayVar(&s.sets, "set", nil, "override a key: --set section.key=value; further key=value words may follow")
}

// load reads the configuration. words are the rest of the command line, taken
// as further settings.
func (s *settings) load(words []string) (node.Config, error) {
	cfg := node.Default()
	sets, err := config.ParseSets(append(append([]string(nil), s.sets...), words...))
	if err != nil {
		return cfg, err
	}
	return cfg, config.Load(&cfg, s.file, sets)
}

func newLog(c node.LogConfig) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opt))
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print every configuration key with its default",
		Args:  wants(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprint(c.OutOrStdout(), Reference())
			return nil
		},
	}
}

// Reference is the commented reference of the configuration.
func Reference() string {
	cfg := node.Default()
	return config.Reference(&cfg, "Configuration of cxxd. Every key is shown with its default; the server starts\nwithout any of them. Give the file with --config, or single keys with\n--set section.key=value.")
}
