package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// historyPage is how many messages are asked for at once.
const historyPage = 200

func messageVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{sendVerb(a), historyVerb(a), conversationsVerb(a), readVerb(a)}
}

func sendVerb(a *app) *cobra.Command {
	var id string
	var lines bool
	cmd := &cobra.Command{
		Use: "send TO TEXT", Short: "send a message and wait until it is committed",
		Long: `send sends TEXT to TO (bob, or bob@example.org) and prints the acknowledgement:
the message is then stored for good. TEXT - is read from standard input.

When the outcome is not known (exit code 3), send the same text with the same
--id: the message is delivered once, however often it is sent.`,
		Args: exactly(2, "TO and TEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var first im.ClientID
			if id != "" {
				var err error
				if first, err = im.ParseClientID(id); err != nil {
					return usagef("--id wants 32 hexadecimal digits, as printed when the outcome was not known")
				}
			}
			texts, err := a.texts(args[1], lines)
			if err != nil {
				return err
			}
			if id != "" && len(texts) != 1 {
				return usagef("--id is for one message, and there are %d", len(texts))
			}
			return a.quietly(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return a.send(ctx, c, args[0], texts, first)
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "identity of the message, 32 hexadecimal digits; makes repeating safe")
	cmd.Flags().BoolVar(&lines, "lines", false, "with TEXT -: each line of standard input is a message")
	return cmd
}

func (a *app) texts(text string, lines bool) ([]string, error) {
	if text != "-" {
		return []string{text}, nil
	}
	if !lines {
		raw, err := io.ReadAll(io.LimitReader(a.in, 1<<20))
		if err != nil {
			return nil, usagef("standard input cannot be read: %v", err)
		}
		return []string{strings.TrimRight(string(raw), "\n")}, nil
	}
	var all []string
	s := bufio.NewScanner(a.in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if s.Text() != "" {
			all = append(all, s.Text())
		}
	}
	return all, s.Err()
}

// send sends texts in order and reports each acknowledgement; the first
// failure is the answer. The time of --timeout is for each of them, because a
// server slows down who sends much.
func (a *app) send(ctx context.Context, c *client.Client, to string, texts []string, id im.ClientID) error {
	first, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	peer, err := c.Resolve(first, to)
	if err != nil {
		return err
	}
	var all []*client.Pending
	for _, text := range texts {
		p, err := c.SendAsync(im.Outgoing{To: peer, ClientID: id, Text: text})
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	for _, p := range all {
		ack, err := a.confirmed(ctx, p)
		if err != nil {
			return err
		}
		a.printAck(c, p, ack)
	}
	return nil
}

func (a *app) confirmed(ctx context.Context, p *client.Pending) (im.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	select {
	case <-p.Done():
	case <-ctx.Done():
		return im.Ack{}, unconfirmed(p, ctx.Err())
	}
	ack, err := p.Result()
	if err != nil && !im.CodeOf(err).Trait().Definite {
		return im.Ack{}, unconfirmed(p, err)
	}
	return ack, err
}

func unconfirmed(p *client.Pending, err error) error {
	return &im.Error{
		Code:   im.CodeUnknownOutcome,
		Detail: fmt.Sprintf("the message was not confirmed; it may or may not have been delivered. Repeat it with --id %s to be sure", p.ClientID),
		Err:    err,
	}
}

func (a *app) printAck(c *client.Client, p *client.Pending, ack im.Ack) {
	to, _ := c.KnownAddr(p.To)
	if a.json {
		a.line(ackLine{
			Type: "ack", To: to.String(), Seq: ack.Seq, MsgID: ack.MsgID.String(), ClientID: p.ClientID.String(),
			Time: stamp(ack.MsgID.Time()), Duplicate: ack.Duplicate,
		})
		return
	}
	note := ""
	if ack.Duplicate {
		note = " (had been sent before)"
	}
	fmt.Fprintf(a.out, "sent to %s: msg_id %s, seq %d%s\n", to, ack.MsgID, ack.Seq, note)
}

func historyVerb(a *app) *cobra.Command {
	var q im.HistoryQuery
	var all bool
	cmd := &cobra.Command{
		Use: "history WITH", Short: "print the messages of a conversation, oldest first",
		Args: exactly(1, "WITH, the other side of the conversation"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				var err error
				if q.Peer, err = c.Resolve(ctx, args[0]); err != nil {
					return err
				}
				return a.history(ctx, c, q, all)
			})
		},
	}
	cmd.Flags().IntVar(&q.Limit, "limit", 50, "how many messages, the newest ones")
	cmd.Flags().Uint64Var(&q.Before, "before", 0, "only messages with a seq below")
	cmd.Flags().Uint64Var(&q.After, "after", 0, "only messages with a seq above")
	cmd.Flags().BoolVar(&all, "all", false, "the whole conversation")
	return cmd
}

// history reads pages until there is enough: towards the past, or from a given
// seq on towards the present.
func (a *app) history(ctx context.Context, c *client.Client, q im.HistoryQuery, all bool) error {
	var got []im.Entry
	forward := q.After > 0 && q.Before == 0
	want := q.Limit
	for all || len(got) < want {
		if q.Limit = historyPage; !all {
			q.Limit = min(want-len(got), historyPage)
		}
		page, err := c.History(ctx, q)
		if err != nil {
			return err
		}
		n := len(page.Entries)
		if forward {
			got = append(got, page.Entries...)
		} else {
			got = append(page.Entries, got...)
		}
		if !page.More || n == 0 {
			break
		}
		if forward {
			q.After = page.Entries[n-1].Seq
		} else {
			q.Before = page.Entries[0].Seq
		}
	}
	me, _, _ := c.Me()
	for _, e := range got {
		if err := a.printEvent(ctx, c, client.Message{Entry: e, Mine: e.From == me}); err != nil {
			return err
		}
	}
	return nil
}

func conversationsVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "conversations", Short: "list conversations, newest first, with what is unread", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.Conversations(ctx, 0)
				if err != nil {
					return err
				}
				for _, v := range list {
					if err := a.printConversation(ctx, c, v); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func readVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "read WITH", Short: "mark a conversation as read", Args: exactly(1, "WITH, the other side of the conversation"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				peer, err := c.Resolve(ctx, args[0])
				if err != nil {
					return err
				}
				page, err := c.History(ctx, im.HistoryQuery{Peer: peer, Limit: 1})
				if err != nil || len(page.Entries) == 0 {
					return err
				}
				return c.MarkRead(ctx, peer, page.Entries[len(page.Entries)-1].MsgID)
			})
		},
	}
}
