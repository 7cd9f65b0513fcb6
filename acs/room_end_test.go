package acs_test

import (
	"testing"

	"github.com/cxx-im/cxx/im"
)

var (
	room  = im.Addr{Local: "tea", Domain: "conference.example.org"}
	there = im.Presence{Show: im.ShowOnline}
)

func (p *people) enter(s im.Session, nick string) im.RoomState {
	p.t.Helper()
	st, err := s.RoomEnter(p.t.Context(), im.RoomEntry{Addr: room, Nick: nick, Presence: there})
	if err != nil {
		p.t.Fatal(err)
	}
	return st
}

// gone waits until a group is no more.
func (p *people) gone(g im.GroupID) {
	p.t.Helper()
	for {
		_, err := p.store.GroupByID(p.t.Context(), g)
		if err != nil {
			p.want(err, im.CodeNotFound)
			return
		}
		if p.t.Context().Err() != nil {
			p.t.Fatal("the group is still there")
		}
	}
}

// A room that its maker has not opened ends with his leaving, and its name is free.
func TestRoomNeverOpened(t *testing.T) {
	p := newPeople(t)
	ann, _ := p.open("ann", im.ProtocolXMPP)
	bob, _ := p.open("bob", im.ProtocolXMPP)
	st := p.enter(ann, "Ann")
	ann.RoomLeave(t.Context(), st.Group.ID, im.Presence{})
	p.gone(st.Group.ID)
	if st := p.enter(bob, "Bob"); !st.Created {
		t.Error("the name is taken")
	}
}

// A temporary room stays while a member is online with C-XX; who is in it, or invited,
// learns its end.
func TestRoomTemporary(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, annBox := p.open("ann", im.ProtocolXMPP)
	bob, _ := p.open("bob", im.ProtocolCXX)
	cat, catBox := p.open("cat", im.ProtocolCXX)
	g := p.enter(ann, "Ann").Group.ID
	p.want(ann.GroupEdit(ctx, g, func(g *im.Group) error { g.Locked, g.Temporary = false, true; return nil }), 0)
	p.want(ann.GroupAct(ctx, g, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}, im.Act{Do: im.ActInvite, User: cat.User()}), 0)
	ann.RoomLeave(ctx, g, im.Presence{})
	p.enter(ann, "Ann") // is still there, or again
	if list := p.list(bob); len(list) != 1 || list[0].Group.ID != g {
		t.Fatalf("the group has ended while bob was there: %+v", list)
	}
	p.want(bob.SetPresence(ctx, im.Presence{Show: im.ShowInvisible}), 0)
	ann.RoomLeave(ctx, g, im.Presence{})
	p.gone(g)
	annBox.awaitVerb(t, im.GroupDissolved)
	catBox.awaitVerb(t, im.GroupDissolved)
	if list := p.list(cat); len(list) != 0 {
		t.Errorf("cat still has %+v", list)
	}
}

// Rooms are made at the domain of who makes them only.
func TestRoomElsewhere(t *testing.T) {
	p := newPeople(t)
	ann, _ := p.open("ann", im.ProtocolXMPP)
	_, err := ann.RoomEnter(t.Context(), im.RoomEntry{Addr: im.Addr{Local: "tea", Domain: "conference.example.com"}, Nick: "Ann", Presence: there})
	p.want(err, im.CodeForbidden)
}

// In an open group visitors may invite, and no invitation makes a member; where one has
// to be let in it does (XEP-0045 section 9.5).
func TestRoomInvitesVisitors(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolXMPP)
	bob, _ := p.open("bob", im.ProtocolXMPP)
	cat, _ := p.open("cat", im.ProtocolXMPP)
	g := p.enter(ann, "Ann").Group.ID
	p.want(ann.GroupEdit(ctx, g, func(g *im.Group) error { g.Locked = false; return nil }), 0)
	p.enter(bob, "Bob")
	p.enter(cat, "Cat")
	p.want(bob.GroupAct(ctx, g, im.Act{Do: im.ActInvite, User: cat.User()}), 0)
	if m, err := p.store.Member(ctx, g, cat.User()); err != nil || !m.Passing {
		t.Errorf("cat was made %+v, %v", m, err)
	}
	p.want(ann.GroupEdit(ctx, g, func(g *im.Group) error { g.Invite = im.WhoMembers; return nil }), 0)
	p.want(bob.GroupAct(ctx, g, im.Act{Do: im.ActInvite, User: cat.User()}), im.CodeForbidden)
}

// A member needs no password to come in; a visitor needs it each time.
func TestRoomPassword(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolXMPP)
	bob, _ := p.open("bob", im.ProtocolXMPP)
	g := p.enter(ann, "Ann").Group.ID
	p.want(ann.GroupEdit(ctx, g, func(g *im.Group) error { g.Locked, g.Password = false, "sesame"; return nil }), 0)
	_, err := bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Presence: there})
	p.want(err, im.CodePasswordNeeded)
	_, err = bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Password: "sesame", Presence: there})
	p.want(err, 0)
	bob.RoomLeave(ctx, g, im.Presence{})
	_, err = bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Presence: there})
	p.want(err, im.CodePasswordNeeded)
	p.want(ann.GroupAct(ctx, g, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}), 0)
	p.enter(bob, "Bob")
}
