package client

import (
	"context"
	"crypto/rand"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// maxMessage is what fits a frame whatever the server is configured to take.
const maxMessage = proto.MaxFrameAfterLogin - 256

// NewClientID makes the id of a message.
func NewClientID() im.ClientID {
	var id im.ClientID
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// Send sends a text and returns when the server has committed it, or has
// definitely refused it. When ctx ends before, the message stays in the outbox
// and the answer is CodeUnknownOutcome.
func (c *Client) Send(ctx context.Context, to im.UserID, text string) (im.Ack, error) {
	return c.sendNow(ctx, im.Outgoing{To: to, Text: text})
}

// SendGroup is Send to everybody in a group.
func (c *Client) SendGroup(ctx context.Context, g im.GroupID, text string) (im.Ack, error) {
	return c.sendNow(ctx, im.Outgoing{Group: g, Text: text})
}

func (c *Client) sendNow(ctx context.Context, m im.Outgoing) (im.Ack, error) {
	p, err := c.SendAsync(m)
	if err != nil {
		return im.Ack{}, err
	}
	select {
	case <-p.Done():
		return p.Result()
	case <-ctx.Done():
		return im.Ack{}, &im.Error{
			Code: im.CodeUnknownOutcome, Detail: "the message was not confirmed in time; it may or may not have been delivered",
			Err: context.Cause(ctx),
		}
	}
}

// SendAsync puts a message in the outbox, with a new client id when it has
// none, and returns without waiting. Messages of one goroutine keep their
// order. A message that is stored goes out even if the program has to be
// started again for it.
func (c *Client) SendAsync(m im.Outgoing) (*Pending, error) {
	switch {
	case !utf8.ValidString(m.Text):
		return nil, im.Errorf(im.CodeInvalid, "the text is not valid UTF-8")
	case m.To != 0 && m.Group != 0:
		return nil, im.Errorf(im.CodeInvalid, "a message goes to a user or to a group, not to both")
	case m.Text == "" && len(m.Ext) == 0:
		return nil, im.Errorf(im.CodeInvalid, "the message is empty")
	case len(m.Text)+len(m.Ext) > maxMessage:
		return nil, im.Errorf(im.CodeTooLarge, "the message has %d bytes, and no server takes more than %d", len(m.Text)+len(m.Ext), maxMessage)
	}
	if m.ClientID.IsZero() {
		m.ClientID = NewClientID()
	}
	p := c.out.add(m)
	if c.o.VolatileOutbox {
		c.out.ready(p)
		return p, nil
	}
	if !c.keep.add(m, func(err error) {
		if err != nil {
			c.out.giveUp(p, &im.Error{Code: im.CodeInternal, Detail: "the message could not be stored on this machine and was not sent", Err: err})
			return
		}
		c.out.ready(p)
	}) {
		c.out.giveUp(p, ErrClosed)
		return nil, ErrClosed
	}
	return p, nil
}

// Unsent returns the messages whose outcome is not known yet, oldest first.
func (c *Client) Unsent() []im.Outgoing {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	list := make([]im.Outgoing, len(c.out.queue))
	for i, p := range c.out.queue {
		list[i] = p.Outgoing
	}
	return list
}

// Signal tells a user that this one types or has stopped to; best effort.
func (c *Client) Signal(to im.UserID, kind im.SignalKind) {
	c.signal(&cxxpb.Signal{User: uint64(to), Kind: uint32(kind)})
}

func (c *Client) signal(sig *cxxpb.Signal) {
	c.mu.Lock()
	s := c.sess
	c.mu.Unlock()
	if s != nil {
		s.l.queue(cxxpb.FrameType_FRAME_SIGNAL, sig)
	}
}

// History returns messages of one conversation, in ascending seq; see
// im.HistoryQuery for which.
func (c *Client) History(ctx context.Context, q im.HistoryQuery) (im.HistoryPage, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_History{History: &cxxpb.HistoryCall{
		Peer: uint64(q.Peer), Before: q.Before, After: q.After, Limit: uint32(max(q.Limit, 0)),
	}}})
	if err != nil {
		return im.HistoryPage{}, err
	}
	me, _, _ := c.Me()
	h := r.GetHistory()
	return im.HistoryPage{Entries: proto.EntriesFromPB(h.GetEntries(), me), More: h.GetMore()}, nil
}

// Conversations returns the newest conversations first; limit 0 leaves the
// number to the server.
func (c *Client) Conversations(ctx context.Context, limit int) ([]im.Conversation, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Conversations{Conversations: &cxxpb.ConversationsCall{
		Limit: uint32(max(limit, 0)),
	}}})
	if err != nil {
		return nil, err
	}
	me, _, _ := c.Me()
	return proto.Convert(r.GetConversations().GetConversations(), func(p **cxxpb.Conversation) im.Conversation {
		return proto.ConversationFromPB(*p, me)
	}), nil
}

// MarkRead says that the user has read a conversation up to a message. It never
// goes back.
func (c *Client) MarkRead(ctx context.Context, peer im.UserID, upTo im.MsgID) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_MarkRead{MarkRead: &cxxpb.MarkReadCall{
		Peer: uint64(peer), UpTo: uint64(upTo),
	}}})
}
