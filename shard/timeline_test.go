package shard_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// newGroup makes a group with an owner and members, whose nicknames are n0, n1 ….
func newGroup(t testing.TB, s *shard.Store, name string, users ...im.UserID) im.Group {
	t.Helper()
	g := im.Group{Addr: im.Addr{Local: name, Domain: "conference.example.org"}, Title: name, Public: true, Salt: []byte("salt")}
	var members []im.Member
	for i, u := range users {
		m := im.Member{User: u, Role: im.RoleMember, Nick: fmt.Sprint("n", i)}
		if i == 0 {
			m.Role = im.RoleOwner
		}
		members = append(members, m)
	}
	log := []im.Entry{{Kind: im.KindGroup, From: users[0], MsgID: 1, Group: &im.GroupEvent{What: im.GroupCreated, Group: &g}}}
	g, logged, err := s.CreateGroup(context.Background(), g, members, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(logged) != 1 || logged[0].Seq != 1 || logged[0].Group.ID != g.ID {
		t.Fatalf("logged %+v", logged)
	}
	return g
}

func post(from im.UserID, g im.GroupID, text string) im.Message {
	m := message(from, 0, text)
	m.Group = g
	return m
}

func try(s *shard.Store, m im.Message) (im.Committed, error) {
	o := sendAll(s, m)[0]
	return o.Committed, o.err
}

// edit changes a group by what f puts into the edit.
func edit(t *testing.T, s *shard.Store, g im.GroupID, users []im.UserID, f func(e *im.GroupEdit)) ([]im.Entry, error) {
	t.Helper()
	return s.EditGroup(t.Context(), g, users, func(e *im.GroupEdit) error {
		f(e)
		return nil
	})
}

func testTimeline(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b, c := create(t, s, "a"), create(t, s, "b"), create(t, s, "c")
	g := newGroup(t, s, "team", a, b)
	m := post(b, g.ID, "hello")
	m.Mentions, m.All, m.Ext = []im.UserID{a, a}, true, []byte("<x/>")
	first, err := try(s, m)
	if err != nil || first.FromSeq != 2 || first.Nick != "n1" {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := try(s, m)
	if err != nil || !again.Duplicate || again.FromSeq != 2 || again.Nick != "n1" {
		t.Fatalf("the same again: %+v %v", again, err)
	}
	other := m
	other.Text = "other"
	if _, err := try(s, other); im.CodeOf(err) != im.CodeIDReused {
		t.Errorf("another text under the same id: %v", err)
	}
	if _, err := try(s, post(c, g.ID, "from outside")); im.CodeOf(err) != im.CodeNotMember {
		t.Errorf("from outside: %v", err)
	}
	page, err := s.Read(t.Context(), g.ID.Log(), 0, 10)
	if err != nil || len(page.Entries) != 2 || page.Head != 2 {
		t.Fatalf("%+v %v", page, err)
	}
	e := page.Entries[1]
	if e.Text != "hello" || string(e.Ext) != "<x/>" || e.From != b || e.Post == nil || e.Post.Nick != "n1" || !e.Post.All {
		t.Errorf("read %+v with %+v", e, e.Post)
	}
	states, err := s.GroupStates(t.Context(), a, []im.GroupID{g.ID})
	if err != nil || len(states) != 1 {
		t.Fatal(states, err)
	}
	if x := states[0]; x.Head != 2 || x.Unread != 1 || x.Mentions != 1 || x.Members != 2 || x.Me.Role != im.RoleOwner {
		t.Errorf("state %+v", x)
	}
	if _, moved, err := s.MarkGroupRead(t.Context(), g.ID, a, 99); err != nil || !moved {
		t.Error(moved, err)
	}
	states, _ = s.GroupStates(t.Context(), a, []im.GroupID{g.ID})
	if x := states[0]; x.Unread != 0 || x.Mentions != 0 || x.Me.ReadTo != 2 {
		t.Errorf("state behind the mark %+v", x)
	}
	readers, err := s.GroupReaders(t.Context(), g.ID, 2, b, 10)
	if err != nil || readers.Read != 1 || readers.Of != 1 || len(readers.Members) != 1 {
		t.Errorf("readers %+v %v", readers, err)
	}
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Retract = 2 }); err != nil {
		t.Fatal(err)
	}
	page, _ = s.Read(t.Context(), g.ID.Log(), 1, 10)
	if e := page.Entries[0]; e.Text != "" || len(e.Ext) != 0 || !e.Post.Retracted {
		t.Errorf("behind the retraction %+v", e)
	}
	if c, err := try(s, m); err != nil || !c.Duplicate || c.FromSeq != 2 {
		t.Errorf("sent again behind the retraction: %+v %v", c, err)
	}
}

