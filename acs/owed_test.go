package acs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// booker cannot write bookmarks while it is away.
type booker struct{ away atomic.Bool }

func (b *booker) Booked(context.Context, im.Session, im.Membership) error {
	if b.away.Load() {
		return im.Errorf(im.CodeZoneUnavailable, "zone 1 is not available")
	}
	return nil
}

// A membership whose bookmark could not be written stays owed, though its user has
// learnt it.
func TestBookmarkStaysOwed(t *testing.T) {
	p := newPeople(t)
	b := &booker{}
	p.srv.UseBooker(b)
	ann, box := p.open("ann", im.ProtocolCXX)
	owed := func() int {
		t.Helper()
		due, err := p.store.Owed(t.Context(), time.Now().Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(due)
	}
	b.away.Store(true)
	p.found(ann, im.Group{})
	box.awaitVerb(t, im.GroupCreated)
	if n := owed(); n != 1 {
		t.Errorf("%d are owed; want the one whose bookmark is missing", n)
	}
	b.away.Store(false)
	p.found(ann, im.Group{})
	if n := owed(); n > 1 {
		t.Errorf("%d are owed when bookmarks can be written", n)
	}
}
