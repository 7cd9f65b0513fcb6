package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/cmd/node"
)

func serveCommands() []*cobra.Command {
	return []*cobra.Command{
		serveCommand(node.RoleAll, "serve", "Run NAS and ACS in one process"),
		serveCommand(node.RoleNAS, "nas", "Run a NAS of a cell"),
		serveCommand(node.RoleACS, "acs", "Run an ACS of a cell"),
	}
}

func serveCommand(role node.Role, use, short string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   use + " [--config FILE] [--data DIR] [--set section.key=value …]",
		Short: short,
		RunE: func(c *cobra.Command, words []string) error {
			cfg, err := s.load(words)
			if err != nil {
				return err
			}
			return serve(c.Context(), node.Options{
				Role: role, Config: cfg, DataDir: s.data, Version: version, Log: newLog(cfg.Log),
			})
		},
	}
	s.flags(c)
	return c
}

// serve runs a node until a signal. The first one drains: clients are asked to
// go elsewhere; a second one, or the end of the patience, ends it.
func serve(signals context.Context, opt node.Options) error {
	n, err := node.New(signals, opt)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(signals))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	go trimMemory(ctx)
	fmt.Fprintln(os.Stdout, n.Ready())
	select {
	case err := <-ended:
		return err
	case <-signals.Done():
	case <-n.StopRequested():
	}
	drain, cancel := context.WithTimeout(ctx, opt.Config.Server.DrainTimeout.D())
	defer cancel()
	again, done := secondSignal(drain)
	defer done()
	if err := n.Drain(again); err != nil {
		opt.Log.Warn("not all clients left in time", "err", err)
	}
	stop()
	return <-ended
}
