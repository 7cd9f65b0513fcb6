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
	var to mentions
	cmd := &cobra.Command{
		Use: "send TO TEXT", Short: "send a message and wait until it is committed",
		Long: `send sends TEXT to TO and prints the acknowledgement: the message is then stored
for good. TO is a user (bob, bob@example.org) or a group (#tea, or its address).
TEXT - is read from standard input.

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
				return a.send(ctx, c, args[0], to, texts, first)
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "identity of the message, 32 hexadecimal digits; makes repeating safe")
	cmd.Flags().StringSliceVar(&to.who, "mention", nil, "in a group: whom it mentions; may be repeated")
	cmd.Flags().BoolVar(&to.all, "all", false, "in a group: it mentions everybody, if you may")
	cmd.Flags().BoolVar(&lines, "lines", false, "with TEXT -: each line of standard input is a message")
	return cmd
}

// mentions says whom a message to a group mentions.
type mentions struct {
	who []string
	all bool
}

// address makes the message that goes to a user or a group.
func address(ctx context.Context, c *client.Client, to string, who mentions) (m im.Outgoing, err error) {
	if !c.IsGroup(to) {
		if len(who.who) > 0 || who.all {
			return m, usagef("--mention and --all are for messages to a group; a group is written #name")
		}
		m.To, err = c.Resolve(ctx, to)
		return m, err
	}
	st, err := findGroup(ctx, c, to)
	if err != nil {
		return m, err
	}
	m.Group, m.All = st.Group.ID, who.all
	for _, name := range who.who {
		u, err := c.ResolveIn(ctx, m.Group, name)
		if err != nil {
			return m, err
		}
		m.Mentions = append(m.Mentions, u)
	}
	return m, nil
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
func (a *app) send(ctx context.Context, c *client.Client, to string, who mentions, texts []string, id im.ClientID) error {
	first, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	m, err := address(first, c, to, who)
	if err != nil {
		return err
	}
	m.ClientID = id
	var all []*client.Pending
	for _, text := range texts {
		m.Text = text
		p, err := c.SendAsync(m)
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
	addr, _ := c.KnownAddr(p.To)
	to := addr.String()
	if p.Group != 0 {
		to = groupName(c, p.Group)
	}
	if a.json {
		a.line(ackLine{
			Type: "ack", To: to, Seq: ack.Seq, MsgID: ack.MsgID.String(), ClientID: p.ClientID.String(),
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
		Use: "history WITH", Short: "print the messages of a conversation or of a group (#name), oldest first",
		Args: exactly(1, "WITH, the other side of the conversation, or a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if c.IsGroup(args[0]) {
					st, err := findGroup(ctx, c, args[0])
					if err != nil {
						return err
					}
					return a.groupHistory(ctx, c, st.Group.ID, q, all)
				}
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

func (a *app) history(ctx context.Context, c *client.Client, q im.HistoryQuery, all bool) error {
	got, err := pages(q, all, func(q im.HistoryQuery) (im.HistoryPage, error) { return c.History(ctx, q) })
	if err != nil {
		return err
	}
	me, _, _ := c.Me()
	for _, e := range got {
		if err := a.printEvent(ctx, c, client.Message{Entry: e, Mine: e.From == me}); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) groupHistory(ctx context.Context, c *client.Client, g im.GroupID, q im.HistoryQuery, all bool) error {
	got, err := pages(q, all, func(q im.HistoryQuery) (im.HistoryPage, error) { return c.GroupHistory(ctx, g, q) })
	if err != nil {
		return err
	}
	for _, e := range got {
		if err := a.printEvent(ctx, c, client.GroupMessage{Group: g, Entry: e}); err != nil {
			return err
		}
	}
	return nil
}

// pages reads until there is enough: towards the past, or from a given seq on towards
// the present.
func pages(q im.HistoryQuery, all bool, read func(im.HistoryQuery) (im.HistoryPage, error)) (got []im.Entry, err error) {
	forward := q.After > 0 && q.Before == 0
	want := q.Limit
	for all || len(got) < want {
		if q.Limit = historyPage; !all {
			q.Limit = min(want-len(got), historyPage)
		}
		page, err := read(q)
		if err != nil {
			return nil, err
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
	return got, nil
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
		Use: "read WITH", Short: "mark a conversation or a group (#name) as read", Args: exactly(1, "WITH, the other side of the conversation, or a group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if c.IsGroup(args[0]) {
					st, err := findGroup(ctx, c, args[0])
					if err != nil {
						return err
					}
					return c.MarkGroupRead(ctx, st.Group.ID, st.Head)
				}
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
