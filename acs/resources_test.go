package acs

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

func (f *fakeSink) notices(u im.UserID) (out []im.UserPresence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.presence {
		if p.User == u {
			out = append(out, p)
		}
	}
	f.presence = nil
	return out
}

// show renders what is shown of the resources, in a fixed order.
func show(p im.UserPresence) string {
	var out []string
	for _, r := range p.Resources {
		s := r.Resource + " " + r.Presence.Show.String()
		if r.Presence.Status != "" {
			s += " " + r.Presence.Status
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// crowd is alice watching bob over both protocols, and two sessions of bob's.
type crowd struct {
	*world
	cxx, xmpp *fakeSink
	x         *session // of alice's
	phone     *session
	desk      *session
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	w := newWorld(t)
	end := w.run(t)
	t.Cleanup(func() { _ = end() })
	w.befriended(im.SubBoth)
	w.store.contacts[bob] = []im.Contact{{User: alice, Sub: im.SubBoth, Listed: true}}
	c := &crowd{world: w}
	c.phone, _ = w.open(t, bob, 5, 1)
	c.desk, _ = w.openXMPP(t, bob, 6)
	var s *session
	s, c.cxx = w.open(t, alice, 1, 1)
	c.x, c.xmpp = w.openXMPP(t, alice, 2)
	for _, s := range []*session{s, c.x} {
		if _, err := s.ContactPresence(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	advance(2 * time.Second)
	c.cxx.notices(bob)
	c.xmpp.notices(bob)
	return c
}

func (c *crowd) set(t *testing.T, s *session, p im.Presence) {
	t.Helper()
	if err := s.SetPresence(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	advance(200 * time.Millisecond)
}

// wants checks what alice's sessions were told of bob: of the whole, and of each
// resource; "" for nothing.
func (c *crowd) wants(t *testing.T, step, cxx, xmpp string) {
	t.Helper()
	got := c.cxx.notices(bob)
	if cxx == "" && len(got) > 0 || cxx != "" && (len(got) != 1 || got[0].Show.String() != cxx) {
		t.Errorf("%s: the C-XX session was told %+v; want %q", step, got, cxx)
	}
	got = c.xmpp.notices(bob)
	if xmpp == "" && len(got) > 0 || xmpp != "" && (len(got) != 1 || show(got[0]) != strings.TrimPrefix(xmpp, "nobody")) {
		t.Errorf("%s: the XMPP session was told %+v; want %q", step, got, xmpp)
	}
}

// RFC 6121 section 4.4: an XMPP session hears of every resource, a C-XX session
// of the whole.
func TestResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.set(t, c.desk, im.Presence{Show: im.ShowAway})
		c.wants(t, "the lesser one changed", "", "d5 online, d6 away")
		c.set(t, c.desk, im.Presence{Show: im.ShowAway, Priority: 5})
		c.wants(t, "its priority changed", "", "d5 online, d6 away")
		c.set(t, c.desk, im.Presence{Show: im.ShowAway, Priority: 5, Ext: "<c/>"})
		c.wants(t, "its extensions changed", "", "d5 online, d6 away")
		c.set(t, c.desk, im.Presence{Show: im.ShowAway, Priority: 5, Ext: "<c/>", Interests: "urn:x\n"})
		c.wants(t, "what it wants to hear changed", "", "")
		c.set(t, c.desk, im.Presence{Show: im.ShowAway, Priority: 5, Ext: "<c/>", Interests: "urn:x\n"})
		c.wants(t, "nothing changed", "", "")
		c.set(t, c.phone, im.Presence{Show: im.ShowInvisible})
		c.wants(t, "the phone is not to be seen", "away", "d6 away")
		c.set(t, c.phone, im.Presence{Show: im.ShowChat, Status: "hi"})
		c.wants(t, "it is again", "chat", "d5 chat hi, d6 away")
		c.phone.Close()
		advance(time.Second)
		c.wants(t, "it lingers", "", "")
		if got := c.x.SessionsOf(bob); len(got) != 2 {
			t.Errorf("while one lingers the sessions are %+v", got)
		}
		advance(c.cfg.Grace.D() + 2*time.Second)
		c.wants(t, "it has left", "away", "d6 away")
		c.set(t, c.desk, im.Presence{})
		c.wants(t, "both have", "offline", "nobody")
	})
}

// RFC 6121 section 4.5.2: the words of a session that goes offline reach the
// contacts, also when it ends right after, and also from another node.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		bye := im.Presence{Status: "bye"}
		c.set(t, c.desk, bye)
		c.wants(t, "offline with a text", "", "d5 online, d6 offline bye")
		c.set(t, c.desk, im.Presence{Status: "bye bye"})
		c.wants(t, "it was offline already", "", "")
		c.set(t, c.desk, im.Presence{Show: im.ShowOnline})
		c.wants(t, "back", "", "d5 online, d6 online")
		if err := c.desk.SetPresence(t.Context(), bye); err != nil {
			t.Fatal(err)
		}
		c.desk.Close()
		advance(200 * time.Millisecond)
		c.wants(t, "and closed at once", "", "d5 online, d6 offline bye")
		advance(c.cfg.Grace.D() + 2*time.Second)
		c.wants(t, "it does not linger", "", "")

		c.away()
		advance(200 * time.Millisecond)
		c.cxx.notices(bob)
		c.xmpp.notices(bob)
		far := info(bob, 51, im.ShowOffline)
		far.Protocol, far.Resource, far.Presence.Status = im.ProtocolXMPP, "far", "good night"
		c.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{far}, Down: []im.SessionKey{far.SessionKey}}})
		advance(200 * time.Millisecond)
		if got := c.xmpp.notices(bob); len(got) != 1 || !strings.Contains(show(got[0]), "far offline good night") {
			t.Errorf("of the session on another node alice heard %+v", got)
		}
	})
}

