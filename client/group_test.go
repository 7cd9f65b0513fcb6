package client_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// posts returns the texts of the next n messages in groups, which must come in order.
func posts(t *testing.T, c *client.Client, n int) (list []string) {
	t.Helper()
	last := make(map[im.GroupID]uint64)
	for range n {
		m := next[client.GroupMessage](t, c)
		if m.Seq <= last[m.Group] {
			t.Fatalf("seq %d of the group came after %d", m.Seq, last[m.Group])
		}
		last[m.Group] = m.Seq
		list = append(list, m.Text)
	}
	return list
}

// numbers are the texts from first to last.
func numbers(first, last int) (list []string) {
	for i := first; i <= last; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

// drain handles all there is and returns the texts of messages in groups.
func drain(t *testing.T, c *client.Client) (list []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ev, err := range c.Events(ctx) {
		if m, ok := ev.(client.GroupMessage); ok && err == nil {
			list = append(list, m.Text)
		}
	}
	return list
}

func sayNumbers(w *world, from im.UserID, g im.GroupID, first, last int) {
	for _, text := range numbers(first, last) {
		w.cell.SayGroup(from, g, text)
	}
}

func TestGroupIsMadeJoinedAndSpokenIn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice, bob := w.dial(w.options("alice")), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		made, err := alice.CreateGroup(t.Context(), im.Group{Addr: im.Addr{Local: "tea"}, Title: "Tea"}, "", w.bob)
		if err != nil || made.Group.Addr.String() != "tea@conference.example.org" || made.Me.Role != im.RoleOwner {
			t.Fatalf("made %+v, %v", made, err)
		}
		g := made.Group.ID
		in := next[client.GroupInvitation](t, bob)
		if in.Event.ID != g || in.From != w.alice || in.Event.Group.Title != "Tea" {
			t.Errorf("invited by %+v", in)
		}
		if me, err := bob.JoinGroup(t.Context(), g, im.Joining{Nick: "Bobby"}); err != nil || me.Role != im.RoleMember || me.Nick != "Bobby" {
			t.Fatalf("joined as %+v, %v", me, err)
		}
		if m := next[client.GroupMembership](t, bob); m.Event.What != im.GroupJoined || m.Event.Membership.Role != im.RoleMember {
			t.Errorf("%+v", m.Event)
		}
		ack, err := alice.SendGroup(t.Context(), g, "hello all")
		if err != nil {
			t.Fatal(err)
		}
		mine, got := next[client.GroupMessage](t, alice), next[client.GroupMessage](t, bob)
		if !mine.Mine || mine.Seq != ack.Seq || mine.Text != "hello all" || mine.Mentioned {
			t.Errorf("alice's own is %+v", mine)
		}
		if got.Mine || got.Group != g || got.Seq != ack.Seq || got.Nick() != "alice" || got.MsgID != ack.MsgID {
			t.Errorf("bob got %+v", got)
		}
		if _, err := bob.SendAsync(im.Outgoing{Group: g, Text: "@alice", Mentions: []im.UserID{w.alice}}); err != nil {
			t.Fatal(err)
		}
		if m := next[client.GroupMessage](t, alice); !m.Mentioned || m.Nick() != "Bobby" {
			t.Errorf("alice got %+v", m)
		}
		if st, err := alice.FindGroup(t.Context(), "#tea"); err != nil || st.Group.ID != g || st.Unread != 1 || st.Mentions != 1 || st.Members != 2 {
			t.Errorf("found %+v, %v", st, err)
		}
		if l, ok := bob.KnownGroup(g); !ok || l.String() != "tea@conference.example.org" || l.Title != "Tea" {
			t.Errorf("bob knows it as %v", l)
		}
	})
}

func TestPostsOutOfOrderTwiceAndLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		w.cell.Do(func() {
			w.cell.OnPost = func(*clienttest.Conn, im.GroupID, im.Entry) clienttest.Verdict { return clienttest.Drop }
		})
		sayNumbers(w, w.alice, g, 1, 5) // seqs 3 to 7
		w.cell.PushPost(w.bob, g, 5, 3, 4, 4, 7, 3, 6)
		if got := posts(t, bob, 5); !slices.Equal(got, numbers(1, 5)) {
			t.Fatal(got)
		}
		sayNumbers(w, w.alice, g, 6, 8) // nobody tells
		w.cell.PushPost(w.bob, g, 10)
		if got := posts(t, bob, 3); !slices.Equal(got, numbers(6, 8)) {
			t.Fatal(got)
		}
		sayNumbers(w, w.alice, g, 9, 200)
		w.cell.Moved(w.bob, g)
		if got := posts(t, bob, 192); !slices.Equal(got, numbers(9, 200)) {
			t.Fatal(got)
		}
	})
}

