package acs

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Everybody who follows gets every entry once and in order; who was removed at a
// seq gets nothing from it on, even when the entries come out of order.
func TestRoomOrderAndRemoval(t *testing.T) {
	srv, store := roomServer(t)
	ann, annSink := roomSession(srv, 1, 11, im.ProtocolCXX)
	bob, bobSink := roomSession(srv, 2, 12, im.ProtocolCXX)
	store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{}}) // before they follow
	ann.follow(t.Context(), team, willRead)
	bob.follow(t.Context(), team, willRead)
	bob.follows.Store(true)
	two := store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{}})
	gone := member(2, im.RoleNone, "bob")
	three := store.append(im.Entry{Kind: im.KindGroup, From: 1, Group: &im.GroupEvent{What: im.GroupKicked, ID: team, Member: &gone}})
	four := store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{}})
	srv.posted(team, []im.Entry{four})
	srv.posted(team, []im.Entry{three, two, four})
	if got := annSink.got(); !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Errorf("ann got %v; want 2 3 4", got)
	}
	if got := bobSink.got(); !slices.Equal(got, []uint64{2}) {
		t.Errorf("bob, who was removed at 3, got %v; want 2", got)
	}
	back := member(2, im.RoleMember, "bob")
	store.event(srv, im.GroupEvent{What: im.GroupJoined, Member: &back})
	store.post(srv, 1)
	if got := bobSink.got(); !slices.Equal(got, []uint64{2, 5, 6}) {
		t.Errorf("bob, who has joined again at 5, got %v; want 2 5 6", got)
	}
}

// A session that does not keep up is left alone until it has read the timeline.
func TestRoomBehind(t *testing.T) {
	srv, store := roomServer(t)
	bob, sink := roomSession(srv, 2, 12, im.ProtocolCXX)
	bob.follow(t.Context(), team, willRead)
	store.post(srv, 1)
	sink.refuse = true
	store.post(srv, 1)
	sink.refuse = false
	store.post(srv, 1)
	if got := sink.got(); !slices.Equal(got, []uint64{1}) {
		t.Fatalf("got %v while behind; want 1", got)
	}
	srv.caughtUp(bob, team, 2)
	if !slices.Equal(sink.moved, []uint64{3}) {
		t.Errorf("told %v after a page that ends before the head; want 3", sink.moved)
	}
	srv.caughtUp(bob, team, 3)
	store.post(srv, 1)
	if got := sink.got(); !slices.Equal(got, []uint64{1, 4}) {
		t.Errorf("got %v; want 1 4", got)
	}
}

// Clients of a busy group are told to fetch what is new when many of them follow it
// here; how many members it has does not matter.
func TestRoomBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, store := roomServer(t)
		srv.cfg.PullGroup = 1
		ann, annSink := roomSession(srv, 1, 11, im.ProtocolCXX)
		ann.follow(t.Context(), team, willRead)
		for range 2 * busyPosts {
			store.post(srv, 1)
		}
		if got := annSink.got(); len(got) != 2*busyPosts {
			t.Errorf("the one who follows got %v; want all", got)
		}
		bob, bobSink := roomSession(srv, 2, 12, im.ProtocolCXX)
		bob.follow(t.Context(), team, willRead)
		for range 2 * busyPosts {
			store.post(srv, 1)
		}
		if got := bobSink.got(); len(got) != busyPosts {
			t.Errorf("one of two got %v; want the first %d", got, busyPosts)
		}
		advance(time.Second)
		if !slices.Equal(bobSink.moved, []uint64{4 * busyPosts}) {
			t.Errorf("told of %v; want the head once", bobSink.moved)
		}
	})
}

