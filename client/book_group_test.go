package client_test

import (
	"testing"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const team im.GroupID = 77

func post(seq uint64, from im.UserID, mention bool) client.GroupMessage {
	return client.GroupMessage{
		Group: team, Entry: im.Entry{Seq: seq, MsgID: im.MsgID(seq * 10), Kind: im.KindMessage, From: from, Post: &im.Post{}},
		Mine: from == me, Mentioned: mention,
	}
}

func groupSummary(head uint64, unread, mentions int, readTo uint64) []im.GroupState {
	return []im.GroupState{{
		Group: im.Group{ID: team, Title: "Team"}, Me: im.Member{User: me, Role: im.RoleMember, ReadTo: readTo},
		Head: head, HeadID: im.MsgID(head * 10), Unread: unread, Mentions: mentions, Members: 2,
	}}
}

func TestGroupBookUnread(t *testing.T) {
	read := func(upTo uint64) client.GroupReadMine { return client.GroupReadMine{Group: team, UpTo: upTo} }
	for _, c := range []struct {
		name             string
		evs              []client.Event
		unread, mentions int
		stale            bool
	}{
		{"the summary knows three", nil, 3, 1, false},
		{"the summary had the message", []client.Event{post(7, peer, true)}, 3, 1, false},
		{"and two more came", []client.Event{post(8, peer, false), post(9, peer, true)}, 5, 2, false},
		{"own messages do not count", []client.Event{post(8, me, false)}, 3, 1, false},
		{"all read", []client.Event{post(8, peer, true), read(8)}, 0, 0, false},
		{"the summary's read, not the new one", []client.Event{post(8, peer, true), read(7)}, 1, 1, false},
		{"the mark does not go back", []client.Event{post(8, peer, true), read(8), read(2)}, 0, 0, false},
		{"a mark inside the summary", []client.Event{read(5)}, 3, 1, true},
		{"read before it came", []client.Event{read(9), post(8, peer, true)}, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := client.NewGroupBook()
			b.Load(groupSummary(7, 3, 1, 4))
			for _, ev := range c.evs {
				b.Apply(ev)
			}
			if st, _ := b.Get(team); st.Unread != c.unread || st.Mentions != c.mentions || b.Stale() != c.stale {
				t.Errorf("unread %d, mentions %d, stale %v; want %d, %d, %v", st.Unread, st.Mentions, b.Stale(), c.unread, c.mentions, c.stale)
			}
		})
	}
}

func TestGroupBookFollows(t *testing.T) {
	b := client.NewGroupBook()
	b.Load(groupSummary(7, 0, 0, 7))
	b.Apply(post(8, peer, false))
	b.Apply(post(9, peer, true))
	b.Load(append(groupSummary(8, 1, 0, 7), im.GroupState{Group: im.Group{ID: 5}, HeadID: 1000}, im.GroupState{
		Group: im.Group{ID: 6}, Membership: im.Membership{Pinned: true},
	}))
	if st, _ := b.Get(team); st.Unread != 2 || st.Mentions != 1 || b.Last(team).Seq != 9 {
		t.Errorf("%+v", st)
	}
	var order []im.GroupID
	for _, st := range b.List() {
		order = append(order, st.Group.ID)
	}
	if len(order) != 3 || order[0] != 6 || order[1] != 5 || order[2] != team {
		t.Errorf("the list is %v", order)
	}
	changed := func(seq uint64, ev im.GroupEvent) {
		ev.ID = team
		b.Apply(client.GroupChanged{Group: team, Entry: im.Entry{Seq: seq, Kind: im.KindGroup, Group: &ev}})
	}
	changed(10, im.GroupEvent{What: im.GroupChanged, Group: &im.Group{ID: team, Title: "New"}})
	changed(11, im.GroupEvent{What: im.GroupJoined, Member: &im.Member{User: 9, Role: im.RoleMember}})
	changed(12, im.GroupEvent{What: im.GroupRole, Member: &im.Member{User: me, Role: im.RoleAdmin}})
	if st, _ := b.Get(team); st.Group.Title != "New" || st.Members != 3 || st.Me.Role != im.RoleAdmin || st.Me.ReadTo != 7 {
		t.Errorf("%+v", st)
	}
	if b.Stale() {
		t.Error("stale")
	}
	b.Apply(client.GroupMembership{Event: im.GroupEvent{ID: team, What: im.GroupKicked, Membership: &im.Membership{Group: team}}})
	if _, ok := b.Get(team); ok {
		t.Error("the group is still there")
	}
	b.Apply(client.GroupInvitation{Event: im.GroupEvent{ID: 8}})
	if !b.Stale() {
		t.Error("an invitation needs no list")
	}
}