// A session that says something as it ends announces that to the peers before it
// is taken back.
func TestLastWordsAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		s, _ := w.open(t, bob, 5, 1)
		advance(time.Second)
		w.mesh.mu.Lock()
		w.mesh.sent = nil
		w.mesh.mu.Unlock()
		if err := s.SetPresence(t.Context(), im.Presence{Status: "bye"}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		advance(time.Second)
		w.mesh.mu.Lock()
		defer w.mesh.mu.Unlock()
		if len(w.mesh.sent) != 1 || w.mesh.sent[0].Sessions == nil {
			t.Fatalf("announced %+v", w.mesh.sent)
		}
		u := w.mesh.sent[0].Sessions
		if len(u.Up) != 1 || u.Up[0].Presence.Status != "bye" || len(u.Down) != 1 {
			t.Errorf("announced %+v", u)
		}
		if n := w.registry.count(); n != 0 {
			t.Errorf("the registry has %d sessions", n)
		}
	})
}

// RFC 6121 section 4.2.2: an XMPP session sees the user's own sessions.
func TestOwnResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		list, err := c.desk.ContactPresence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		own := slices.IndexFunc(list, func(p im.UserPresence) bool { return p.User == bob })
		if own < 0 || show(list[own]) != "d5 online, d6 online" {
			t.Errorf("answered %+v", list)
		}
		c.set(t, c.phone, im.Presence{Show: im.ShowDND})
		if got := c.desk.sink.(*fakeSink).notices(bob); len(got) != 1 || show(got[0]) != "d5 busy, d6 online" {
			t.Errorf("told %+v", got)
		}
		list, err = c.phone.ContactPresence(t.Context())
		if err != nil || slices.ContainsFunc(list, func(p im.UserPresence) bool { return p.User == bob }) {
			t.Errorf("a C-XX session was answered %+v, %v", list, err)
		}
	})
}

// XEP-0191 sections 3.3 and 3.4: from the block on each is offline to the other,
// and it is as it was when it is over. Nobody else notices.
func TestPresenceAcrossABlock(t *testing.T) {
	for _, who := range []string{"alice", "bob"} {
		t.Run(who+" blocks", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				carol, carolSink := c.open(t, 9, 1, 1)
				c.store.contacts[9] = []im.Contact{{User: bob, Sub: im.SubBoth}, {User: alice, Sub: im.SubBoth}}
				for _, s := range []*session{carol, c.desk} {
					if _, err := s.ContactPresence(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				advance(2 * time.Second)
				bobSink := c.desk.sink.(*fakeSink)
				bobSink.notices(alice)
				carolSink.notices(bob)
				blocker, other := c.x, bob
				if who == "bob" {
					blocker, other = c.phone, alice
				}
				if err := blocker.Block(t.Context(), []im.Addr{addrOf(other)}); err != nil {
					t.Fatal(err)
				}
				advance(200 * time.Millisecond)
				c.wants(t, "blocked", "offline", "nobody")
				if got := bobSink.notices(alice); len(got) != 1 || got[0].Show != im.ShowOffline || !got[0].LastSeen.IsZero() {
					t.Errorf("bob was told %+v of alice", got)
				}
				c.set(t, c.phone, im.Presence{Show: im.ShowDND})
				c.set(t, c.desk, im.Presence{Show: im.ShowOffline, Status: "bye"})
				c.wants(t, "what bob does", "", "")
				if got := carolSink.notices(bob); len(got) != 1 || got[0].Show != im.ShowDND {
					t.Errorf("carol was told %+v", got)
				}
				list, err := c.x.ContactPresence(t.Context())
				if err != nil || slices.ContainsFunc(list, func(p im.UserPresence) bool {
					return p.User == bob && (p.Show != im.ShowOffline || !p.LastSeen.IsZero())
				}) {
					t.Errorf("who asks is answered %+v, %v", list, err)
				}
				advance(2 * time.Second)
				c.wants(t, "after the answer", "", "")
				if err := blocker.Unblock(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				advance(200 * time.Millisecond)
				c.wants(t, "unblocked", "busy", "d5 busy")
				if got := bobSink.notices(alice); len(got) != 1 || got[0].Show != im.ShowOnline {
					t.Errorf("bob was told %+v of alice", got)
				}
			})
		})
	}
}

