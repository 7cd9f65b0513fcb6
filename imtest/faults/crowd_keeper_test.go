package faults

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// keeper is the owner of a crowd's group. It follows nothing, and tries on until it is
// answered. Any goroutine may call its methods.
type keeper struct {
	cell *cell
	mu   sync.Mutex
	d    *device // guarded by mu
	k    *link   // guarded by mu; nil: not connected
	id   uint32  // guarded by mu

	said map[string]bool // its texts
}

func newKeeper(t *testing.T, c *cell, name string) *keeper {
	k := &keeper{cell: c, d: c.device(name, "main"), said: make(map[string]bool)}
	t.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.k != nil {
			k.k.close()
		}
	})
	return k
}

// call asks until there is an answer: requests of the keeper can be repeated.
func (k *keeper) call(c *cxxpb.Call) (*cxxpb.Reply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if k.k == nil {
			next, err := k.d.connect(ctx)
			if err != nil {
				return nil, err
			}
			k.k = next
		}
		k.id++
		c.Id = k.id
		r, err := k.k.ask(c, nil)
		if err == nil || answered(err) || ctx.Err() != nil {
			return r, err
		}
		k.k.close()
		k.k = nil
	}
}

// answered reports whether an error is the server's last word.
func answered(err error) bool {
	e := (*im.Error)(nil)
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case im.CodeZoneUnavailable, im.CodeOverloaded, im.CodeRetryLater, im.CodeUnknownOutcome, im.CodeInternal, im.CodeRateLimited:
		return false
	}
	return true
}

var errEnded = errors.New("the connection has ended")

// ask sends a request and waits for its answer; other gets what comes meanwhile.
func (l *link) ask(c *cxxpb.Call, other func(event)) (*cxxpb.Reply, error) {
	if err := l.send(cxxpb.FrameType_FRAME_CALL, c); err != nil {
		return nil, err
	}
	for {
		select {
		case e := <-l.events:
			switch {
			case e.reply != nil && e.reply.Id == c.Id:
				return e.reply, nil
			case e.fail != nil && e.fail.Id == c.Id:
				return nil, proto.ErrorFromPB(e.fail)
			case other != nil:
				other(e)
			}
		case <-l.ended:
			return nil, errEnded
		case <-time.After(max(deafAfter-l.quiet(), time.Second)):
			return nil, errEnded
		}
	}
}

func (k *keeper) must(t *testing.T, c *cxxpb.Call) *cxxpb.Reply {
	t.Helper()
	r, err := k.call(c)
	must(t, err)
	return r
}

// found makes the group.
func (k *keeper) found(t *testing.T, name string) (id uint64, addr string) {
	t.Helper()
	r := k.must(t, &cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: &cxxpb.Group{Addr: name, Title: name}}}})
	return r.GetGroup().Group.Id, r.GetGroup().Group.Addr
}

// admit makes users members, as many at a time as one request takes.
func (k *keeper) admit(t *testing.T, g uint64, all []*member) {
	t.Helper()
	for some := range slices.Chunk(all, 100) {
		var acts []*cxxpb.Act
		for _, m := range some {
			acts = append(acts, &cxxpb.Act{Verb: uint32(im.ActRole), User: uint64(m.user), Role: uint32(im.RoleMember)})
		}
		k.must(t, groupCall(g, acts...))
	}
}

// say sends a text, waits for the ack and returns its place.
func (k *keeper) say(t *testing.T, g uint64, text string) uint64 {
	t.Helper()
	k.must(t, &cxxpb.Call{Op: &cxxpb.Call_GroupGet{GroupGet: &cxxpb.GroupGetCall{Group: g}}}) // be connected
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id++
	k.said[text] = true
	id := im.ClientID{}
	copy(id[:], uuid())
	must(t, k.k.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: k.id, Group: g, ClientId: id[:], Text: text}))
	return k.k.wait(t, patience, "the ack", func(e event) bool { return e.ack != nil && e.ack.Id == k.id }).ack.Seq
}

// timeline reads all of it.
func (k *keeper) timeline(t *testing.T, g uint64) (all []*cxxpb.Entry) {
	t.Helper()
	for cursor := uint64(0); ; cursor = all[len(all)-1].Seq {
		page := k.must(t, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g, Cursor: cursor}}}).GetSync()
		if len(page.Entries) == 0 {
			return all
		}
		all = append(all, page.Entries...)
	}
}