// In a hidden group ordinary members see nobody's user.
func TestRoomHidden(t *testing.T) {
	srv, store := roomServer(t)
	store.group.Hidden = true
	ann, annSink := roomSession(srv, 1, 11, im.ProtocolCXX)
	bob, bobSink := roomSession(srv, 2, 12, im.ProtocolCXX)
	ann.follow(t.Context(), team, willRead)
	bob.follow(t.Context(), team, willRead)
	store.post(srv, 3)
	if got := annSink.posts[0]; got.From != 3 {
		t.Errorf("the owner sees user %d; want 3", got.From)
	}
	got := bobSink.posts[0]
	if got.From != 0 || got.Post.Occupant == "" || got.Post.Occupant != annSink.posts[0].Post.Occupant {
		t.Errorf("a member sees user %d, occupant %q", got.From, got.Post.Occupant)
	}
	store.post(srv, 2)
	if got := bobSink.posts[1]; got.From != 2 {
		t.Errorf("his own message comes to him from user %d", got.From)
	}
	cat, catSink := roomSession(srv, 3, 13, im.ProtocolCXX)
	cat.follow(t.Context(), team, willRead)
	e := store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{Nick: "ann", Mentions: []im.UserID{2, 1}}})
	srv.posted(team, []im.Entry{e})
	if got := bobSink.posts[2].Post.Mentions; !slices.Equal(got, []im.UserID{2}) {
		t.Errorf("who is mentioned sees %v; want himself", got)
	}
	if got := catSink.posts[0].Post.Mentions; len(got) != 0 {
		t.Errorf("a member sees that %v are mentioned", got)
	}
}

// Nobody else forgets the visitors of a node that is dead.
func TestRoomVisitorsOfDeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, store := roomServer(t)
		visitor := im.Occupant{Group: team, User: 9, Session: 12, Member: im.Member{User: 9, Role: im.RoleVisitor, Passing: true}}
		stays := im.Occupant{Group: team, User: 8, Session: 13, Member: im.Member{User: 8, Role: im.RoleVisitor, Passing: true}}
		member := im.Occupant{Group: team, User: 2, Session: 14, Member: im.Member{User: 2}}
		srv.rooms.take(7, &im.RoomsUpdate{Up: []im.Occupant{visitor, member, stays}})
		srv.rooms.take(6, &im.RoomsUpdate{Up: []im.Occupant{stays}})
		srv.rooms.forget(7)
		synctest.Wait()
		if !slices.Equal(store.dropped, []im.UserID{9}) {
			t.Errorf("forgot %v; want 9, who was at the dead node only", store.dropped)
		}
		srv.tasks.close()
	})
}

// That somebody was banned who never was there is for those who keep order.
func TestRoomBanOfStranger(t *testing.T) {
	srv, store := roomServer(t)
	ann, annSink := roomSession(srv, 1, 11, im.ProtocolCXX)
	bob, bobSink := roomSession(srv, 2, 12, im.ProtocolCXX)
	ann.follow(t.Context(), team, willRead)
	bob.follow(t.Context(), team, willRead)
	out := im.Member{User: 9, Role: im.RoleOutcast, Addr: im.Addr{Local: "eve", Domain: "example.org"}}
	store.event(srv, im.GroupEvent{What: im.GroupBanned, Member: &out})
	if got := annSink.posts[0].Group.Member; got == nil || got.User != 9 {
		t.Errorf("the owner sees %+v", got)
	}
	if got := bobSink.posts[0].Group.Member; got != nil {
		t.Errorf("a member sees %+v", got)
	}
}

