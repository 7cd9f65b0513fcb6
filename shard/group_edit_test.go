package shard_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// Nicknames are unique among those who are in, also when they look alike only.
func testNicks(t *testing.T, f factory) {
	stores := f(t, 1, 2)
	s, other := stores[0], stores[len(stores)-1]
	a, b, c := create(t, s, "a"), create(t, s, "b"), create(t, s, "c")
	g := newGroup(t, s, "team", a, b)
	put := func(members ...im.Member) error {
		_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
			e.Put, e.SetGroup = members, true
			e.Group.About += "x"
			e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupChanged, ID: g.ID}}}
		})
		return err
	}
	member := func(u im.UserID, nick string) im.Member { return im.Member{User: u, Role: im.RoleMember, Nick: nick} }
	wantCode(t, put(member(c, "N1")), im.CodeNickTaken)
	wantCode(t, put(member(c, "new"), member(b, "ｎｅｗ")), im.CodeNickTaken)
	if got, err := s.GroupByID(t.Context(), g.ID); err != nil || got.About != "" {
		t.Errorf("a change that was refused has written %q %v", got.About, err)
	}
	if err := put(member(a, "n1"), member(b, "n0")); err != nil {
		t.Errorf("two swap their nicknames: %v", err)
	}
	outside := member(c, "n1")
	outside.Role = im.RoleInvited
	if err := put(outside); err != nil {
		t.Errorf("who is not in takes no nickname from anybody: %v", err)
	}
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Drop, e.Put = []im.UserID{b}, []im.Member{member(c, "n0")} }); err != nil {
		t.Errorf("a nickname of who leaves: %v", err)
	}
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 16 {
		st := s
		if i%2 == 1 {
			st = other
		}
		wg.Go(func() {
			_, err := edit(t, st, g.ID, nil, func(e *im.GroupEdit) {
				e.Put = []im.Member{member(im.MakeUserID(a.Slot(), uint64(i+1)), "wanted")}
			})
			if err == nil {
				won.Add(1)
			} else if im.CodeOf(err) != im.CodeNickTaken {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have got one nickname", won.Load())
	}
}

// A change that panics at any point leaves nothing of itself.
func testGroupPanics(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g := newGroup(t, s, "team", a)
	together(t, s, a,
		func() { send(t, s, post(a, g.ID, "x")) },
		func() {
			_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
				e.Group.Title, e.SetGroup = "broken", true
				e.Put = []im.Member{{User: b, Role: im.RoleMember, Nick: "b"}}
				e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupJoined, ID: g.ID}}}
				e.Owe = func([]im.Entry) []im.Owed { panic("a mistake in a rule") }
			})
			if err == nil {
				t.Error("a change that panics has an answer")
			}
		},
		func() { send(t, s, post(a, g.ID, "y")) },
	)
	got, members, head, err := s.GroupSnapshot(t.Context(), g.ID)
	if err != nil || got.Title != "team" || len(members) != 1 || head.Seq != 3 {
		t.Errorf("left %+v %+v %+v %v", got, members, head, err)
	}
	if page, err := s.Read(t.Context(), g.ID.Log(), 0, 10); err != nil || len(page.Entries) != 3 {
		t.Errorf("the timeline has %+v %v", page, err)
	}
}

func testRetract(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a := create(t, s, "a")
	g := newGroup(t, s, "team", a)
	m := post(a, g.ID, "said")
	m.Ext, m.All = []byte("<x/>"), true
	send(t, s, m)
	for _, seq := range []uint64{1, 3, 99} { // an event, and what is not there
		_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Retract = seq })
		wantCode(t, err, im.CodeNotFound)
	}
	for range 2 {
		if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Retract = 2 }); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"inbox", "sent"} {
		if n := rowsOf(t, s, g.ID, table, map[string]string{"inbox": "user_id", "sent": "owner_id"}[table]); n != map[string]int64{"inbox": 2, "sent": 1}[table] {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	page, err := s.Read(t.Context(), g.ID.Log(), 1, 10)
	if err != nil || len(page.Entries) != 1 {
		t.Fatal(page, err)
	}
	if e := page.Entries[0]; e.Text != "" || e.Ext != nil || e.Post.Nick != "n0" || e.Post.All || !e.Post.Retracted || e.ClientID != m.ClientID {
		t.Errorf("what is left: %+v %+v", e, e.Post)
	}
}

// Large changes: everybody is put in, told, and sent away.
func testLargeGroup(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	const n = 500
	a := create(t, s, "a")
	g := newGroup(t, s, "team", a)
	user := func(i int) im.UserID { return im.MakeUserID(a.Slot(), uint64(i+1)) }
	change := func(f func(e *im.GroupEdit, m im.Member)) {
		t.Helper()
		_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
			for i := range n {
				f(e, im.Member{User: user(i), Role: im.RoleMember, Nick: fmt.Sprint("m", i), Note: strings.Repeat("x", 100)})
			}
			e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupChanged, ID: g.ID}}}
			e.Owe = func(logged []im.Entry) (out []im.Owed) {
				for i := range n {
					out = append(out, im.Owed{Membership: im.Membership{User: user(i), Group: g.ID, Version: logged[0].Seq}})
				}
				return out
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(func(e *im.GroupEdit, m im.Member) { e.Put = append(e.Put, m) })
	if x := stateOf(t, s, a, g.ID); x.Members != n+1 {
		t.Errorf("%d members", x.Members)
	}
	change(func(e *im.GroupEdit, m im.Member) { e.Drop = append(e.Drop, m.User) })
	if x := stateOf(t, s, a, g.ID); x.Members != 1 {
		t.Errorf("%d members are left", x.Members)
	}
	if rowsOf(t, s, g.ID, "group_owed", "group_id") != 2*n {
		t.Error("not all is owed")
	}
}

// One address is one group, whoever makes it at the same time.
func testOneAddress(t *testing.T, f factory) {
	stores := f(t, 2, 2)
	a := create(t, stores[0], "a")
	var wg sync.WaitGroup
	var made atomic.Int32
	for i := range 12 {
		wg.Go(func() {
			g := im.Group{Addr: im.Addr{Local: "team", Domain: "conference.example.org"}}
			_, _, err := stores[i%len(stores)].CreateGroup(t.Context(), g, []im.Member{{User: a, Role: im.RoleOwner, Nick: "a"}}, nil, nil)
			if err == nil {
				made.Add(1)
			} else if im.CodeOf(err) != im.CodeNameTaken {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d have made the group", made.Load())
	}
}