// A list of groups that is longer than one answer is read to its end: all of them are
// followed, and shown.
func TestGroupsOfSeveralPages(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cell.GroupPage = 2
		want := []string{"coffee", "juice", "milk", "tea", "water"}
		var groups []im.GroupID
		for _, name := range want {
			groups = append(groups, w.cell.AddGroup(name, w.alice, w.bob))
		}
		o := w.options("bob")
		o.SyncFrom = client.Latest // the inbox will not tell of them
		bob := w.dial(o)
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		var got []string
		for i, g := range groups {
			w.cell.SayGroup(w.alice, g, want[i])
			got = append(got, next[client.GroupMessage](t, bob).Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("followed %q", got)
		}
		if list, err := bob.Groups(t.Context()); err != nil || len(list) != len(want) {
			t.Errorf("%d groups are listed, %v", len(list), err)
		}
	})
}

// A group that cannot be reached at the login is read when it can be.
func TestGroupOutOfReach(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		lost, here := w.cell.AddGroup("tea", w.alice, w.bob), w.cell.AddGroup("milk", w.alice, w.bob)
		w.cell.SayGroup(w.alice, lost, "unread")
		w.cell.SayGroup(w.alice, here, "there")
		w.cell.Do(func() { w.cell.Lost = lost })
		o := w.options("bob")
		o.SyncFrom = client.Latest
		bob := w.dial(o)
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		if list, err := bob.Groups(t.Context()); err != nil || len(list) != 2 || list[0].Away == list[1].Away {
			t.Errorf("got %+v, %v; want one group that is away", list, err)
		}
		w.cell.Do(func() { w.cell.Lost = 0 })
		if m := next[client.GroupMessage](t, bob); m.Group != lost || m.Text != "unread" {
			t.Errorf("got %+v", m)
		}
	})
}

// The server says that a timeline has moved when it pushes nothing until it was read,
// even if the client has got it all by another way meanwhile.
func TestMovedIsAlwaysAnsweredByASync(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		synctest.Wait()
		var syncs atomic.Int64
		w.cell.Do(func() {
			w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
				if f.Call.GetGroupSync() != nil {
					syncs.Add(1)
				}
				return clienttest.Pass
			}
		})
		w.cell.Moved(w.bob, g)
		synctest.Wait()
		if syncs.Load() != 1 {
			t.Errorf("%d syncs", syncs.Load())
		}
	})
}

func TestGroupsAreReadAfterAReconnect(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var groups []im.GroupID
		for i := range 20 {
			groups = append(groups, w.cell.AddGroup(fmt.Sprint("g", i), w.alice, w.bob))
		}
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		var flying, most int
		w.cell.Do(func() {
			w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
				if f.Call.GetGroupSync() != nil {
					flying++
					most = max(most, flying)
				}
				return clienttest.Pass
			}
		})
		w.cell.CutAll()
		for _, g := range groups {
			w.cell.SayGroup(w.alice, g, "missed")
		}
		seen := make(map[im.GroupID]int)
		for range groups {
			m := next[client.GroupMessage](t, bob)
			seen[m.Group]++
		}
		next[client.GroupsCaughtUp](t, bob)
		for _, g := range groups {
			if seen[g] != 1 {
				t.Errorf("group %s was reported %d times", g, seen[g])
			}
		}
		if most == 0 {
			t.Error("nothing was read")
		}
	})
}

func TestGroupCursorSurvivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		next[client.GroupsCaughtUp](t, bob)
		sayNumbers(w, w.alice, g, 1, 3)
		posts(t, bob, 3) // the third is given, and not known to be handled
		bob.Close()
		if s, _ := o.Store.Load(); s.Groups[g] != 4 {
			t.Errorf("the stored cursors are %v", s.Groups)
		}
		sayNumbers(w, w.alice, g, 4, 300)
		bob = w.dial(o)
		defer bob.Close()
		if got := posts(t, bob, 298); !slices.Equal(got, numbers(3, 300)) {
			t.Errorf("after the restart there are %d: %v", len(got), got)
		}
	})
}

