package acs

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
)

// XEP-0191 section 3.2: who is blocked has nothing to look at, and of whoever has
// blocked somebody that one learns nothing.
func TestContactsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		friends := []im.Contact{{User: bob, Addr: addrOf(bob)}, {User: 9, Addr: addrOf(9)}, {User: im.ForeignID(addrOf(9))}, {User: 8, Addr: addrOf(8)}}
		w.store.mu.Lock()
		for _, k := range friends[:2] {
			w.store.contacts[k.User] = []im.Contact{{User: alice, Sub: both, Listed: true}}
		}
		w.store.mu.Unlock()
		want := func(what string, code im.ErrorCode, users ...im.UserID) {
			t.Helper()
			got, err := a.ContactsOf(t.Context(), friends)
			wantCode(t, err, code)
			if len(got) != len(users) {
				t.Errorf("%s: %v", what, got)
			}
			for _, u := range users {
				if got[u].User != alice || got[u].Sub != both {
					t.Errorf("%s: %d has %+v", what, u, got[u])
				}
			}
		}
		before := w.store.calls("contact") + w.store.calls("account")
		want("all", 0, bob, 9)
		if n := w.store.calls("contact") + w.store.calls("account") - before; n > 0 || w.store.calls("contacts of") != 1 {
			t.Errorf("contacts were read one by one: %d, %d", n, w.store.calls("contacts of"))
		}
		if err := b.Block(t.Context(), []im.Addr{addrOf(alice)}); err != nil {
			t.Fatal(err)
		}
		want("one has blocked her", 0, 9)
		if err := a.Block(t.Context(), []im.Addr{addrOf(9)}); err != nil {
			t.Fatal(err)
		}
		want("she has blocked the other", 0)

		if err := errors.Join(a.Unblock(t.Context(), nil), b.Unblock(t.Context(), nil)); err != nil {
			t.Fatal(err)
		}
		w.store.failing("contacts of", errors.New("disk on fire"))
		want("the contacts cannot be read", im.CodeInternal)
		w.store.failing("contacts of", nil)
		w.store.failing("block lists", errors.New("disk on fire"))
		w.blocks.drop(bob)
		want("one block list cannot be read", im.CodeInternal, 9)
	})
}

// An error of the storage is not shown.
func TestLeavesOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		got, err := a.LeavesOf(t.Context(), []im.UserID{bob}, []string{"n"})
		if _, ok := got[bob]; !ok || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		w.store.failing("leaves of", errors.New("disk on fire"))
		_, err = a.LeavesOf(t.Context(), []im.UserID{bob}, []string{"n"})
		wantCode(t, err, im.CodeInternal)
	})
}
