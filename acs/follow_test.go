package acs_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// choked is a connection that takes nothing of the inbox while it is full.
type choked struct {
	*recorder
	full  atomic.Bool
	moved chan uint64
}

func (c *choked) Push(e *im.Entry) bool              { return !c.full.Load() && c.recorder.Push(e) }
func (c *choked) PushMoved(_ im.GroupID, seq uint64) { c.moved <- seq }

// Whoever is made a member while his connection takes nothing follows the group once he
// has read his inbox, and is told of what was said before that.
func TestFollowsWhatItReadLater(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	box := &choked{recorder: &recorder{news: make(chan struct{}, 1)}, moved: make(chan uint64, 1)}
	bob := p.openTo("bob", im.ProtocolCXX, box)
	p.list(bob)
	g, err := ann.GroupCreate(ctx, im.Group{Title: "Team"}, im.Member{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	box.full.Store(true)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}), 0)
	p.want(p.say(ann, g.ID, "nobody follows yet"), 0)
	box.full.Store(false)
	page, err := bob.Sync(ctx, 0, 0)
	if err != nil || len(page.Entries) != 1 {
		t.Fatal(page, err)
	}
	select {
	case seq := <-box.moved:
		if seq != 3 {
			t.Errorf("the timeline is said to end at %d; want 3", seq)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("bob does not follow the group that he has read of")
	}
	p.want(p.say(ann, g.ID, "now bob does"), 0)
	if got := box.await(t, "now bob does"); len(got) != 1 {
		t.Errorf("bob got %q", got)
	}
}
