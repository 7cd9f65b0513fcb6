package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const blockHelp = `WHO is a user (bob, bob@example.org), one device of his (bob/phone) or a whole
domain (@example.org).`

func blockVerbs(a *app) []*cobra.Command {
	var all bool
	block := a.withAddr("block WHO", "exchange nothing with WHO any more", func(ctx context.Context, c *client.Client, who im.Addr) error {
		return c.Block(ctx, who)
	})
	block.Long = "block makes the server refuse whatever WHO sends, and hides the user's presence\nfrom WHO. WHO is not told.\n\n" + blockHelp
	unblock := a.withAddr("unblock WHO", "take WHO off the block list", func(ctx context.Context, c *client.Client, who im.Addr) error {
		return c.Unblock(ctx, who)
	})
	unblock.Long = "unblock takes WHO, as \"cxx blocked\" shows him, off the block list.\n\n" + blockHelp
	unblock.Flags().BoolVar(&all, "all", false, "everybody, instead of WHO")
	one, run := unblock.Args, unblock.RunE
	unblock.Args = func(cmd *cobra.Command, args []string) error {
		if all {
			return exactly(0, "no WHO beside --all")(cmd, args)
		}
		return one(cmd, args)
	}
	unblock.RunE = func(cmd *cobra.Command, args []string) error {
		if all {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error { return c.Unblock(ctx) })
		}
		return run(cmd, args)
	}
	return []*cobra.Command{block, unblock, blockedVerb(a)}
}

// withAddr is a verb with one address as its argument, of somebody who need not
// be known here.
func (a *app) withAddr(use, short string, f func(context.Context, *client.Client, im.Addr) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(1, "WHO, a user, a device or a domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				who, err := c.BlockAddr(args[0])
				if err != nil {
					return usageError{err}
				}
				return f(ctx, c, who)
			})
		},
	}
}

func blockedVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "blocked", Short: "show the block list", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.BlockList(ctx)
				if err != nil {
					return err
				}
				slices.SortFunc(list, func(x, y im.Addr) int { return strings.Compare(x.String(), y.String()) })
				for _, addr := range list {
					a.printBlocked(addr)
				}
				return nil
			})
		},
	}
}

func (a *app) printBlocked(addr im.Addr) {
	if a.json {
		a.line(struct {
			Addr string `json:"addr"`
		}{addr.String()})
		return
	}
	fmt.Fprintln(a.out, blockWord(addr))
}

// blockWord is an address as it can be typed again: a domain begins with @.
func blockWord(a im.Addr) string {
	if a.Local == "" {
		return "@" + a.String()
	}
	return a.String()
}
