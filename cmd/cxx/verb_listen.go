package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

func listenVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{listenVerb(a), statusVerb(a)}
}

func listenVerb(a *app) *cobra.Command {
	var since int64
	var count int
	var presence bool
	cmd := &cobra.Command{
		Use: "listen", Short: "print what happens, as it happens",
		Long: `listen prints one line per event and goes on until it is interrupted. It is a
device of its own and remembers how far it has come: the next listen goes on
there. The first one begins with what comes from then on.

With --json a line holds type (message, sent, read, contact, contact_request,
device, presence, typing, ready, connected, disconnected), from, to, seq,
msg_id, text and time, as far as they apply. "sent" is what the user has sent
on another device; "ready" comes when everything missed has been printed.

Of groups there are the types group_message, group_sent, group (what has changed
in it), invitation, join_request, membership (how you stand to it now),
group_read, and groups_ready when everything missed in groups has been printed.
They have group, nick, role, by and reason.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listen(cmd.Context(), since, cmd.Flags().Changed("since"), count, presence)
		},
	}
	cmd.Flags().Int64Var(&since, "since", -1, "begin after this `SEQ`, whatever was printed before; 0 is everything there is")
	cmd.Flags().IntVar(&count, "count", 0, "end after this many messages have come")
	cmd.Flags().BoolVar(&presence, "presence", true, "print the presence of contacts too")
	return cmd
}

func (a *app) listen(ctx context.Context, since int64, given bool, count int, presence bool) error {
	c, err := a.open(ctx, kindListen, func(o *client.Options) {
		o.SyncFrom, o.WatchPresence = client.Latest, presence
		if given && since >= 0 {
			o.SyncFrom, o.Rewind = uint64(since), true
		}
	})
	if err != nil {
		return err
	}
	defer c.Close()
	seen := 0
	for ev, err := range c.Events(ctx) {
		if err != nil {
			return ended(ctx, err)
		}
		if err := a.printEvent(ctx, c, ev); err != nil {
			return ended(ctx, err)
		}
		c.Acknowledge()
		if cameIn(ev) {
			if seen++; seen == count {
				return nil
			}
		}
	}
	return nil
}

// cameIn reports whether an event is a message that somebody else has sent.
func cameIn(ev client.Event) bool {
	switch m := ev.(type) {
	case client.Message:
		return !m.Mine
	case client.GroupMessage:
		return !m.Mine
	}
	return false
}

// ended says that an interrupt is how listening is meant to end.
func ended(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

func statusVerb(a *app) *cobra.Command {
	var hold time.Duration
	cmd := &cobra.Command{
		Use: "status SHOW [TEXT]", Short: "be shown as online, chat, away, xa, busy or invisible",
		Long: `status shows the user to his contacts as SHOW, with TEXT beside it. Presence
belongs to a connection, so the command stays until it is interrupted or the
time of --for is over.`,
		Args: cobra.MatchAll(cobra.MinimumNArgs(1), cobra.MaximumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			show, err := im.ParseShow(args[0])
			if err != nil || show == im.ShowOffline {
				return usagef("%q is not one of online, chat, away, xa, busy, invisible", args[0])
			}
			text := ""
			if len(args) == 2 {
				text = args[1]
			}
			return a.status(cmd.Context(), show, text, hold)
		},
	}
	cmd.Flags().DurationVar(&hold, "for", 0, "how long to stay; 0 until interrupted")
	return cmd
}

func (a *app) status(ctx context.Context, show im.Show, text string, hold time.Duration) error {
	c, err := a.open(ctx, kindStatus, func(o *client.Options) {
		o.Quiet, o.VolatileOutbox = true, true
		o.Presence = im.Presence{Show: show, Status: text}
	})
	if err != nil {
		return err
	}
	defer c.Close()
	first, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := c.SetPresence(first, show, text); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "shown as %s\n", show)
	if hold > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, hold)
		defer stop()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-c.Done():
		return c.Err()
	}
}
