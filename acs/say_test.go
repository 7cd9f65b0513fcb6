package acs

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
)

// talkWorld is a running world with a session each of alice and bob.
func talkWorld(t *testing.T) (w *world, a, b *session) {
	t.Helper()
	w = newWorld(t)
	end := w.run(t)
	t.Cleanup(func() { _ = end() })
	a, _ = w.open(t, alice, 1, 1)
	b, _ = w.open(t, bob, 2, 1)
	return w, a, b
}

func (w *world) sub(owner, peer im.UserID) im.Subscription {
	c, _ := w.store.Contact(context.Background(), owner, peer)
	return c.Sub
}

// said lists what the entries of a log since seq n say that the contact said.
func (w *world) said(owner im.UserID, n int) (out []im.SubEvent) {
	for _, e := range w.store.log(owner)[n:] {
		out = append(out, e.Contact.Said...)
	}
	return out
}

func wantSaid(t *testing.T, w *world, owner im.UserID, n int, want ...im.SubEvent) {
	t.Helper()
	if got := w.said(owner, n); !slices.Equal(got, want) {
		t.Errorf("user %d was told %v; want %v", owner, got, want)
	}
}

func wantCode(t *testing.T, err error, want im.ErrorCode) {
	t.Helper()
	if im.CodeOf(err) != want {
		t.Errorf("got %v; want %v", err, want)
	}
}

func subscription(t *testing.T, s *session, peer im.UserID, e im.SubEvent) {
	t.Helper()
	if err := s.Subscription(t.Context(), im.Contact{User: peer}, e); err != nil {
		t.Fatal(err)
	}
}

// RFC 6121 sections 3.1 to 3.3: the whole life of a subscription, on both sides.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		ask := im.Contact{User: bob, Note: "it is me", Ext: []byte("<presence/>")}
		if err := a.Subscription(t.Context(), ask, im.Subscribe); err != nil {
			t.Fatal(err)
		}
		mine, err := a.Contact(t.Context(), bob)
		if err != nil || mine.Sub != out || !mine.Listed || mine.Addr != addrOf(bob) || mine.Note != "" || mine.Ext != nil {
			t.Errorf("3.1.2: the asker has %+v, %v", mine, err)
		}
		theirs, err := a.ContactOf(t.Context(), bob)
		if err != nil || theirs.Sub != in || theirs.Listed || theirs.Note != "it is me" || string(theirs.Ext) != "<presence/>" || theirs.Addr != addrOf(alice) {
			t.Errorf("3.1.3: the asked has %+v, %v", theirs, err)
		}
		wantSaid(t, w, bob, 0, im.Subscribe)
		wantSaid(t, w, alice, 0)

		subscription(t, b, alice, im.Subscribed)
		if w.sub(alice, bob) != to || w.sub(bob, alice) != from {
			t.Errorf("3.1.5: %05b and %05b", w.sub(alice, bob), w.sub(bob, alice))
		}
		if c, _ := b.Contact(t.Context(), alice); !c.Listed || c.Note != "" || c.Ext != nil {
			t.Errorf("3.1.5: who said yes has %+v", c)
		}
		wantSaid(t, w, alice, 0, im.Subscribed)

		n := len(w.store.log(bob))
		subscription(t, a, bob, im.Unsubscribe)
		wantSaid(t, w, bob, n, im.Unsubscribe)
		if w.sub(alice, bob) != none || w.sub(bob, alice) != none {
			t.Errorf("3.3.3: %05b and %05b", w.sub(alice, bob), w.sub(bob, alice))
		}
		if c, _ := b.Contact(t.Context(), alice); !c.Listed {
			t.Error("3.3.3: a contact was taken off the list")
		}
	})
}

// RFC 6121 section 3.2: a cancelled subscription reaches who had it.
func TestSubscriptionCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		subscription(t, a, bob, im.Subscribe)
		subscription(t, b, alice, im.Subscribed)
		n := len(w.store.log(alice))
		subscription(t, b, alice, im.Unsubscribed)
		wantSaid(t, w, alice, n, im.Unsubscribed)
		if w.sub(alice, bob) != none || w.sub(bob, alice) != none {
			t.Errorf("3.2.3: %05b and %05b", w.sub(alice, bob), w.sub(bob, alice))
		}
	})
}

// RFC 6121 section 3.1.3: a request that is repeated is not delivered again; the
// newest words are kept.
func TestSubscribeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		subscription(t, a, bob, im.Subscribe)
		n, m := len(w.store.log(bob)), len(w.store.log(alice))
		subscription(t, a, bob, im.Subscribe)
		if len(w.store.log(bob)) != n || len(w.store.log(alice)) != m {
			t.Error("a repeated request was logged")
		}
		if err := a.Subscription(t.Context(), im.Contact{User: bob, Ext: []byte("<nick/>")}, im.Subscribe); err != nil {
			t.Fatal(err)
		}
		wantSaid(t, w, bob, n)
		if c, _ := a.ContactOf(t.Context(), bob); string(c.Ext) != "<nick/>" {
			t.Errorf("the request is kept as %q", c.Ext)
		}
	})
}

