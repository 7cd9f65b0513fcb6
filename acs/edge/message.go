package edge

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// admitSend holds a session to its rate: first it is slowed down, for at most
// SendDelay, then its sends are refused until it keeps the rate again.
func admitSend(c *conn, body []byte) (taken, done bool) {
	cfg := &c.srv.cfg
	if cfg.SendRate == 0 {
		return false, false
	}
	now := c.srv.now()
	wait := c.sends.take(now, perSecond(cfg.SendRate), cfg.SendBurst)
	if wait == 0 {
		// Half a bucket in store: the session keeps its rate again.
		if c.sends.full-now < time.Duration(cfg.SendBurst)*perSecond(cfg.SendRate)/2 {
			c.over = 0
		}
		return false, false
	}
	if c.over == 0 {
		c.over = now
	}
	if now-c.over < cfg.SendDelay.D() {
		c.until = now + wait
		c.srv.metrics.pauses.rate.Inc()
		return false, true
	}
	c.refuse(requestID(body), &im.Error{
		Code: im.CodeRateLimited, Detail: "too many messages in a short time", RetryAfter: wait,
	})
	return true, true
}

// sendMessage passes a message to the core and is done: the answer comes when
// the message is committed.
func sendMessage(_ context.Context, c *conn, body []byte) (reply, error) {
	id, m, err := proto.ParseSend(body)
	if err != nil {
		if id == 0 {
			return reply{}, err
		}
		return reply{}, failed(id, err)
	}
	c.unacked.Add(1)
	c.session.Send(m, func(a im.Ack, err error) { c.sent(id, a, err) })
	return reply{}, nil
}

// sent is called by the core from any goroutine.
func (c *conn) sent(id uint32, a im.Ack, err error) {
	c.unacked.Add(-1)
	if err != nil {
		c.refuse(id, err)
	} else {
		c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_SEND_ACK)
		c.put(func(b []byte) []byte { return proto.AppendSendAck(b, id, a) })
	}
	if c.paused.Load() {
		c.tr.wake()
	}
}

func cursor(_ context.Context, c *conn, body []byte) (reply, error) {
	var m cxxpb.Cursor
	if err := proto.Unmarshal(body, &m); err != nil {
		return reply{}, err
	}
	c.session.Acknowledge(m.Seq)
	return reply{}, nil
}

func callSync(ctx context.Context, c *conn, op *cxxpb.SyncCall) (*cxxpb.Reply, error) {
	// From here on the core pushes again, behind what this page holds.
	c.out.synced()
	page, err := c.session.Sync(ctx, op.Cursor, int(op.Limit))
	if err != nil {
		return nil, err
	}
	entries := fit(proto.EntriesToPB(page.Entries, c.session.User()), int(c.srv.cfg.MaxFrame), false)
	return &cxxpb.Reply{Result: &cxxpb.Reply_Sync{Sync: &cxxpb.SyncResult{Entries: entries, Head: page.Head}}}, nil
}

func callHistory(ctx context.Context, c *conn, op *cxxpb.HistoryCall) (*cxxpb.Reply, error) {
	page, err := c.session.History(ctx, im.HistoryQuery{
		Peer: im.UserID(op.Peer), Before: op.Before, After: op.After, Limit: int(op.Limit),
	})
	if err != nil {
		return nil, err
	}
	newest := op.After == 0 || op.Before != 0
	all := proto.EntriesToPB(page.Entries, c.session.User())
	some := fit(all, int(c.srv.cfg.MaxFrame), newest)
	return &cxxpb.Reply{Result: &cxxpb.Reply_History{History: &cxxpb.HistoryResult{
		Entries: some, More: page.More || len(some) < len(all),
	}}}, nil
}

// fit cuts a run of entries, or of anything else, to what one frame holds, keeping
// the newest or the oldest, which are the last or the first; at least one stays,
// because nothing is larger than a frame.
func fit[T interface{ SizeVT() int }](entries []T, limit int, newest bool) []T {
	const perEntry, perFrame = 8, 64
	room := limit - perFrame
	for n := range entries {
		i := n
		if newest {
			i = len(entries) - 1 - n
		}
		room -= entries[i].SizeVT() + perEntry
		if room >= 0 || n == 0 {
			continue
		}
		if newest {
			return entries[i+1:]
		}
		return entries[:i]
	}
	return entries
}

func callConversations(ctx context.Context, c *conn, op *cxxpb.ConversationsCall) (*cxxpb.Reply, error) {
	list, err := c.session.Conversations(ctx, int(op.Limit))
	if err != nil {
		return nil, err
	}
	owner := c.session.User()
	return &cxxpb.Reply{Result: &cxxpb.Reply_Conversations{Conversations: &cxxpb.ConversationsResult{
		Conversations: proto.Convert(list, func(x *im.Conversation) *cxxpb.Conversation {
			return proto.ConversationToPB(x, owner)
		}),
	}}}, nil
}

func callMarkRead(ctx context.Context, c *conn, op *cxxpb.MarkReadCall) (*cxxpb.Reply, error) {
	return done(c.session.MarkRead(ctx, im.UserID(op.Peer), im.MsgID(op.UpTo), op.Ext))
}
