package shard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// rowsOf counts what there is of a group in a table.
func rowsOf(t *testing.T, s *shard.Store, g im.GroupID, table, column string) int64 {
	t.Helper()
	n, err := shard.Number(s, g.Log(), "SELECT COUNT(*) FROM "+table+" WHERE "+column+" = ?", int64(g))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func testPrune(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a := create(t, s, "a")
	g := newGroup(t, s, "team", a)
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Group.KeepDays, e.SetGroup = 1, true }); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var all []im.Message
	for i, at := range []time.Time{now.AddDate(0, 0, -3), now.AddDate(0, 0, -2), now, now.AddDate(0, 0, -2), now} {
		m := post(a, g.ID, fmt.Sprint(i))
		m.MsgID, m.All, m.Mentions = im.MakeMsgID(at, i, 1), true, []im.UserID{a}
		if _, err := try(s, m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	for _, want := range []int{2, 1, 0} { // the creation and two messages
		if n, err := s.PruneGroups(t.Context(), now, 2); err != nil || n != want {
			t.Fatalf("removed %d %v; want %d", n, err, want)
		}
	}
	page, err := s.Read(t.Context(), g.ID.Log(), 0, 10)
	if err != nil || page.Head != 6 || !slices.Equal(seqsOf(page.Entries), []uint64{4, 5, 6}) {
		t.Errorf("left %v head %d %v", seqsOf(page.Entries), page.Head, err)
	}
	found, err := s.Archive(t.Context(), g.ID.Log(), im.ArchiveQuery{Limit: 2, Count: true, From: im.MakeMsgID(now.AddDate(0, 0, -9), 0, 0)})
	if err != nil || found.Count != 3 || !slices.Equal(seqsOf(found.Entries), []uint64{4, 5}) || !found.More {
		t.Errorf("the archive has %v of %d %v", seqsOf(found.Entries), found.Count, err)
	}
	if n := rowsOf(t, s, g.ID, "mention", "group_id"); n != 6 {
		t.Errorf("%d mentions are left", n)
	}
	// What was removed can be told again, what is left cannot.
	if c, err := try(s, all[0]); err != nil || c.Duplicate || c.FromSeq != 7 {
		t.Errorf("a message that was removed is sent again: %+v %v", c, err)
	}
	if c, err := try(s, all[2]); err != nil || !c.Duplicate || c.FromSeq != 4 {
		t.Errorf("a message that is left is sent again: %+v %v", c, err)
	}
}

// The newest entry stays, however old it is.
func testPruneAll(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a := create(t, s, "a")
	g := newGroup(t, s, "team", a)
	if _, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) { e.Group.KeepDays, e.SetGroup = 1, true }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		send(t, s, post(a, g.ID, "x"))
	}
	later := time.Now().AddDate(0, 0, 2)
	if n, err := s.PruneGroups(t.Context(), later, 100); err != nil || n != 3 {
		t.Errorf("removed %d %v", n, err)
	}
	page, err := s.Read(t.Context(), g.ID.Log(), 0, 10)
	if err != nil || page.Head != 4 || !slices.Equal(seqsOf(page.Entries), []uint64{4}) {
		t.Errorf("left %v head %d %v", seqsOf(page.Entries), page.Head, err)
	}
	if c := send(t, s, post(a, g.ID, "x")); c.FromSeq != 5 {
		t.Errorf("goes on with %d", c.FromSeq)
	}
}

// A dissolved group is out of sight at once; its timeline goes later, in pieces.
func testDissolve(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g, other := newGroup(t, s, "team", a, b), newGroup(t, s, "other", a, b)
	for i := range 600 {
		for _, to := range []im.GroupID{g.ID, other.ID} {
			m := post(a, to, fmt.Sprint(i))
			m.All = true
			send(t, s, m)
		}
	}
	err := s.EditLeaf(t.Context(), g.ID.Log(), "avatar", func(im.Leaf, bool, []string) (im.LeafEdit, error) {
		return im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: "image/png", Payload: []byte("x")}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, items, err := s.LeafItems(t.Context(), g.ID.Log(), "avatar", im.ItemQuery{Limit: 1}); err != nil || len(items) != 1 {
		t.Errorf("the picture: %v %v", items, err)
	}
	_, err = edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
		e.Dissolve = true
		e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupDissolved, ID: g.ID}}}
		e.Owe = func(logged []im.Entry) []im.Owed {
			return []im.Owed{{Membership: im.Membership{User: b, Group: g.ID, Version: logged[0].Seq}, Entry: logged[0]}}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GroupByAddr(t.Context(), g.Addr); im.CodeOf(err) != im.CodeNotFound {
		t.Errorf("dissolved: %v", err)
	}
	if all, err := s.PublicGroups(t.Context(), 0, 10); err != nil || len(all) != 1 || all[0].ID != other.ID {
		t.Errorf("public: %v %v", all, err)
	}
	if states, err := s.GroupStates(t.Context(), a, []im.GroupID{g.ID, other.ID}); err != nil || len(states) != 1 {
		t.Errorf("states: %+v %v", states, err)
	}
	if n, err := s.PruneGroups(t.Context(), time.Now(), 100); err != nil || n != 0 {
		t.Errorf("removed %d at once, when nodes may still read the end (%v)", n, err)
	}
	later := time.Now().Add(2 * time.Hour)
	rounds, total := 0, 0
	for n := 1; n > 0; rounds++ {
		if n, err = s.PruneGroups(t.Context(), later, 500); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if rounds < 3 || total != 602+600 {
		t.Errorf("removed %d in %d rounds", total, rounds)
	}
	for table, column := range map[string]string{
		"inbox": "user_id", "sent": "owner_id", "mention": "group_id", "group_member": "group_id", "chat_group": "group_id", "leaf": "owner_id", "leaf_item": "owner_id",
	} {
		if n := rowsOf(t, s, g.ID, table, column); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if rowsOf(t, s, g.ID, "inbox_head", "user_id") != 1 {
		t.Error("the id could be used again")
	}
	if owed, err := s.Owed(t.Context(), later, 10); err != nil || len(owed) != 1 {
		t.Errorf("owed %v %v", owed, err)
	}
	if n := rowsOf(t, s, other.ID, "inbox", "user_id"); n != 601 {
		t.Errorf("%d entries of another group are left", n)
	}
}
