package pep

import (
	"context"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// standing is how juliet stands to the only group there is.
type standing struct {
	im.Groups
	state im.GroupState
	err   error
	asked int
	then  *im.GroupState // what it becomes when it has been asked for once
}

func (g *standing) GroupGet(context.Context, im.GroupID) (im.GroupState, error) {
	now := g.state
	if g.asked++; g.then != nil {
		g.state, g.then = *g.then, nil
	}
	return now, g.err
}

func in(role im.Role, nick string) im.GroupState {
	return im.GroupState{Group: im.Group{Title: "The Play"}, Me: im.Member{Role: role, Nick: nick}}
}

// XEP-0402 section 3: a member's bookmark comes with the membership, follows his
// nickname, keeps what his clients wrote, and goes with him.
func TestBooked(t *testing.T) {
	w := newWorld(t)
	w.session("juliet/garden", nsBookmarks)
	core := w.sessions["juliet/balcony"].Core().(*xmpptest.Core)
	g := &standing{}
	core.Groups = g
	const room = "play@conference.example.org"
	m := im.Membership{Group: 9, Addr: im.Addr{Local: "play", Domain: "conference.example.org"}, Role: im.RoleMember}
	event := func(in string) string {
		return "juliet/garden juliet:<items node='" + nsBookmarks + "'>" + in + "</items>"
	}
	item := func(more, in string) string { return "<item id='" + room + "'>" + conference(more, in) + "</item>" }
	step := func(what string, st im.GroupState, want ...string) {
		t.Helper()
		g.state = st
		err := w.v.Booked(t.Context(), core, m)
		if again := im.CodeOf(g.err) == im.CodeZoneUnavailable; (err != nil) != again {
			t.Errorf("%s: got %v; want to be told again: %v", what, err, again)
		}
		w.same(what, w.events(), want...)
	}
	step("joined", in(im.RoleMember, "J"), event(item(" name='The Play' autojoin='true'", "<nick>J</nick>")))
	step("told again", in(im.RoleMember, "J"))
	step("another nickname", in(im.RoleAdmin, "Jule"), event(item(" name='The Play' autojoin='true'", "<nick>Jule</nick>")))
	w.must(juliet+"set", publish(nsBookmarks, room, conference(" name='My play' autojoin='false'", "<nick>Jule</nick><extensions><x xmlns='urn:x'/></extensions>")))
	w.events()
	step("what a client wrote", in(im.RoleOwner, "Jule"))
	step("what a client wrote, another nickname", in(im.RoleOwner, "J"),
		event(item(" name='My play' autojoin='false'", "<nick>J</nick><extensions><x xmlns='urn:x'/></extensions>")))
	g.err = im.Errorf(im.CodeZoneUnavailable, "")
	step("nobody knows", im.GroupState{})
	g.err = nil
	step("kicked", im.GroupState{}, event("<retract id='"+room+"'/>"))
	step("told again", im.GroupState{})
	passing := in(im.RoleVisitor, "J")
	passing.Me.Passing = true
	step("only passing", passing)
	g.err = im.Errorf(im.CodeNotFound, "")
	step("no such group", im.GroupState{})
	g.err, g.asked = nil, 0
	m.Role = im.RoleInvited
	step("invited", in(im.RoleInvited, ""))
	if g.asked != 0 {
		t.Error("an invitation is no membership")
	}
}

// Old news, and a kick while a bookmark is being put: what the group says last counts.
func TestBookedWhileItChanges(t *testing.T) {
	w := newWorld(t)
	core := w.sessions["juliet/balcony"].Core().(*xmpptest.Core)
	out := im.GroupState{}
	g := &standing{state: in(im.RoleMember, "J"), then: &out}
	core.Groups = g
	_ = w.v.Booked(t.Context(), core, im.Membership{Group: 9, Addr: im.Addr{Local: "play", Domain: "conference.example.org"}, Role: im.RoleMember})
	if got := w.must(juliet+"get", items(nsBookmarks)); got != "<pubsub><items node='"+nsBookmarks+"'/></pubsub>" {
		t.Error(got)
	}
}