// A removal stands in the timeline, and nothing of who was removed behind it.
func testGroupRemoval(t *testing.T, f factory) {
	stores := f(t, 1, 2)
	s := stores[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g := newGroup(t, s, "team", a, b)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var acked []uint64
	started := make(chan struct{}, 4)
	for w := range 4 {
		wg.Go(func() {
			for i := range 10000 {
				c, err := try(stores[w%len(stores)], post(b, g.ID, "x"))
				if err != nil {
					if im.CodeOf(err) != im.CodeNotMember {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				acked = append(acked, c.FromSeq)
				mu.Unlock()
				if i == 3 {
					started <- struct{}{}
				}
			}
			t.Error("was never refused")
		})
	}
	for range 4 {
		<-started
	}
	gone := im.Member{User: b, Nick: "n1"}
	logged, err := edit(t, s, g.ID, []im.UserID{b}, func(e *im.GroupEdit) {
		e.Drop = []im.UserID{b}
		e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: 5, Group: &im.GroupEvent{What: im.GroupKicked, ID: g.ID, Member: &gone}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	kick := logged[0].Seq
	for _, seq := range acked {
		if seq > kick {
			t.Errorf("acknowledged at %d, behind the removal at %d", seq, kick)
		}
	}
	heads, err := s.Heads(t.Context(), []im.UserID{g.ID.Log()})
	if err != nil || heads[0].Seq != kick || int(kick) != len(acked)+2 {
		t.Errorf("the timeline ends at %+v; %d messages, then the removal at %d (%v)", heads, len(acked), kick, err)
	}
}

func testGroupEdits(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g := newGroup(t, s, "team", a, b)
	if _, _, err := s.CreateGroup(t.Context(), im.Group{Addr: g.Addr}, nil, nil, nil); im.CodeOf(err) != im.CodeNameTaken {
		t.Errorf("the same address again: %v", err)
	}
	_, err := edit(t, s, g.ID, []im.UserID{a, b, 99}, func(e *im.GroupEdit) {
		if len(e.Members) != 2 || e.Count.Members != 2 || e.Count.Owners != 1 || e.Head != 1 {
			t.Errorf("edit gets %+v %+v head %d", e.Members, e.Count, e.Head)
		}
		if owner, err := e.NickOwner("N1"); err != nil || owner != b {
			t.Errorf("N1 is of %v %v; want b", owner, err)
		}
		e.Group.Title, e.Group.Password, e.SetGroup = "Team", "secret", true
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.GroupByAddr(t.Context(), g.Addr)
	if err != nil || got.Title != "Team" || got.Password != "secret" || string(got.Salt) != "salt" || got.ID != g.ID {
		t.Errorf("%+v %v", got, err)
	}
	snap, members, head, err := s.GroupSnapshot(t.Context(), g.ID)
	if err != nil || snap.Title != "Team" || len(members) != 2 || head.Seq != 1 {
		t.Errorf("snapshot %+v %v %v %v", snap, members, head, err)
	}
	public, err := s.PublicGroups(t.Context(), 0, 10)
	if err != nil || len(public) != 1 {
		t.Errorf("public %v %v", public, err)
	}
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Dissolve = true }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GroupByID(t.Context(), g.ID); im.CodeOf(err) != im.CodeNotFound {
		t.Errorf("dissolved: %v", err)
	}
	if _, err := try(s, post(a, g.ID, "x")); im.CodeOf(err) != im.CodeNotFound {
		t.Errorf("sent to a dissolved group: %v", err)
	}
	if again := newGroup(t, s, "team", b); again.ID == g.ID {
		t.Error("the id was used again")
	}
}
