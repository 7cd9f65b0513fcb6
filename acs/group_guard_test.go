package acs_test

import (
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func (p *people) owners(g im.GroupID) int {
	list, err := p.store.MembersOf(p.t.Context(), g, im.MemberQuery{Min: im.RoleOwner, Max: im.RoleOwner})
	if err != nil {
		p.t.Fatal(err)
	}
	return len(list)
}

func (p *people) found(s im.Session, g im.Group) im.GroupID {
	p.t.Helper()
	made, err := s.GroupCreate(p.t.Context(), g, im.Member{}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return made.ID
}

// A group has an owner, whatever is done in one request.
func TestGroupKeepsOwner(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g := p.found(ann, im.Group{})
	err := ann.GroupAct(ctx, g, im.Act{Do: im.ActTransfer, User: ann.User()})
	if n := p.owners(g); n != 1 {
		t.Errorf("handed over to himself: %d owners, %v", n, err)
	}
	g = p.found(ann, im.Group{})
	p.want(ann.GroupAct(ctx, g, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleOwner}), 0)
	err = ann.GroupAct(ctx, g,
		im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember},
		im.Act{Do: im.ActRole, User: ann.User(), Role: im.RoleMember})
	p.want(err, im.CodeLastOwner)
	if n := p.owners(g); n != 2 {
		t.Errorf("both taken at once: %d owners, %v", n, err)
	}
	p.want(ann.GroupAct(ctx, g,
		im.Act{Do: im.ActRole, User: ann.User(), Role: im.RoleMember},
		im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleAdmin}), im.CodeForbidden) // ann may not any more
}

// Of what one request makes of somebody the last counts.
func TestGroupActsInOrder(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g := p.found(ann, im.Group{})
	in, out := im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}, im.Act{Do: im.ActKick, User: bob.User()}
	for _, acts := range [][]im.Act{{in, out}, {in, out, in, out}} {
		p.want(ann.GroupAct(ctx, g, acts...), 0)
		if m, err := p.store.Member(ctx, g, bob.User()); err != nil || m.Role != im.RoleNone {
			t.Errorf("removed last, bob is %v; %v", m.Role, err)
		}
		p.want(p.say(bob, g, "still here"), im.CodeNotMember)
	}
	p.want(ann.GroupAct(ctx, g, in, out, in), 0)
	p.want(p.say(bob, g, "here again"), 0)
}

// A visitor who leaves takes nobody with him.
func TestGroupVisitorLeaves(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g := p.found(ann, im.Group{})
	p.want(ann.GroupAct(ctx, g, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleVisitor}), 0)
	p.want(bob.GroupLeave(ctx, g, ""), 0)
	p.want(p.say(ann, g, "still here"), 0)
}

// A password is asked from C-XX too.
func TestGroupPassword(t *testing.T) {
	p := newPeople(t)
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g := p.found(ann, im.Group{Password: "secret", History: true})
	_, err := bob.GroupJoin(t.Context(), g, im.Joining{})
	p.want(err, im.CodePasswordNeeded)
	_, err = bob.GroupJoin(t.Context(), g, im.Joining{Password: "Secret"})
	p.want(err, im.CodePasswordNeeded)
	if me, err := bob.GroupJoin(t.Context(), g, im.Joining{Password: "secret"}); err != nil || !me.Role.In() {
		t.Errorf("bob is %v with the password: %v", me.Role, err)
	}
	cat, _ := p.open("cat", im.ProtocolCXX)
	p.want(ann.GroupAct(t.Context(), g, im.Act{Do: im.ActInvite, User: cat.User()}), 0)
	if me, err := cat.GroupJoin(t.Context(), g, im.Joining{}); err != nil || !me.Role.In() {
		t.Errorf("cat, who was invited, is %v: %v", me.Role, err)
	}
}

// An invitation across a block is not seen.
func TestGroupInviteBlocked(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, box := p.open("bob", im.ProtocolCXX)
	err := bob.Block(ctx, []im.Addr{{Local: "ann", Domain: "example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	g := p.found(ann, im.Group{Join: im.JoinInvite})
	p.want(ann.GroupAct(ctx, g, im.Act{Do: im.ActInvite, User: bob.User()}), 0)
	if slices.Contains(box.verbs(), im.GroupInvited) {
		t.Error("bob was invited by whom he blocks")
	}
}

// The nick of a subject is that of who has set it.
func TestGroupSubjectNick(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	g := p.found(ann, im.Group{})
	err := ann.GroupEdit(ctx, g, func(g *im.Group) error { g.Subject, g.SubjectNick = "x", "bob"; return nil })
	got, _ := p.store.GroupByID(ctx, g)
	if got.SubjectNick == "bob" {
		t.Errorf("forged: %v", err)
	}
}

// An invitation takes no nickname that somebody has.
func TestGroupInviteNick(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g := p.found(ann, im.Group{})
	err := ann.GroupAct(ctx, g, im.Act{Do: im.ActInvite, User: bob.User(), Nick: "ANN"})
	if err != nil {
		t.Errorf("suggested nickname in use: %v", err)
	}
	if me, err := bob.GroupJoin(ctx, g, im.Joining{}); err != nil || im.NickKey(me.Nick) == im.NickKey("ann") {
		t.Errorf("%+v %v", me, err)
	}
}

// A group is made with everybody who is invited, or not at all.
func TestGroupCreateInvites(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, box := p.open("bob", im.ProtocolCXX)
	tea := im.Group{Addr: im.Addr{Local: "tea"}}
	_, err := ann.GroupCreate(ctx, tea, im.Member{}, []im.UserID{bob.User(), 12345})
	p.want(err, im.CodeNotFound)
	if len(box.verbs()) != 0 || len(p.list(ann)) != 0 {
		t.Error("there is a group, though the answer says that there is none")
	}
	made, err := ann.GroupCreate(ctx, tea, im.Member{}, []im.UserID{bob.User(), bob.User(), ann.User()})
	if err != nil {
		t.Fatal(err)
	}
	if got := box.verbs(); !slices.Equal(got, []im.GroupVerb{im.GroupInvited}) {
		t.Errorf("bob was told %v", got)
	}
	if me, err := bob.GroupJoin(ctx, made.ID, im.Joining{}); err != nil || me.Role != im.RoleMember {
		t.Errorf("bob joined as %v, %v", me.Role, err)
	}
	if m, _ := p.store.Member(ctx, made.ID, ann.User()); m.Role != im.RoleOwner {
		t.Errorf("ann is %v", m.Role)
	}
}