// RFC 6121 sections 3.1.3 and 3.4: the server says yes for who lets the asker see
// already, or has said so before; the asker learns it, the asked is not bothered.
func TestSubscribeAutomaticAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		subscription(t, b, alice, im.Subscribed)
		if c, _ := b.Contact(t.Context(), alice); c.Sub != pre || !c.Listed {
			t.Errorf("3.4.2: a pre-approval is kept as %+v", c)
		}
		if len(w.store.log(alice)) != 0 {
			t.Error("3.4.2: a pre-approval was routed")
		}
		n := len(w.store.log(bob))
		subscription(t, a, bob, im.Subscribe)
		wantSaid(t, w, bob, n)
		wantSaid(t, w, alice, 0, im.Subscribed)
		log := w.store.log(alice)
		if e := log[len(log)-1]; e.From != bob || e.Peer != bob || e.Contact.Sub != to {
			t.Errorf("the answer is logged as %+v", e)
		}
		if w.sub(bob, alice) != from {
			t.Errorf("3.4.2: afterwards %05b", w.sub(bob, alice))
		}
		// Alice's side was lost half-way: she asks again and is answered again.
		w.store.mu.Lock()
		w.store.contacts[alice] = nil
		w.store.mu.Unlock()
		n, m := len(w.store.log(bob)), len(w.store.log(alice))
		subscription(t, a, bob, im.Subscribe)
		wantSaid(t, w, alice, m, im.Subscribed)
		if len(w.store.log(bob)) != n || w.sub(alice, bob) != to {
			t.Errorf("3.1.3: afterwards %05b", w.sub(alice, bob))
		}
	})
}

// What did not reach the other side can be said again.
func TestSubscriptionHalfDone(t *testing.T) {
	for _, c := range []struct {
		say        im.SubEvent
		mine, want im.Subscription
		theirs     im.Subscription
		after      im.Subscription
	}{
		{im.Subscribed, in, from, out, to},
		{im.Unsubscribed, from, none, to, none},
		{im.Subscribe, none, out, none, in},
		{im.Unsubscribe, to, none, from, none},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, a, _ := talkWorld(t)
			w.store.contacts[alice] = []im.Contact{{User: bob, Sub: c.mine, Listed: true}}
			w.store.contacts[bob] = []im.Contact{{User: alice, Sub: c.theirs, Listed: true}}
			w.store.failing("update contact of 8", im.Errorf(im.CodeZoneUnavailable, ""))
			wantCode(t, a.Subscription(t.Context(), im.Contact{User: bob}, c.say), im.CodeUnknownOutcome)
			if w.sub(alice, bob) != c.want || w.sub(bob, alice) != c.theirs {
				t.Errorf("%d half done: %05b and %05b", c.say, w.sub(alice, bob), w.sub(bob, alice))
			}
			w.store.failing("update contact of 8", nil)
			subscription(t, a, bob, c.say)
			if w.sub(bob, alice) != c.after {
				t.Errorf("%d again: the other has %05b; want %05b", c.say, w.sub(bob, alice), c.after)
			}
		})
	}
}

// RFC 6121 section A.2.4: a refusal of nothing is not routed.
func TestUnsubscribedOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		w.store.contacts[bob] = []im.Contact{{User: alice, Sub: out, Listed: true}}
		subscription(t, a, bob, im.Unsubscribed)
		if w.sub(bob, alice) != out || len(w.store.log(bob)) != 0 {
			t.Errorf("it reached the other: %05b", w.sub(bob, alice))
		}
	})
}

// A foreign contact is a matter of the user's own list.
func TestForeignContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		addr := im.Addr{Local: "romeo", Domain: "montague.example"}
		c := im.Contact{User: im.ForeignID(addr), Addr: addr, Name: "Romeo", Groups: []string{"Friends"}}
		if err := a.ContactPut(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			say  im.SubEvent
			want im.Subscription
		}{{im.Subscribe, out}, {im.Subscribed, out | pre}, {im.Unsubscribe, pre}, {im.Unsubscribed, none}} {
			if err := a.Subscription(t.Context(), c, step.say); err != nil {
				t.Fatal(err)
			}
			if got, _ := a.Contact(t.Context(), c.User); got.Sub != step.want || got.Addr != addr || got.Name != "Romeo" || !got.Listed {
				t.Errorf("after %d the entry is %+v", step.say, got)
			}
		}
		if err := a.ContactRemove(t.Context(), c.User); err != nil {
			t.Fatal(err)
		}
		if list, _ := a.ContactList(t.Context()); len(list) != 0 {
			t.Errorf("the list has %+v", list)
		}
		c.User++
		wantCode(t, a.ContactPut(t.Context(), c), im.CodeInvalid)
		wantCode(t, a.Subscription(t.Context(), c, im.Subscribe), im.CodeInvalid)
		for _, method := range []string{"update contact of " + c.User.String(), "account"} {
			if w.store.calls(method) != 0 {
				t.Errorf("%s was called for a foreign contact", method)
			}
		}
	})
}