// Across a block nobody learns since when the other is away either; and the lists
// of all contacts are read at once.
func TestLastSeenAcrossABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		at := time.Now().Add(-time.Hour).UTC()
		for u := im.UserID(10); u < 40; u++ {
			w.store.contacts[alice] = append(w.store.contacts[alice], im.Contact{User: u, Addr: addrOf(u), Sub: im.SubBoth, Listed: true})
			w.store.profiles[u] = im.Profile{SeenAt: at}
		}
		w.store.blocked = map[im.UserID][]im.Addr{11: {addrOf(alice)}, alice: {addrOf(12)}}
		s, sink := w.open(t, alice, 1, 1)
		list, err := s.ContactPresence(t.Context())
		if err != nil || len(list) != 30 {
			t.Fatalf("%d answers, %v", len(list), err)
		}
		for _, p := range list {
			if p.LastSeen.IsZero() != (p.User == 11 || p.User == 12) {
				t.Errorf("answered %+v", p)
			}
		}
		if n := w.store.calls("block lists"); n != 1 {
			t.Errorf("the lists were read in %d calls", n)
		}
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(11, 1, im.ShowOnline), info(12, 2, im.ShowOnline), info(13, 3, im.ShowOnline)}}})
		advance(2 * time.Second)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Down: []im.SessionKey{{User: 11, Session: 1}, {User: 12, Session: 2}, {User: 13, Session: 3}}}})
		advance(2 * time.Second)
		if p, ok := sink.shown(13); !ok || p.LastSeen.IsZero() {
			t.Errorf("told of 13: %+v, %v", p, ok)
		}
		for _, u := range []im.UserID{11, 12} {
			if p, ok := sink.shown(u); ok {
				t.Errorf("told %+v across a block", p)
			}
		}
	})
}

// Whoever has blocked anybody still sees the others, whom this node may never have
// heard of.
func TestPresenceBesideABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s, sink := watchWorld(t)
		if err := s.Block(t.Context(), []im.Addr{addrOf(50)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ContactPresence(t.Context()); err != nil {
			t.Fatal(err)
		}
		advance(2 * time.Second)
		s.offer(&im.Entry{Seq: 2, Kind: im.KindContact, Contact: &im.Contact{User: 9, Sub: im.SubTo, Listed: true}}, false)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(9, 9, im.ShowAway)}}})
		w.remote(im.ShowDND)
		advance(time.Second)
		wantShown(t, sink, im.ShowDND)
		if p, _ := sink.shown(9); p.Show != im.ShowAway {
			t.Errorf("the client was told %+v", p)
		}
	})
}

// A block of one device hides that device.
func TestPresenceOfABlockedDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		if err := c.x.Block(t.Context(), []im.Addr{{Local: "u8", Domain: "example.org", Resource: "d6"}}); err != nil {
			t.Fatal(err)
		}
		advance(200 * time.Millisecond)
		c.wants(t, "one device blocked", "", "d5 online")
		c.set(t, c.phone, im.Presence{Show: im.ShowAway})
		c.wants(t, "the other is away", "away", "d5 away")
	})
}

// The block of a peer's user is heard of by its word, and without one while there
// is no link.
func TestPresenceAndAPeersBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.LinkUp(2, 5)
		c.away()
		advance(200 * time.Millisecond)
		c.cxx.notices(bob)
		c.xmpp.notices(bob)
		block := func(list ...im.Addr) {
			c.store.mu.Lock()
			defer c.store.mu.Unlock()
			c.store.blocked = map[im.UserID][]im.Addr{bob: list}
		}
		block(addrOf(alice))
		c.Receive(2, im.Envelope{Blocks: &im.Blocks{User: bob}})
		advance(200 * time.Millisecond)
		c.wants(t, "the peer says it", "offline", "nobody")
		block()
		c.LinkDown(2, 5)
		advance(6 * time.Second)
		if got := c.cxx.notices(bob); len(got) == 0 || got[0].Show != im.ShowOnline {
			t.Errorf("without a link alice was told %+v", got)
		}
	})
}

