package acs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

const alice, bob im.UserID = 7, 8

// remote announces sessions of node 2 with shows for bob; none: he has gone.
func (w *world) remote(shows ...im.Show) {
	u := &im.SessionsUpdate{}
	for i := range 4 {
		if i < len(shows) {
			u.Up = append(u.Up, info(bob, im.SessionID(i), shows[i]))
		} else {
			u.Down = append(u.Down, im.SessionKey{User: bob, Session: im.SessionID(i)})
		}
	}
	w.Receive(2, im.Envelope{Sessions: u})
}

func (w *world) befriended(sub im.Subscription) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.contacts[alice] = []im.Contact{{User: bob, Sub: sub, Listed: true}}
}

// contact pushes the entry that a contact's change is logged as.
func (s *session) contact(seq uint64, sub im.Subscription) {
	s.offer(&im.Entry{Seq: seq, Kind: im.KindContact, Contact: &im.Contact{User: bob, Sub: sub, Listed: true}}, false)
}

func watchWorld(t *testing.T) (w *world, s *session, sink *fakeSink) {
	t.Helper()
	w = newWorld(t)
	end := w.run(t)
	t.Cleanup(func() { _ = end() })
	w.befriended(im.SubBoth)
	w.remote(im.ShowOnline)
	s, sink = w.open(t, alice, 1, 1)
	return w, s, sink
}

func wantShown(t *testing.T, sink *fakeSink, want im.Show) im.UserPresence {
	t.Helper()
	last, ok := sink.shown(bob)
	if !ok || last.Show != want {
		t.Errorf("the client was told last that bob is %v (%v); want %v", last.Show, ok, want)
	}
	return last
}

// What changes while the answer is being put together goes out before it, and
// is told again behind it.
func TestPresenceChangesDuringTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, sink := watchWorld(t)
		w.store.contacts[alice] = append(w.store.contacts[alice], im.Contact{User: 9, Sub: im.SubBoth}) // offline: profiles are read
		w.store.on("profiles", func() {
			w.remote(im.ShowAway)
			advance(200 * time.Millisecond)
		})
		answer, err := s.ContactPresence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range answer {
			if p.User == bob {
				sink.PushPresence(p) // the answer as the client gets it, last
			}
		}
		advance(2 * time.Second)
		wantShown(t, sink, im.ShowAway)
	})
}

// A friendship that ends while the list is being read is not watched.
func TestContactRemovedDuringTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, sink := watchWorld(t)
		w.store.on("contacts", func() { s.contact(1, im.SubFrom) })
		answer, err := s.ContactPresence(t.Context())
		if err != nil || len(answer) != 0 {
			t.Errorf("answered %v, %v; want nobody", answer, err)
		}
		w.remote(im.ShowAway)
		advance(2 * time.Second)
		if p, told := sink.shown(bob); told && p.Show != im.ShowOffline {
			t.Errorf("told %v of somebody who may not be seen", p)
		}
	})
}

// A notice that is on its way when the friendship ends is not delivered.
func TestContactRemovedDuringANotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, sink := watchWorld(t)
		if _, err := s.ContactPresence(t.Context()); err != nil {
			t.Fatal(err)
		}
		advance(2 * time.Second)
		w.befriended(im.SubBoth)
		w.store.contacts[alice] = append(w.store.contacts[alice], im.Contact{User: 9, Sub: im.SubBoth})
		_, _ = s.ContactPresence(t.Context())
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(9, 9, im.ShowAway)}}})
		advance(2 * time.Second)
		w.store.on("profiles", func() { s.contact(1, im.SubFrom) })
		w.remote(im.ShowDND)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Down: []im.SessionKey{{User: 9, Session: 9}}}})
		advance(2 * time.Second)
		wantShown(t, sink, im.ShowOffline)
	})
}

// A connection that fell behind has missed contact changes and presence; when it
// has synced, both are right.
func TestPresenceAfterFallingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, sink := watchWorld(t)
		if _, err := s.ContactPresence(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.store.mu.Lock()
		w.store.contacts[alice] = []im.Contact{{User: bob, Sub: im.SubFrom}, {User: 9, Sub: im.SubBoth}}
		w.store.mu.Unlock()
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(9, 9, im.ShowAway)}}})
		sink.block(true)
		s.contact(1, im.SubFrom)
		sink.block(false)
		s.synced(2, 2)
		advance(2 * time.Second)
		wantShown(t, sink, im.ShowOffline)
		if p, _ := sink.shown(9); p.Show != im.ShowAway {
			t.Errorf("the new contact is shown as %v", p.Show)
		}
		w.remote(im.ShowChat)
		advance(2 * time.Second)
		wantShown(t, sink, im.ShowOffline)
	})
}

// Who logs out on another node was there until now, although the storage does
// not know it yet; who lets nobody know stays unknown.
func TestLastSeenOfWhoHasJustLeft(t *testing.T) {
	for name, c := range map[string]struct {
		who   im.Visibility
		shown bool
	}{"to contacts": {im.ToContacts, true}, "to nobody": {im.ToNobody, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s, sink := watchWorld(t)
				w.store.profiles[bob] = im.Profile{LastSeen: c.who, SeenAt: time.Now().Add(-24 * time.Hour)}
				if _, err := s.ContactPresence(t.Context()); err != nil {
					t.Fatal(err)
				}
				advance(time.Minute)
				left := time.Now()
				w.remote()
				advance(time.Second)
				p := wantShown(t, sink, im.ShowOffline)
				if recent := left.Sub(p.LastSeen) <= 10*time.Second; recent != c.shown || !c.shown && !p.LastSeen.IsZero() {
					t.Errorf("last seen %v, left %v", p.LastSeen, left)
				}
			})
		})
	}
}
