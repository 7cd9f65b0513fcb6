package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/web"
)

var errNotRunning = errors.New("no server is running on this data directory; start one, or name its directory with --data")

// running returns the admin API of the server that runs on the data directory.
func (s *settings) running(ctx context.Context, cfg node.Config) (*web.Client, error) {
	addr, err := node.RunningAdmin(s.data)
	if err != nil {
		return nil, err
	}
	if addr == "" {
		return nil, errNotRunning
	}
	d := net.Dialer{Timeout: 2 * time.Second}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, errNotRunning
	}
	c.Close()
	token, err := node.AdminToken(cfg, s.data)
	if err != nil {
		return nil, err
	}
	return &web.Client{Addr: addr, Token: token}, nil
}

// admin returns the admin API of the running server, or one on the storage of
// the stopped server.
func (s *settings) admin(ctx context.Context) (c *web.Client, done func() error, err error) {
	cfg, err := s.load(nil)
	if err != nil {
		return nil, nil, err
	}
	c, err = s.running(ctx, cfg)
	if !errors.Is(err, errNotRunning) {
		return c, func() error { return nil }, err
	}
	if err := node.CheckData(s.data); err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(s.data); err != nil {
		fmt.Fprintf(os.Stderr, "no server has run on the data directory %s; it is made now\n", s.data)
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return node.OpenOffline(ctx, cfg, s.data, quiet)
}

// onRunning is a command for a server that runs.
func onRunning(use, short string, run func(c *cobra.Command, a *web.Client) error) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: use, Short: short, Args: wants(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load(nil)
			if err != nil {
				return err
			}
			a, err := s.running(c.Context(), cfg)
			if err != nil {
				return err
			}
			return run(c, a)
		},
	}
	s.flags(c)
	return c
}

func statusCommand() *cobra.Command {
	c := onRunning("status", "Tell how the running server is", func(c *cobra.Command, a *web.Client) error {
		st, err := a.Status(c.Context())
		if err != nil {
			return err
		}
		if asJSON, _ := c.Flags().GetBool("json"); asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(st)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintf(w, "version\t%s\nroles\t%v\nuptime\t%s\npresence\t%s\n", st.Version, st.Roles, st.Uptime, st.Presence)
		if st.Node != 0 {
			fmt.Fprintf(w, "node\t%d\ndurability\t%s\nsessions\t%d\ndraining\t%v\n", st.Node, st.Durability, st.Sessions, st.Draining)
		}
		for _, z := range st.Zones {
			fmt.Fprintf(w, "zone %d\t%s, %d waiting, %s\n", z.ID, z.State, z.Queue, z.Where)
		}
		for _, l := range st.Links {
			fmt.Fprintf(w, "link to %d\t%s\n", l.Node, l.State)
		}
		return w.Flush()
	})
	c.Flags().Bool("json", false, "print JSON")
	return c
}

func drainCommand() *cobra.Command {
	return onRunning("drain", "Send the clients of the running server elsewhere and stop it", func(c *cobra.Command, a *web.Client) error {
		return a.Drain(c.Context())
	})
}

func inviteCommand() *cobra.Command {
	var uses int
	var valid time.Duration
	c := onUsers("invite", "Make an invitation code for registration", wants(0, 0),
		func(ctx context.Context, c *cobra.Command, a *web.Client, _ []string) error {
			inv, err := a.CreateInvite(ctx, uses, valid)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s, good for %d uses until %s\n", inv.Code, inv.Uses, inv.Expires.Format(time.DateTime))
			return nil
		})
	c.Flags().IntVar(&uses, "uses", 1, "how many accounts may be made with it")
	c.Flags().DurationVar(&valid, "valid", 7*24*time.Hour, "how long it is good")
	return c
}