// RFC 6121 section 2.5: who is taken off the list is let go on both sides, however
// little there was.
func TestContactRemove(t *testing.T) {
	for _, c := range []struct {
		mine, theirs, after im.Subscription
		said                []im.SubEvent
	}{
		{both, both, none, []im.SubEvent{im.Unsubscribe, im.Unsubscribed}},
		{to, from, none, []im.SubEvent{im.Unsubscribe}},
		{from, to, none, []im.SubEvent{im.Unsubscribed}},
		{out, in, none, []im.SubEvent{im.Unsubscribe}},
		{in, out, none, []im.SubEvent{im.Unsubscribed}},
		{none, none, none, nil},
		{pre, none, none, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, a, _ := talkWorld(t)
			w.store.contacts[alice] = []im.Contact{{User: bob, Sub: c.mine, Listed: true, Name: "B", Groups: []string{"g"}}}
			w.store.contacts[bob] = []im.Contact{{User: alice, Sub: c.theirs, Listed: true}}
			if err := a.ContactRemove(t.Context(), bob); err != nil {
				t.Fatal(err)
			}
			if got, _ := a.Contact(t.Context(), bob); got.User != 0 {
				t.Errorf("%05b: left is %+v", c.mine, got)
			}
			if w.sub(bob, alice) != c.after {
				t.Errorf("%05b: the other has %05b", c.mine, w.sub(bob, alice))
			}
			wantSaid(t, w, bob, 0, c.said...)
		})
	}
}

// A contact whose account was removed can still be let go.
func TestContactOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		const nobody = mostUser + 1
		w.store.contacts[alice] = []im.Contact{{User: nobody, Sub: both, Listed: true}}
		subscription(t, a, nobody, im.Unsubscribe)
		if err := a.ContactRemove(t.Context(), nobody); err != nil {
			t.Error(err)
		}
		wantCode(t, a.Subscription(t.Context(), im.Contact{User: nobody}, im.Subscribe), im.CodeNotFound)
		wantCode(t, a.ContactAdd(t.Context(), nobody, "", nil, ""), im.CodeNotFound)
		wantCode(t, a.ContactPut(t.Context(), im.Contact{User: nobody}), im.CodeNotFound)
	})
}

func TestContactLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		w.cfg.MaxContacts, w.cfg.MaxPending = 1, 1
		wantCode(t, a.ContactPut(t.Context(), im.Contact{User: alice}), im.CodeInvalid)
		wantCode(t, a.Subscription(t.Context(), im.Contact{User: alice}, im.Subscribe), im.CodeInvalid)
		wantCode(t, a.Subscription(t.Context(), im.Contact{User: bob}, 9), im.CodeInvalid)
		wantCode(t, a.Subscription(t.Context(), im.Contact{User: bob, Ext: make([]byte, maxExt+1)}, im.Subscribe), im.CodeTooLarge)
		wantCode(t, a.ContactPut(t.Context(), im.Contact{User: bob, Groups: []string{""}}), im.CodeInvalid)
		if err := a.ContactPut(t.Context(), im.Contact{User: bob, Name: "B"}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, a.ContactPut(t.Context(), im.Contact{User: 9}), im.CodeTooMany)
		if err := a.ContactPut(t.Context(), im.Contact{User: bob, Name: "C"}); err != nil {
			t.Errorf("a full list cannot be edited: %v", err)
		}
		w.store.contacts[9] = []im.Contact{{User: 10, Sub: in}}
		wantCode(t, b.Subscription(t.Context(), im.Contact{User: 9}, im.Subscribe), im.CodeTooMany)
	})
}

// XEP-0191 section 3.3: subscriptions and a block.
func TestSubscriptionAcrossABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		subscription(t, a, bob, im.Subscribe)
		subscription(t, b, alice, im.Subscribed)
		if err := b.Block(t.Context(), []im.Addr{addrOf(alice)}); err != nil {
			t.Fatal(err)
		}
		n := len(w.store.log(bob))
		for say := im.Subscribe; say <= im.Unsubscribed; say++ {
			wantCode(t, b.Subscription(t.Context(), im.Contact{User: alice}, say), im.CodeOwnBlock)
		}
		wantCode(t, b.ContactAdd(t.Context(), alice, "", nil, ""), im.CodeOwnBlock)
		subscription(t, a, bob, im.Unsubscribe) // is carried out in silence
		if w.sub(bob, alice) != none {
			t.Errorf("who has blocked still has %05b", w.sub(bob, alice))
		}
		subscription(t, a, bob, im.Subscribe) // stays with the asker
		if w.sub(alice, bob) != out || w.sub(bob, alice) != none {
			t.Errorf("a request across a block: %05b and %05b", w.sub(alice, bob), w.sub(bob, alice))
		}
		wantSaid(t, w, bob, n)
		if err := b.ContactRemove(t.Context(), alice); err != nil {
			t.Errorf("who is blocked cannot be taken off the list: %v", err)
		}
	})
}