// Members on C-XX are occupants while they are online; XMPP sessions are while
// they are inside.
func TestRoomOccupants(t *testing.T) {
	srv, _ := roomServer(t)
	_, _ = roomSession(srv, 1, 11, im.ProtocolCXX)
	cat, sink := roomSession(srv, 3, 13, im.ProtocolXMPP)
	state := settled(t, cat, member(3, im.RoleMember, "cat"))
	var nicks []string
	for _, o := range state.Occupants {
		nicks = append(nicks, o.Member.Nick)
	}
	if !slices.Equal(nicks, []string{"ann", "cat"}) {
		t.Fatalf("there are %v; want ann, and cat himself last", nicks)
	}
	bob, _ := roomSession(srv, 2, 12, im.ProtocolCXX)
	srv.rooms.touch([]im.UserID{2})
	srv.rooms.flush()
	if c := sink.changes(); len(c) != 1 || c[0].Left || c[0].Occupant.Member.Nick != "bob" {
		t.Fatalf("told %v; want that bob came", c)
	}
	info := bob.info()
	srv.table.apply(srv.node.ID, srv.node.Epoch, &im.SessionsUpdate{Down: []im.SessionKey{info.SessionKey}}, srv.now())
	srv.rooms.touch([]im.UserID{2})
	srv.rooms.flush()
	if c := sink.changes(); len(c) != 1 || !c[0].Left {
		t.Fatalf("told %v; want that bob left", c)
	}
	srv.rooms.take(2, &im.RoomsUpdate{Snapshot: true, Up: []im.Occupant{{Group: team, User: 2, Session: 22, Member: im.Member{Nick: "bob"}}}})
	if c := sink.changes(); len(c) != 1 || c[0].Left || c[0].Occupant.Session != 22 {
		t.Fatalf("told %v; want that bob came by MUC", c)
	}
	if !srv.entered(team, 2) {
		t.Error("bob has not entered")
	}
	srv.rooms.forget(2)
	if c := sink.changes(); len(c) != 1 || !c[0].Left {
		t.Fatalf("told %v; want that bob left with his node", c)
	}
	cat.RoomLeave(t.Context(), team, im.Presence{})
	if _, inside := cat.Inside(team); inside {
		t.Error("cat is still inside")
	}
}

// Who is removed by an event is shown out, with the reason, and is inside no more.
func TestRoomExpels(t *testing.T) {
	srv, store := roomServer(t)
	bob, bobSink := roomSession(srv, 2, 12, im.ProtocolXMPP)
	cat, catSink := roomSession(srv, 3, 13, im.ProtocolXMPP)
	for _, x := range []struct {
		s *session
		m im.Member
	}{{bob, member(2, im.RoleMember, "bob")}, {cat, member(3, im.RoleMember, "cat")}} {
		settled(t, x.s, x.m)
	}
	catSink.changes()
	out := member(2, im.RoleOutcast, "bob")
	store.event(srv, im.GroupEvent{What: im.GroupBanned, Member: &out})
	for name, sink := range map[string]*roomSink{"bob": bobSink, "cat": catSink} {
		c := sink.changes()
		if last := c[len(c)-1]; !last.Left || last.Why != im.GroupBanned || last.Occupant.User != 2 {
			t.Errorf("%s was told verb %d of user %d last; want that bob was banned", name, last.Why, last.Occupant.User)
		}
	}
	if _, inside := bob.Inside(team); inside {
		t.Error("bob is still inside")
	}
	store.post(srv, 3)
	if n := len(bobSink.got()); n != 0 {
		t.Errorf("bob got %d entries after his ban", n)
	}
}

// A peer is asked to echo what it was told, and then the log is looked at.
func TestRoomEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, store := roomServer(t)
		bob, sink := roomSession(srv, 2, 12, im.ProtocolCXX)
		bob.follow(t.Context(), team, willRead)
		srv.rooms.flush()
		store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{}}) // by a peer that had not heard yet
		srv.rooms.take(2, &im.RoomsUpdate{Echo: srv.rooms.number})
		advance(time.Second)
		if got := sink.got(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("got %v behind the echo; want 1", got)
		}
	})
}

// A node that is behind what retention has removed goes on behind it.
func TestRoomPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, store := roomServer(t)
		bob, sink := roomSession(srv, 2, 12, im.ProtocolCXX)
		bob.follow(t.Context(), team, willRead)
		for range 5 {
			store.append(im.Entry{Kind: im.KindMessage, From: 1, Post: &im.Post{}})
		}
		store.pruned = 3
		srv.rooms.of(team).heard(5)
		advance(time.Second)
		if got := sink.got(); !slices.Equal(got, []uint64{4, 5}) {
			t.Errorf("got %v; want 4 and 5", got)
		}
	})
}

