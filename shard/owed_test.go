package shard_test

import (
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// What a user has to learn is remembered until it is settled, and written once.
func testOwed(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g := newGroup(t, s, "team", a)
	_, err := edit(t, s, g.ID, []im.UserID{b}, func(e *im.GroupEdit) {
		m := im.Member{User: b, Role: im.RoleMember, Nick: "b"}
		e.Put = []im.Member{m}
		e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: 5, Group: &im.GroupEvent{What: im.GroupJoined, ID: g.ID, Member: &m}}}
		e.Owe = func(logged []im.Entry) []im.Owed {
			return []im.Owed{{
				Membership: im.Membership{User: b, Group: g.ID, Role: im.RoleMember, Version: logged[0].Seq, Addr: g.Addr},
				Entry:      im.Entry{Kind: im.KindGroup, From: a, MsgID: 5, Group: &im.GroupEvent{What: im.GroupJoined, ID: g.ID}},
			}}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	owed, err := s.Owed(t.Context(), time.Now().Add(time.Hour), 10)
	if err != nil || len(owed) != 1 {
		t.Fatal(owed, err)
	}
	logged, err := s.PutMembership(t.Context(), owed[0].Membership, owed[0].Entry)
	if err != nil || logged == nil || logged.Group.Membership == nil {
		t.Fatal(logged, err)
	}
	if twice, err := s.PutMembership(t.Context(), owed[0].Membership, owed[0].Entry); err != nil || twice != nil {
		t.Errorf("the same twice: %v %v", twice, err)
	}
	if err := s.Settle(t.Context(), owed); err != nil {
		t.Fatal(err)
	}
	if owed, err = s.Owed(t.Context(), time.Now().Add(time.Hour), 10); err != nil || len(owed) != 0 {
		t.Errorf("settled, but owed %v %v", owed, err)
	}
	list, err := s.Memberships(t.Context(), b)
	if err != nil || len(list) != 1 || list[0].Addr != g.Addr {
		t.Errorf("memberships %+v %v", list, err)
	}
	booked, err := s.Book(t.Context(), b, g.ID, true, false, func(m im.Membership) im.Entry {
		return im.Entry{Kind: im.KindGroup, MsgID: 9, Group: &im.GroupEvent{What: im.GroupBooked, ID: g.ID, Membership: &m}}
	})
	if err != nil || booked.Seq != logged.Seq+1 || !booked.Group.Membership.Pinned {
		t.Errorf("booked %+v %v", booked, err)
	}
}

// owe makes g owe something to users.
func owe(t *testing.T, s *shard.Store, g im.GroupID, users ...im.UserID) {
	t.Helper()
	_, err := edit(t, s, g, nil, func(e *im.GroupEdit) {
		e.Log = []im.Entry{{Kind: im.KindGroup, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupChanged, ID: g}}}
		e.Owe = func(logged []im.Entry) (out []im.Owed) {
			for _, u := range users {
				out = append(out, im.Owed{
					Membership: im.Membership{User: u, Group: g, Role: im.RoleMember, Nick: "x", Version: logged[0].Seq},
					Entry:      logged[0],
				})
			}
			return out
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is owed to users in a zone that is down does not stand in the way of others.
func testOwedPastDown(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	up, down := createIn(t, s, 1), createIn(t, s, 2)
	g := newGroup(t, s, "team", up)
	for s.ZoneOf(g.ID.Log()) != 1 {
		g = newGroup(t, s, "team"+g.ID.String(), up)
	}
	for range 3 {
		owe(t, s, g.ID, down)
	}
	owe(t, s, g.ID, up)
	future := time.Now().Add(time.Hour)
	all, err := s.Owed(t.Context(), future, 10)
	if err != nil || len(all) != 4 || all[0].Membership.User != down || all[3].Membership.User != up || all[0].Membership.Version >= all[1].Membership.Version {
		t.Fatalf("%+v %v", all, err)
	}
	if past, err := s.Owed(t.Context(), time.Now().Add(-time.Hour), 10); err != nil || len(past) != 0 {
		t.Errorf("owed an hour ago: %v %v", past, err)
	}
	if err := shard.SQL(s, down, "UPDATE zone_self SET map_version = map_version + 1"); err != nil { // so that no probe brings it back
		t.Fatal(err)
	}
	shard.Trip(s, 2)
	left, err := s.Owed(t.Context(), future, 2)
	wantCode(t, err, im.CodeZoneUnavailable)
	if len(left) != 1 || left[0].Membership.User != up || left[0].Entry.Group.What != im.GroupChanged {
		t.Errorf("owed while a zone is down: %+v", left)
	}
	if err := s.Settle(t.Context(), left); err != nil {
		t.Error(err)
	}
	if left, _ = s.Owed(t.Context(), future, 10); len(left) != 0 {
		t.Errorf("settled, but owed %+v", left)
	}
}

// The newest word on a membership counts, in whatever order they come; a user's own
// settings stay; nobody has to learn what has become of a deleted account.
func testMemberships(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	u := create(t, s, "u")
	put := func(g im.GroupID, r im.Role, version uint64) *im.Entry {
		t.Helper()
		m := im.Membership{User: u, Group: g, Role: r, Version: version, Title: "T", Nick: "n"}
		e, err := s.PutMembership(t.Context(), m, im.Entry{Kind: im.KindGroup, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupRole, ID: g}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	book := func(g im.GroupID, pinned bool) error {
		_, err := s.Book(t.Context(), u, g, pinned, true, func(m im.Membership) im.Entry {
			return im.Entry{Kind: im.KindGroup, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupBooked, Membership: &m}}
		})
		return err
	}
	if e := put(5, im.RoleMember, 7); e == nil || e.Seq != 1 || e.Group.Membership.Role != im.RoleMember {
		t.Errorf("logged %+v", e)
	}
	if put(5, im.RoleInvited, 6) != nil || put(5, im.RoleNone, 7) != nil {
		t.Error("an older word was taken")
	}
	put(4, im.RoleInvited, 1)
	put(6, im.RoleMember, 1)
	wantCode(t, book(77, true), im.CodeNotFound)
	if err := book(5, true); err != nil {
		t.Error(err)
	}
	if e := put(5, im.RoleAdmin, 9); e == nil || !e.Group.Membership.Pinned || !e.Group.Membership.Silent {
		t.Errorf("a user's own settings were lost: %+v", e)
	}
	put(6, im.RoleNone, 2)
	wantCode(t, book(6, true), im.CodeNotFound)
	list, err := s.Memberships(t.Context(), u)
	if err != nil || len(list) != 2 || list[0].Group != 4 || list[1].Role != im.RoleAdmin || list[1].Version != 9 || list[1].Title != "T" || list[1].Nick != "n" {
		t.Errorf("%+v %v", list, err)
	}
	if n := len(inbox(t, s, u)); n != 6 {
		t.Errorf("%d entries were logged", n)
	}
	if err := s.DeleteAccount(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if put(5, im.RoleMember, 20) != nil {
		t.Error("a deleted account was told of a group")
	}
	if list, err := s.Memberships(t.Context(), u); err != nil || len(list) != 0 {
		t.Errorf("of a deleted account: %v %v", list, err)
	}
}
