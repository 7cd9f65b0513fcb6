package acs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// voices is whom a session was told of, with what made it so.
func voices(sink *roomSink) map[im.UserID]im.GroupVerb {
	out := make(map[im.UserID]im.GroupVerb)
	for _, c := range sink.changes() {
		out[c.Occupant.User] = c.Why
	}
	return out
}

// A room tells whose MUC role has changed with its settings.
func TestRoomSettingsTakeVoice(t *testing.T) {
	srv, store := roomServer(t)
	ann, _ := roomSession(srv, 1, 11, im.ProtocolXMPP)
	cat, sink := roomSession(srv, 3, 13, im.ProtocolXMPP)
	settled(t, ann, member(1, im.RoleOwner, "ann"))
	settled(t, cat, member(3, im.RoleMember, "cat"))
	sink.changes()
	g := store.group
	g.Speak = im.WhoAdmins
	store.event(srv, im.GroupEvent{What: im.GroupChanged, Group: &g})
	if got := voices(sink); len(got) != 1 || got[3] != im.GroupChanged {
		t.Errorf("only admins may speak now: told of %v; want of cat", got)
	}
	about := g
	about.About = "something"
	store.event(srv, im.GroupEvent{What: im.GroupChanged, Group: &about})
	if got := voices(sink); len(got) != 0 {
		t.Errorf("the description is another one: told of %v", got)
	}
}

// A mute that ends by itself is told then, whether of one or of all, and not before.
func TestRoomMuteEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, store := roomServer(t)
		cat, sink := roomSession(srv, 3, 13, im.ProtocolXMPP)
		settled(t, cat, member(3, im.RoleMember, "cat"))
		muted := member(3, im.RoleMember, "cat")
		muted.MutedUntil = time.Now().Add(2 * time.Hour)
		store.event(srv, im.GroupEvent{What: im.GroupVoice, Member: &muted})
		g := store.group
		g.MutedUntil = time.Now().Add(3 * time.Hour)
		store.event(srv, im.GroupEvent{What: im.GroupChanged, Group: &g})
		sink.changes()
		advance(2*time.Hour + time.Minute)
		if got := voices(sink); len(got) != 0 {
			t.Errorf("cat may speak, but nobody may: told of %v", got)
		}
		advance(time.Hour)
		if got := voices(sink); len(got) != 1 || got[3] != im.GroupVoice {
			t.Errorf("all may speak: told of %v; want of cat", got)
		}
		cat.RoomLeave(t.Context(), team, im.Presence{})
		srv.tasks.close()
	})
}