func TestWhereAGroupBegins(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		sayNumbers(w, w.alice, g, 1, 300)
		latest, tail, long := w.options("bob"), w.options("bob"), w.options("bob")
		latest.SyncFrom, tail.GroupTail, long.GroupTail = client.Latest, 5, client.Latest
		for name, c := range map[string]struct {
			o     client.Options
			first int
		}{"latest": {latest, 301}, "a tail": {tail, 296}, "all there is": {long, 1}, "as usual": {w.options("bob"), 101}} {
			bob := w.dial(c.o)
			got := drain(t, bob)
			bob.Close()
			if !slices.Equal(got, numbers(c.first, 300)) {
				t.Errorf("%s: it is %v, want %d to 300", name, got, c.first)
			}
		}
	})
}

func TestWhoJoinsElsewhereFollowsFromThere(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice)
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		next[client.GroupsCaughtUp](t, bob)
		sayNumbers(w, w.alice, g, 1, 3)
		w.cell.Join(g, w.bob)
		sayNumbers(w, w.alice, g, 4, 6)
		if got := posts(t, bob, 3); !slices.Equal(got, numbers(4, 6)) {
			t.Errorf("online: %v", got)
		}
		bob.Acknowledge()
		w.cell.Kick(g, w.bob)
		if m := next[client.GroupMembership](t, bob); m.Event.What != im.GroupKicked {
			t.Errorf("%+v", m.Event)
		}
		bob.Acknowledge()
		w.cell.SayGroup(w.alice, g, "not for bob")
		bob.Close()
		if s, _ := o.Store.Load(); len(s.Groups) != 0 {
			t.Errorf("the store still holds %v", s.Groups)
		}
		w.cell.Join(g, w.bob)
		sayNumbers(w, w.alice, g, 7, 9)
		bob = w.dial(o)
		defer bob.Close()
		if got := posts(t, bob, 3); !slices.Equal(got, numbers(7, 9)) {
			t.Errorf("joined while away: %v", got)
		}
	})
}

// What an old entry of the inbox says of a group does not count where the list of
// groups is newer.
func TestKickedAndBackWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		next[client.GroupsCaughtUp](t, bob)
		sayNumbers(w, w.alice, g, 1, 2)
		posts(t, bob, 2)
		bob.Acknowledge()
		bob.Close()
		w.cell.SayGroup(w.alice, g, "3")
		w.cell.Kick(g, w.bob)
		w.cell.SayGroup(w.alice, g, "not for bob")
		w.cell.Join(g, w.bob)
		sayNumbers(w, w.alice, g, 4, 6)
		bob = w.dial(o)
		if got := posts(t, bob, 3); !slices.Equal(got, numbers(4, 6)) {
			t.Fatal(got)
		}
		if got := drain(t, bob); len(got) > 0 {
			t.Errorf("and %v", got)
		}
		bob.Close()
		if s, _ := o.Store.Load(); s.Groups[g] == 0 {
			t.Error("the group was forgotten")
		}
		w.cell.SayGroup(w.alice, g, "7")
		bob = w.dial(o)
		defer bob.Close()
		if got := posts(t, bob, 1); got[0] != "7" {
			t.Errorf("then %v", got)
		}
	})
}

func TestKickedWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		drain(t, bob)
		bob.Close()
		w.cell.SayGroup(w.alice, g, "not read in time")
		w.cell.Kick(g, w.bob)
		var syncs atomic.Int64
		w.cell.Do(func() {
			w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
				if f.Call.GetGroupSync() != nil {
					syncs.Add(1)
				}
				return clienttest.Pass
			}
		})
		bob = w.dial(o)
		if m := next[client.GroupMembership](t, bob); m.Event.What != im.GroupKicked {
			t.Errorf("%+v", m.Event)
		}
		bob.Acknowledge()
		pass(time.Minute)
		bob.Close()
		if n := syncs.Load(); n > 1 {
			t.Errorf("%d tries to read a group that he is not in", n)
		}
		if s, _ := o.Store.Load(); len(s.Groups) != 0 {
			t.Errorf("the store still holds %v", s.Groups)
		}
	})
}

