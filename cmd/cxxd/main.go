// Command cxxd is the server: NAS, ACS, or everything in one process. It parses
// the command line; package node does the work.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cxxd:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	r := group("cxxd", "C-XX instant messaging server")
	r.Long = "cxxd serves instant messaging. Without configuration, cxxd serve is everything in one\nprocess on SQLite, for this machine only. docs/OPERATIONS.md tells how to grow it to a cell."
	r.SilenceErrors, r.SilenceUsage, r.Version = true, true, version
	r.Args = cobra.ArbitraryArgs // group has the words for what is no command
	r.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s --help lists the flags", err, c.CommandPath())
	})
	r.CompletionOptions.HiddenDefaultCmd = true
	r.AddCommand(serveCommands()...)
	r.AddCommand(configCommand(), checkCommand(), keygenCommand(), userCommand(), inviteCommand(), statusCommand(), drainCommand(), demoCommand())
	return r
}
