package acs_test

import (
	"testing"

	"github.com/cxx-im/cxx/im"
)

// Who deletes his account leaves no group without an owner, and is in none.
func TestLeaveAll(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, bobBox := p.open("bob", im.ProtocolCXX)
	cat, _ := p.open("cat", im.ProtocolCXX)
	dan, _ := p.open("dan", im.ProtocolCXX)
	role := func(u im.Session, r im.Role) im.Act { return im.Act{Do: im.ActRole, User: u.User(), Role: r} }

	own := p.found(ann, im.Group{})
	p.want(ann.GroupAct(ctx, own, role(cat, im.RoleMember), role(bob, im.RoleAdmin), role(dan, im.RoleAdmin)), 0)
	alone := p.found(ann, im.Group{})
	p.want(ann.GroupAct(ctx, alone, im.Act{Do: im.ActInvite, User: bob.User()}), 0)
	asked := p.found(bob, im.Group{Join: im.JoinApproval})
	if _, err := ann.GroupJoin(ctx, asked, im.Joining{}); err != nil {
		t.Fatal(err)
	}
	banned := p.found(bob, im.Group{})
	p.want(bob.GroupAct(ctx, banned, role(ann, im.RoleOutcast)), 0)

	p.want(p.srv.LeaveAll(ctx, ann.User()), 0)
	if m, err := p.store.Member(ctx, own, bob.User()); err != nil || m.Role != im.RoleOwner {
		t.Errorf("bob, who was an admin first, is %v; %v", m.Role, err)
	}
	for g, want := range map[im.GroupID]im.Role{own: im.RoleNone, asked: im.RoleNone, banned: im.RoleOutcast} {
		if m, err := p.store.Member(ctx, g, ann.User()); err != nil || m.Role != want {
			t.Errorf("ann is %v in %s; want %v; %v", m.Role, g, want, err)
		}
	}
	_, err := p.store.GroupByID(ctx, alone)
	p.want(err, im.CodeNotFound)
	bobBox.awaitVerb(t, im.GroupDissolved)
	if list, err := p.store.Memberships(ctx, ann.User()); err != nil || len(list) != 1 || list[0].Group != banned {
		t.Errorf("ann has %+v; %v", list, err)
	}
	p.want(p.srv.LeaveAll(ctx, ann.User()), 0)
}