func TestGroupOutbox(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		var sends int
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if f.Send == nil {
				return clienttest.Pass
			}
			if sends++; sends%40 == 0 {
				return clienttest.CutAfter
			}
			return clienttest.Pass
		}
		o := w.options("alice")
		o.Store = memory()
		alice := w.dial(o)
		var all []*client.Pending
		for i := range 150 {
			p, err := alice.SendAsync(im.Outgoing{Group: g, Text: fmt.Sprint(i + 1)})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		for i, p := range all {
			<-p.Done()
			if ack, err := p.Result(); err != nil || ack.Seq != uint64(i+3) {
				t.Fatalf("message %d: %+v %v", i, ack, err)
			}
		}
		if got := posts(t, alice, 150); !slices.Equal(got, numbers(1, 150)) {
			t.Errorf("alice's own stream is %v", got)
		}
		alice.Acknowledge()
		// Those that were stored go out after a restart.
		w.cell.Down(clienttest.NAS, clienttest.ACS1, clienttest.ACS2)
		if _, err := alice.SendAsync(im.Outgoing{Group: g, Text: "151", Mentions: []im.UserID{w.bob}, All: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		alice.Close()
		w.cell.Up(clienttest.NAS, clienttest.ACS1, clienttest.ACS2)
		alice = w.dial(o)
		defer alice.Close()
		if m := next[client.GroupMessage](t, alice); m.Text != "151" || !m.Post.All || !slices.Equal(m.Post.Mentions, []im.UserID{w.bob}) {
			t.Errorf("%+v", m)
		}
		if n := len(w.cell.Timeline(g)); n != 153 {
			t.Errorf("the timeline has %d entries", n)
		}
		w.cell.Kick(g, w.bob)
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		if _, err := bob.SendGroup(t.Context(), g, "let me in"); im.CodeOf(err) != im.CodeNotMember {
			t.Errorf("who was kicked may send: %v", err)
		}
		if r := next[client.Refused](t, bob); r.Message.Group != g {
			t.Errorf("%+v", r)
		}
	})
}

// A program that takes its time gets everything all the same.
func TestSlowApplicationAndGroups(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a, b := w.cell.AddGroup("a", w.alice, w.bob), w.cell.AddGroup("b", w.alice, w.bob)
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.GroupsCaughtUp](t, bob)
		const n = 2000
		for i := 1; i <= n; i++ {
			sayNumbers(w, w.alice, a, i, i)
			sayNumbers(w, w.alice, b, i, i)
			if i%100 == 0 {
				w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
				synctest.Wait()
			}
		}
		got := map[im.GroupID][]string{}
		inbox := 0
		for len(got[a]) < n || len(got[b]) < n || inbox < n/100 {
			ev, err := bob.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch ev := ev.(type) {
			case client.GroupMessage:
				got[ev.Group] = append(got[ev.Group], ev.Text)
			case client.Message:
				inbox++
			}
		}
		if want := numbers(1, n); !slices.Equal(got[a], want) || !slices.Equal(got[b], want) {
			t.Error("a group is not complete or not in order")
		}
	})
}

func TestTimelineRestoredFromAnOlderBackup(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		next[client.GroupsCaughtUp](t, bob)
		sayNumbers(w, w.alice, g, 1, 5)
		posts(t, bob, 5)
		w.cell.TruncateGroup(g, 4)
		w.cell.CutAll()
		if r := next[client.Regressed](t, bob); r.Group != g || r.Cursor != 7 || r.Head != 4 {
			t.Errorf("%+v", r)
		}
		w.cell.SayGroup(w.alice, g, "after")
		if m := next[client.GroupMessage](t, bob); m.Seq != 5 || m.Text != "after" {
			t.Errorf("%+v", m)
		}
		w.cell.TruncateGroup(g, 3)
		w.cell.Moved(w.bob, g) // in the middle of a session
		if r := next[client.Regressed](t, bob); r.Group != g || r.Head != 3 {
			t.Errorf("%+v", r)
		}
		bob.Acknowledge()
		bob.Close()
		if s, _ := o.Store.Load(); s.Groups[g] != 3 {
			t.Errorf("the stored cursors are %v", s.Groups)
		}
	})
}