// Of somebody who is there with two sessions one leaves: the other is what is left of
// him. Both have one nickname, and others are told once that it is another one.
func TestRoomTwoSessions(t *testing.T) {
	srv, store := roomServer(t)
	cat, sink := roomSession(srv, 3, 13, im.ProtocolXMPP)
	one, _ := roomSession(srv, 2, 21, im.ProtocolXMPP)
	two, twoSink := roomSession(srv, 2, 22, im.ProtocolXMPP)
	for s, m := range map[*session]im.Member{cat: member(3, im.RoleMember, "cat"), one: member(2, im.RoleMember, "bob"), two: member(2, im.RoleMember, "bob")} {
		settled(t, s, m)
	}
	sink.changes()
	bobby := member(2, im.RoleMember, "bobby")
	store.event(srv, im.GroupEvent{What: im.GroupNick, Member: &bobby})
	renamed := 0
	for _, c := range sink.changes() {
		if c.WasNick == "bob" {
			renamed++
		}
		if c.Occupant.Member.Nick != "bobby" {
			t.Errorf("told of %q; want bobby", c.Occupant.Member.Nick)
		}
	}
	if renamed != 1 {
		t.Errorf("told %d times that bob has another nickname; want once", renamed)
	}
	one.RoomLeave(t.Context(), team, im.Presence{})
	if c := sink.changes(); len(c) != 1 || !c[0].Left || c[0].Rest == nil || c[0].Rest.Session != 22 {
		t.Fatalf("told %+v; want that one session left and the other stays", c)
	}
	twoSink.changes()
	out := member(2, im.RoleNone, "bobby")
	store.event(srv, im.GroupEvent{What: im.GroupKicked, Member: &out})
	if c := sink.changes(); len(c) != 1 || !c[0].Left || c[0].Rest != nil {
		t.Fatalf("told %+v; want that he is gone", c)
	}
	if c := twoSink.changes(); len(c) != 1 || !c[0].Left {
		t.Errorf("he himself was told %+v", c)
	}
}

// That somebody was sent out comes by two ways from his node: what is heard of him must
// be the removal, whichever is first; and it is no removal of who is back behind it.
func TestRoomExpelledElsewhere(t *testing.T) {
	for _, first := range []string{"event", "gone"} {
		srv, store := roomServer(t)
		cat, sink := roomSession(srv, 3, 13, im.ProtocolXMPP)
		settled(t, cat, member(3, im.RoleMember, "cat"))
		bob := im.Occupant{Group: team, User: 2, Session: 12, Presence: im.Presence{Show: im.ShowOnline}, Member: im.Member{User: 2, Nick: "bob", Role: im.RoleVisitor, Passing: true}}
		srv.rooms.take(7, &im.RoomsUpdate{Up: []im.Occupant{bob}})
		sink.changes()
		out := member(2, im.RoleNone, "bob")
		kick := store.append(im.Entry{Kind: im.KindGroup, Group: &im.GroupEvent{What: im.GroupKicked, Member: &out}})
		gone := &im.RoomsUpdate{Down: []im.OccupantGone{{Group: team, User: 2, Session: 12, By: kick.Seq}}}
		back := bob
		back.Session, back.Since = 14, kick.Seq
		if first == "event" {
			srv.posted(team, []im.Entry{kick})
			srv.rooms.take(7, gone)
			srv.rooms.take(7, &im.RoomsUpdate{Up: []im.Occupant{back}})
		} else {
			srv.rooms.take(7, gone)
			srv.rooms.take(7, &im.RoomsUpdate{Up: []im.Occupant{back}})
			srv.posted(team, []im.Entry{kick})
		}
		left := 0
		for _, c := range sink.changes() {
			if c.Left {
				left++
			}
			if c.Left && (c.Why != im.GroupKicked || c.Occupant.Session != 12) {
				t.Errorf("%s first: told that session %d left by %d", first, c.Occupant.Session, c.Why)
			}
		}
		if there := cat.RoomOccupant(team, "bob"); left != 1 || len(there) != 1 || there[0].Session != 14 {
			t.Errorf("%s first: told %d times that somebody left; %d there", first, left, len(there))
		}
	}
}
