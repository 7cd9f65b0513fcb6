package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/shard"
)

func checkCommand() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   "check",
		Short: "Try configuration, keys and databases without changing anything",
		RunE: func(c *cobra.Command, words []string) error {
			cfg, err := s.load(words)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintln(out, "configuration: good")
			dir := node.CheckData(s.data) // every other sentence would be about it too
			report(out, "data directory", dir)
			if dir != nil {
				return fmt.Errorf("a start would fail: %w", dir)
			}
			keys := node.CheckKeys(cfg, s.data)
			report(out, "keys", keys)
			zones, err := shard.Check(c.Context(), cfg.Storage, s.data)
			for _, z := range zones {
				err = errors.Join(err, zone(out, z))
			}
			redis := node.CheckRedis(c.Context(), cfg)
			if cfg.Redis.Addr != "" {
				report(out, "redis", redis)
			}
			if err = errors.Join(err, keys, redis); err != nil {
				return fmt.Errorf("a start would fail: %w", err)
			}
			return nil
		},
	}
	s.flags(c)
	return c
}

func report(out io.Writer, what string, err error) {
	if err != nil {
		fmt.Fprintf(out, "%s: %v\n", what, err)
		return
	}
	fmt.Fprintf(out, "%s: good\n", what)
}

func zone(out io.Writer, z shard.ZoneReport) error {
	name := fmt.Sprintf("zone %d", z.ID)
	if z.Where != "" {
		name += " (" + z.Where + ")"
	}
	if z.Problem != nil {
		report(out, name, z.Problem)
		return fmt.Errorf("zone %d: %w", z.ID, z.Problem)
	}
	state := "good"
	switch {
	case z.New:
		state = "new, its schema will be made"
	case len(z.Pending) > 0:
		state = fmt.Sprintf("good, a start runs %d migrations: %v", len(z.Pending), z.Pending)
	}
	durability := "strict"
	if z.Relaxed {
		durability = "relaxed"
	}
	fmt.Fprintf(out, "%s: %s; durability %s (%s)\n", name, state, durability, z.Durability)
	return nil
}