func TestGroupReadingAndTyping(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice, w.bob)
		alice, bob, other := w.dial(w.options("alice")), w.dial(w.options("bob")), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		defer other.Close()
		for _, c := range []*client.Client{alice, bob, other} {
			next[client.GroupsCaughtUp](t, c)
		}
		ack, err := alice.SendGroup(t.Context(), g, "read me")
		if err != nil {
			t.Fatal(err)
		}
		posts(t, bob, 1)
		if err := bob.MarkGroupRead(t.Context(), g, ack.Seq); err != nil {
			t.Fatal(err)
		}
		if r := next[client.GroupRead](t, alice); r.Group != g || r.User != w.bob || r.Nick != "bob" || r.UpTo != ack.Seq {
			t.Errorf("%+v", r)
		}
		if r := next[client.GroupReadMine](t, other); r.Group != g || r.UpTo != ack.Seq {
			t.Errorf("%+v", r)
		}
		if r, err := alice.GroupReaders(t.Context(), g, ack.Seq, 10); err != nil || r.Read != 1 || r.Of != 1 || r.Members[0].User != w.bob {
			t.Errorf("%+v, %v", r, err)
		}
		alice.SignalGroup(g, im.SignalTyping)
		if ty := next[client.Typing](t, bob); ty.Group != g || ty.Nick != "alice" || ty.Kind != im.SignalTyping {
			t.Errorf("%+v", ty)
		}
		if err := alice.RetractInGroup(t.Context(), g, ack.Seq, "by mistake"); err != nil {
			t.Fatal(err)
		}
		if ch := next[client.GroupChanged](t, bob); ch.Entry.Group.What != im.GroupRetracted || ch.Entry.Group.Ref != ack.Seq {
			t.Errorf("%+v", ch.Entry.Group)
		}
		page, err := bob.GroupHistory(t.Context(), g, im.HistoryQuery{})
		if err != nil || len(page.Entries) != 1 || !page.Entries[0].Post.Retracted || page.Entries[0].Text != "" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestGroupsByApprovalAndOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		g := w.cell.AddGroup("tea", w.alice)
		alice, bob := w.dial(w.options("alice")), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		do(alice.EditGroup(t.Context(), g, client.SetJoin(im.JoinApproval), client.SetTitle("Tea time"), client.SetAnnouncement("at four")))
		if me, err := bob.JoinGroup(t.Context(), g, im.Joining{Note: "let me in"}); err != nil || me.Role != im.RoleAsking {
			t.Fatalf("%+v %v", me, err)
		}
		if r := next[client.GroupRequest](t, alice); r.Event.Member.User != w.bob || r.Event.Reason != "let me in" {
			t.Errorf("%+v", r)
		}
		do(alice.ActInGroup(t.Context(), g, im.Act{Do: im.ActAccept, User: w.bob}, im.Act{Do: im.ActMute, User: w.bob}))
		if _, err := bob.SendGroup(t.Context(), g, "mmh"); im.CodeOf(err) != im.CodeMuted {
			t.Errorf("who is muted may send: %v", err)
		}
		if err := bob.ActInGroup(t.Context(), g, im.Act{Do: im.ActUnmute, User: w.bob}); im.CodeOf(err) != im.CodeForbidden {
			t.Errorf("a member may unmute: %v", err)
		}
		do(bob.SetNick(t.Context(), g, "Bobby"))
		do(bob.BookGroup(t.Context(), g, true, false))
		list, _, err := alice.GroupMembers(t.Context(), g, im.MemberQuery{})
		do(err)
		if len(list) != 2 || list[0].Nick != "alice" || list[1].Nick != "Bobby" || !list[1].Muted(time.Now()) {
			t.Errorf("%+v", list)
		}
		if err := alice.LeaveGroup(t.Context(), g, ""); im.CodeOf(err) != im.CodeLastOwner {
			t.Errorf("the last owner may leave: %v", err)
		}
		do(alice.ActInGroup(t.Context(), g, im.Act{Do: im.ActTransfer, User: w.bob}))
		do(alice.LeaveGroup(t.Context(), g, "bye"))
		do(bob.DissolveGroup(t.Context(), g, "", "over"))
		for {
			if m := next[client.GroupMembership](t, bob); m.Event.What == im.GroupDissolved {
				break
			}
		}
		if list, err := bob.Groups(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// A change that cannot be repeated says that its outcome is not known.
func TestCutInAChange(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if _, ok := f.Call.GetOp().(*cxxpb.Call_GroupCreate); ok {
				return clienttest.CutAfter
			}
			return clienttest.Pass
		}
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		_, err := alice.CreateGroup(t.Context(), im.Group{Addr: im.Addr{Local: "tea"}}, "")
		if im.CodeOf(err) != im.CodeUnknownOutcome {
			t.Errorf("%v", err)
		}
		if st, err := alice.FindGroup(t.Context(), "tea"); err != nil || st.Me.Role != im.RoleOwner {
			t.Errorf("%+v %v", st, err)
		}
	})
}
