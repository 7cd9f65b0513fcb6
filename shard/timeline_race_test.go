package shard_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// together runs calls, each in its turn, so that one transaction of the zone holds
// all that they write. They must not wait for each other.
func together(t *testing.T, s *shard.Store, u im.UserID, calls ...func()) {
	t.Helper()
	zone := s.ZoneOf(u)
	busy, ready := make(chan struct{}), make(chan struct{})
	var once sync.Once
	shard.SetHook(s, zone, func(point string) error {
		if point == "before commit" {
			once.Do(func() {
				close(busy)
				<-ready
			})
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := shard.SQL(s, u, "DELETE FROM invite WHERE code = 'none'"); err != nil {
			t.Error(err)
		}
	})
	<-busy
	for i, call := range calls {
		wg.Go(call)
		for s.Zones()[zone-1].Queue <= i {
			runtime.Gosched()
		}
	}
	close(ready)
	wg.Wait()
	shard.SetHook(s, zone, nil)
}

// What a change says of a sender and of the group holds for the messages behind it,
// also when one transaction has both.
func testSameTransaction(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b, c := create(t, s, "a"), create(t, s, "b"), create(t, s, "c")
	g := newGroup(t, s, "team", a, b)
	change := func(f func(e *im.GroupEdit)) func() {
		return func() {
			if _, err := edit(t, s, g.ID, nil, f); err != nil {
				t.Error(err)
			}
		}
	}
	say := func(from im.UserID, want im.ErrorCode, seq uint64) func() {
		m := post(from, g.ID, "x")
		return func() {
			got, err := try(s, m)
			if im.CodeOf(err) != want || got.FromSeq != seq {
				t.Errorf("a message of %s gave %+v %v; want %v at %d", from, got, err, want, seq)
			}
		}
	}
	together(t, s, a,
		say(b, 0, 2),
		change(func(e *im.GroupEdit) { e.Drop = []im.UserID{b} }),
		say(b, im.CodeNotMember, 0),
		say(c, im.CodeNotMember, 0),
		change(func(e *im.GroupEdit) { e.Put = []im.Member{{User: c, Role: im.RoleMember, Nick: "c"}} }),
		say(c, 0, 3),
		change(func(e *im.GroupEdit) { e.Group.Speak, e.SetGroup = im.WhoAdmins, true }),
		say(c, im.CodeMuted, 0),
		say(a, 0, 4),
		change(func(e *im.GroupEdit) { e.Dissolve = true }),
		say(a, im.CodeNotFound, 0),
	)
	head, err := s.Heads(context.Background(), []im.UserID{g.ID.Log()})
	if err != nil || len(head) != 1 || head[0].Seq != 4 {
		t.Errorf("the timeline ends at %+v %v", head, err)
	}
}

// Many write to many groups and to each other, from two processes: every timeline
// and inbox is dense, in the order in which each has written.
func testManyTimelines(t *testing.T, f factory) {
	stores := f(t, 2, 2)
	const people, groups, each = 6, 4, 40
	users := make([]im.UserID, people)
	for i := range users {
		users[i] = create(t, stores[0], fmt.Sprint("user", i))
	}
	logs := make([]im.GroupID, groups)
	for i := range logs {
		logs[i] = newGroup(t, stores[0], fmt.Sprint("group", i), users...).ID
	}
	var wg sync.WaitGroup
	for w, u := range users {
		s := stores[w%len(stores)]
		wg.Go(func() {
			for i := range each {
				batch := []im.Message{message(u, users[(w+i)%people], "between two")}
				for g := range groups {
					m := post(u, logs[(g+w+i)%groups], fmt.Sprint(i))
					m.Mentions = users[:i%3]
					batch = append(batch, m)
				}
				for _, o := range sendAll(s, batch...) {
					if o.err != nil {
						t.Error(o.err)
					}
				}
				if i%8 == 0 {
					if _, _, err := s.MarkGroupRead(context.Background(), logs[i%groups], u, uint64(i)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, g := range logs {
		entries := inbox(t, stores[0], g.Log()) // dense
		if len(entries) != 1+people*each {
			t.Errorf("%d entries in a timeline", len(entries))
		}
		next := make(map[im.UserID]int)
		for _, e := range entries[1:] {
			if e.Text != fmt.Sprint(next[e.From]) {
				t.Errorf("of %s: %q stands where %d should", e.From, e.Text, next[e.From])
			}
			next[e.From]++
		}
	}
	for _, u := range users {
		inbox(t, stores[0], u)
	}
}

// A snapshot has the members that the timeline up to its head has made.
func testSnapshots(t *testing.T, f factory) {
	stores := f(t, 1, 2)
	s, other := stores[0], stores[len(stores)-1]
	a := create(t, s, "a")
	g := newGroup(t, s, "team", a)
	user := func(i int) im.UserID { return im.MakeUserID(a.Slot(), uint64(i%7+1)) }
	const changes = 150
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range changes { // everybody comes and goes in turn
			u := user(i)
			_, err := edit(t, s, g.ID, []im.UserID{u}, func(e *im.GroupEdit) {
				m := im.Member{User: u, Role: im.RoleMember, Nick: u.String()}
				what := im.GroupJoined
				if _, in := e.Members[u]; in {
					what, e.Drop = im.GroupLeft, []im.UserID{u}
				} else {
					e.Put = []im.Member{m}
				}
				e.Log = []im.Entry{{Kind: im.KindGroup, From: u, MsgID: clock.Next(), Group: &im.GroupEvent{What: what, ID: g.ID, Member: &m}}}
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	type shot struct {
		members []im.Member
		head    uint64
	}
	var shots []shot
	for last := uint64(0); last < changes+1 && !t.Failed(); {
		_, members, head, err := other.GroupSnapshot(t.Context(), g.ID)
		if im.CodeOf(err) == im.CodeRetryLater {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		shots, last = append(shots, shot{members, head.Seq}), head.Seq
	}
	wg.Wait()
	log := inbox(t, s, g.ID.Log())
	for _, shot := range shots {
		want := map[im.UserID]bool{a: true}
		for _, e := range log[1:shot.head] {
			if want[e.From] = true; e.Group.What == im.GroupLeft {
				delete(want, e.From)
			}
		}
		got := make(map[im.UserID]bool)
		for _, m := range shot.members {
			got[m.User] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("at %d: %v; the timeline says %v", shot.head, got, want)
		}
	}
}
