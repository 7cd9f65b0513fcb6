package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// member is a connection that follows the groups of its user.
type member struct {
	*conn
	seq map[im.GroupID]uint64 // how far it has come in each
}

// members logs n users in and lets them follow their groups.
func (c *cell) members(ctx context.Context, n int) ([]*member, error) {
	conns, err := c.connect(ctx, n, c.tls())
	if err != nil {
		closeAll(conns)
		return nil, err
	}
	out := make([]*member, n)
	for i := range out {
		out[i] = &member{conns[i], make(map[im.GroupID]uint64)}
	}
	err = some(n, func(i int) error { return out[i].follow() })
	if err != nil {
		closeMembers(out)
		return nil, err
	}
	return out, nil
}

func closeMembers(list []*member) {
	for _, m := range list {
		m.Close()
	}
}

// follow asks for the groups; from then on what is written there is pushed.
func (m *member) follow() error {
	for after := uint64(0); ; {
		list, err := m.groups(after)
		if err != nil {
			return err
		}
		for _, g := range list.Groups {
			m.seq[im.GroupID(g.Group.Id)] = g.Head
		}
		if after = list.Next; after == 0 {
			return nil
		}
	}
}

func (m *member) groups(after uint64) (*cxxpb.GroupsResult, error) {
	r, err := m.ask(&cxxpb.Call{Id: 1, Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{After: after}}})
	return r.GetGroups(), err
}

// ask makes a request and waits for the answer; what else comes is not looked at.
func (c *conn) ask(m *cxxpb.Call) (*cxxpb.Reply, error) {
	err := c.call(m)
	for err == nil {
		var f proto.Frame
		if f, err = c.frame(); err != nil || f.Type != cxxpb.FrameType_FRAME_REPLY {
			continue
		}
		r := &cxxpb.Reply{}
		return r, r.UnmarshalVT(f.Body)
	}
	return nil, err
}

func (c *conn) call(m *cxxpb.Call) error {
	return c.write(proto.AppendFrame(nil, cxxpb.FrameType_FRAME_CALL, 0, m))
}

// write is Write for more than one goroutine.
func (c *conn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

// frame reads a frame; an error that the server tells is one.
func (c *conn) frame() (proto.Frame, error) {
	if !c.Pending() {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return proto.Frame{}, err
		}
	}
	f, err := c.Next()
	if err != nil || f.Type != cxxpb.FrameType_FRAME_ERROR {
		return f, err
	}
	var e cxxpb.Error
	if err := e.UnmarshalVT(f.Body); err != nil {
		return f, err
	}
	return f, proto.ErrorFromPB(&e)
}

// patience is how long a load generator waits for the next frame or stanza.
const patience = 60 * time.Second

// memberRound is a member in a round.
type memberRound struct {
	load    *groupLoad
	m       *member
	next    []int // number that is due, by sender
	unacked int
	acks    chan int // of a sender
	latency latencies
	pulls   int
	pulling bool
	err     error
	sendErr error
}

// drain receives until all messages have come and its own are acknowledged.
func (r *memberRound) drain() error {
	if r.acks != nil {
		defer close(r.acks)
	}
	for len(r.latency) < r.load.total() || r.unacked > 0 {
		f, err := r.m.frame()
		if err == nil {
			err = r.take(f)
		}
		if err != nil {
			return fmt.Errorf("after %d messages: %w", len(r.latency), err)
		}
	}
	return nil
}

func (r *memberRound) take(f proto.Frame) error {
	switch f.Type {
	case cxxpb.FrameType_FRAME_SEND_ACK:
		r.unacked--
		r.acks <- 1
	case cxxpb.FrameType_FRAME_POST:
		var p cxxpb.PostPush
		if err := p.UnmarshalVT(f.Body); err != nil || im.GroupID(p.Group) != r.load.group {
			return err
		}
		return r.pushed(p.Entries)
	case cxxpb.FrameType_FRAME_MOVED:
		var m cxxpb.Moved
		if err := m.UnmarshalVT(f.Body); err != nil || im.GroupID(m.Group) != r.load.group || m.Head <= r.m.seq[r.load.group] {
			return err
		}
		return r.pull()
	case cxxpb.FrameType_FRAME_REPLY:
		return r.pulled(f.Body)
	}
	return nil
}

// pushed takes what was pushed. In a group that is pulled it may come beside a page
// that has it too, and what was before it may be left out.
func (r *memberRound) pushed(list []*cxxpb.Entry) error {
	seq := r.m.seq[r.load.group]
	for r.pulls > 0 && len(list) > 0 && list[0].Seq <= seq {
		list = list[1:]
	}
	if r.pulls > 0 && len(list) > 0 && list[0].Seq > seq+1 {
		return r.pull()
	}
	return r.entries(list)
}

// pull asks for what was not pushed.
func (r *memberRound) pull() error {
	if r.pulling {
		return nil
	}
	r.pulling = true
	r.pulls++
	g := r.load.group
	return r.m.call(&cxxpb.Call{Id: 2, Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: uint64(g), Cursor: r.m.seq[g]}}})
}

func (r *memberRound) pulled(body []byte) error {
	var reply cxxpb.Reply
	if err := reply.UnmarshalVT(body); err != nil || reply.GetSync() == nil {
		return err
	}
	r.pulling = false
	if err := r.entries(reply.GetSync().Entries); err != nil {
		return err
	}
	if r.m.seq[r.load.group] < reply.GetSync().Head {
		return r.pull()
	}
	return nil
}

func (r *memberRound) entries(list []*cxxpb.Entry) error {
	seq := r.m.seq[r.load.group]
	for _, e := range list {
		if e.Seq != seq+1 {
			return fmt.Errorf("seq %d followed %d", e.Seq, seq)
		}
		seq = e.Seq
		r.m.seq[r.load.group] = seq
		sender, n, err := order(r.next, e.Text)
		if err != nil {
			return err
		}
		r.latency = append(r.latency, time.Since(r.load.start)-time.Duration(r.load.sent[sender][n].Load()))
	}
	return nil
}