// Who may not be seen because nobody knows whether he may is shown as soon as
// that is known.
func TestPresenceWithoutBlockList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		w.befriended(im.SubBoth)
		w.remote(im.ShowOnline)
		w.store.failing("blocks", im.Errorf(im.CodeZoneUnavailable, ""))
		s, sink := w.open(t, alice, 1, 1)
		list, err := s.ContactPresence(t.Context())
		if err != nil || len(list) != 1 || list[0].Show != im.ShowOffline {
			t.Errorf("answered %+v, %v", list, err)
		}
		advance(5 * time.Second)
		w.store.failing("blocks", nil)
		advance(time.Second)
		wantShown(t, sink, im.ShowOnline)
	})
}

func TestPresenceLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.open(t, alice, 1, 1)
		big := strings.Repeat("x", maxExt)
		for _, c := range []struct {
			p    im.Presence
			want im.ErrorCode
		}{
			{im.Presence{Show: im.ShowOnline, Ext: big, Interests: big}, 0},
			{im.Presence{Show: im.ShowOnline, Ext: big + "x"}, im.CodeTooLarge},
			{im.Presence{Show: im.ShowOnline, Interests: big + "x"}, im.CodeTooLarge},
			{im.Presence{Show: im.ShowOnline, Status: strings.Repeat("x", 1025)}, im.CodeTooLarge},
			{im.Presence{Show: im.ShowChat + 1}, im.CodeInvalid},
		} {
			wantCode(t, s.SetPresence(t.Context(), c.p), c.want)
			o := opening(alice, 2, 1, &fakeSink{})
			o.Presence = c.p
			_, _, err := w.Open(t.Context(), o)
			wantCode(t, err, c.want)
		}
		// Going offline is never held back.
		for range 3 * w.cfg.ChangeBurst {
			_ = s.changes.take(w.now(), w.cfg.ChangeRate, w.cfg.ChangeBurst)
		}
		wantCode(t, s.SetPresence(t.Context(), im.Presence{}), 0)
	})
}

func TestLastSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		long := time.Now().Add(-time.Hour).UTC()
		w.store.profiles[9] = im.Profile{SeenAt: long}
		w.store.profiles[10] = im.Profile{SeenAt: long, LastSeen: im.ToNobody}
		w.store.profiles[11] = im.Profile{SeenAt: long, LastSeen: im.ToEveryone}
		w.store.contacts[9] = []im.Contact{{User: alice, Sub: from}}
		w.store.contacts[10] = []im.Contact{{User: alice, Sub: from}}
		w.store.contacts[bob] = []im.Contact{{User: alice, Sub: from}}
		check := func(u im.UserID, want time.Time, code im.ErrorCode) {
			t.Helper()
			at, err := a.LastSeen(t.Context(), u)
			if im.CodeOf(err) != code || !at.Equal(want) {
				t.Errorf("last seen of %d is %v, %v; want %v, %v", u, at, err, want, code)
			}
		}
		check(9, long, 0)
		check(10, time.Time{}, im.CodeForbidden)
		check(11, long, 0)
		check(12, time.Time{}, im.CodeForbidden)
		check(im.ForeignID(addrOf(9)), time.Time{}, im.CodeForbidden)
		check(bob, time.Time{}, 0)
		check(alice, time.Time{}, 0)
		if err := b.SetPresence(t.Context(), im.Presence{}); err != nil {
			t.Fatal(err)
		}
		b.Close()
		check(bob, time.Now(), 0)
		w.store.blocked = map[im.UserID][]im.Addr{9: {addrOf(alice)}}
		w.blocks.drop(9)
		check(9, time.Time{}, im.CodeForbidden)
		if err := a.Block(t.Context(), []im.Addr{addrOf(11)}); err != nil {
			t.Fatal(err)
		}
		check(11, time.Time{}, im.CodeOwnBlock)
	})
}

// Presence reads the address of nobody but whom a watcher may have blocked: a
// flush must not wait for as many reads as there are watchers.
func TestPresenceReadsFewAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer func() { _ = end() }()
		w.store.blocked = map[im.UserID][]im.Addr{9: {addrOf(50)}, bob: {addrOf(50)}}
		for _, u := range []im.UserID{alice, 9} { // both watch bob, who is away; one of them has a list
			w.store.contacts[u] = []im.Contact{{User: bob, Sub: im.SubBoth, Listed: true}}
			s, _ := w.openXMPP(t, u, im.DeviceID(u))
			if _, err := s.ContactPresence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		advance(2 * time.Second)
		w.addrs.mu.Lock()
		clear(w.addrs.addrs)
		w.addrs.mu.Unlock()
		n := w.store.calls("account")
		w.away()
		advance(2 * time.Second)
		if got := w.store.calls("account") - n; got != 1 {
			t.Errorf("%d addresses were read; want bob's", got)
		}
	})
}
