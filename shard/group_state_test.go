package shard_test

import (
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// stateOf is how a user stands to one group.
func stateOf(t *testing.T, s *shard.Store, u im.UserID, g im.GroupID) im.GroupState {
	t.Helper()
	states, err := s.GroupStates(t.Context(), u, []im.GroupID{g})
	if err != nil || len(states) != 1 {
		t.Fatal(states, err)
	}
	return states[0]
}

func testUnread(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b, c := create(t, s, "a"), create(t, s, "b"), create(t, s, "c")
	g := newGroup(t, s, "team", a, b)
	say := func(from im.UserID, all bool, mentions ...im.UserID) uint64 {
		m := post(from, g.ID, "x")
		m.All, m.Mentions = all, mentions
		return send(t, s, m).FromSeq
	}
	say(a, false)      // 2
	say(b, false, a)   // 3
	say(b, true, a, a) // 4
	say(b, false, c)   // 5
	say(b, false, 0)   // 6: by the number that stands for everybody
	note := post(b, g.ID, "")
	note.Note = true
	send(t, s, note) // 7
	check := func(u im.UserID, unread, mentions int) {
		t.Helper()
		if x := stateOf(t, s, u, g.ID); x.Unread != unread || x.Mentions != mentions {
			t.Errorf("%d unread and %d mentions; want %d and %d", x.Unread, x.Mentions, unread, mentions)
		}
	}
	check(a, 4, 2)
	check(b, 1, 0)
	check(c, 0, 0)
	_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
		e.Put = []im.Member{{User: c, Role: im.RoleMember, Nick: "c", From: 4}}
	})
	if err != nil {
		t.Fatal(err)
	}
	check(c, 2, 1) // what was before him does not count
	if at, moved, err := s.MarkGroupRead(t.Context(), g.ID, a, 3); err != nil || !moved || at != 3 {
		t.Error(at, moved, err)
	}
	check(a, 3, 1)
	if at, moved, err := s.MarkGroupRead(t.Context(), g.ID, a, 2); err != nil || moved || at != 3 {
		t.Errorf("a mark went back: at %d %t %v", at, moved, err)
	}
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Retract = 4 }); err != nil {
		t.Fatal(err)
	}
	check(a, 3, 0)
	r, err := s.GroupReaders(t.Context(), g.ID, 3, b, 10)
	if err != nil || r.Of != 1 || r.Read != 1 || len(r.Members) != 1 || r.Members[0].User != a {
		t.Errorf("readers of 3: %+v %v", r, err)
	}
	if r, err = s.GroupReaders(t.Context(), g.ID, 5, b, 10); err != nil || r.Of != 2 || r.Read != 0 || len(r.Members) != 0 {
		t.Errorf("readers of 5: %+v %v", r, err)
	}
	if _, _, err := s.MarkGroupRead(t.Context(), g.ID, create(t, s, "d"), 3); im.CodeOf(err) != im.CodeNotMember {
		t.Errorf("a mark of a stranger: %v", err)
	}
}

// States of many groups come at once, more than one statement counts.
func testManyStates(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	var ids []im.GroupID
	for i := range 120 {
		g := newGroup(t, s, fmt.Sprint("g", i), a, b)
		ids = append(ids, g.ID)
		for range i % 4 {
			m := post(b, g.ID, "x")
			m.All = i%2 == 1
			send(t, s, m)
		}
	}
	states, err := s.GroupStates(t.Context(), a, append(ids, 77))
	if err != nil || len(states) != len(ids) {
		t.Fatal(len(states), err)
	}
	for _, x := range states {
		var i int
		fmt.Sscanf(x.Group.Addr.Local, "g%d", &i)
		mentions := i % 4 * (i % 2)
		if x.Group.ID != ids[i] || x.Unread != i%4 || x.Mentions != mentions || x.Head != uint64(1+i%4) || x.Members != 2 || x.Me.Nick != "n0" {
			t.Errorf("group %d: %+v", i, x)
		}
	}
}
