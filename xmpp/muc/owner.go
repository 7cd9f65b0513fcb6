package muc

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

var errOwner = stanza.Errorf(stanza.Forbidden, "only an owner of the room may do this")

// settings answers with the configuration form (section 10.2).
func (s *Service) settings(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Room.Me.Role < im.RoleOwner {
		return nil, errOwner
	}
	list, err := staff(ctx, r)
	if err != nil {
		return nil, err
	}
	var admins, owners []string
	for i := range list {
		a := list[i].Addr.Bare().String()
		if list[i].Role == im.RoleOwner {
			owners = append(owners, a)
		} else {
			admins = append(admins, a)
		}
	}
	return xmlstream.New(nsOwner, "query").Add(configuration(&r.Room.Group, admins, owners).Element()), nil
}

// staff are the admins and owners of a room.
func staff(ctx context.Context, r *iq.Request) ([]im.Member, error) {
	return r.Session.Core().GroupMembers(ctx, r.Room.Group.ID, im.MemberQuery{Min: im.RoleAdmin, Max: im.RoleOwner})
}

// own does what owners ask for: another configuration, or the end of the room
// (sections 10.1, 10.2, 10.9).
func (s *Service) own(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Room.Me.Role < im.RoleOwner {
		return nil, errOwner
	}
	if d := r.Payload.Child(nsOwner, "destroy"); d != nil {
		return nil, destroy(ctx, r, d)
	}
	x := form.Child(r.Payload)
	if x == nil {
		return nil, stanza.Errorf(stanza.BadRequest, "the request has neither a form nor <destroy/>")
	}
	f, err := form.Parse(x)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Type == form.TypeCancel && r.Room.Group.Locked: // section 10.1.3: there will be no room
		return nil, r.Session.Core().GroupDissolve(ctx, r.Room.Group.ID, "", "")
	case f.Type == form.TypeCancel:
		return nil, nil
	case f.Type != form.TypeSubmit || len(f.Fields) > 0 && f.About() != formConfig:
		return nil, stanza.Errorf(stanza.BadRequest, "the form has to be of type submit and about "+formConfig)
	}
	return nil, configure(ctx, r, f)
}

// destroy ends a room and says where people go instead.
func destroy(ctx context.Context, r *iq.Request, d *xmlstream.Element) error {
	alternate := d.Attr("jid")
	if alternate != "" {
		a, err := im.ParseAddr(alternate)
		if err != nil {
			return stanza.Errorf(stanza.JIDMalformed, "the attribute jid is no address")
		}
		alternate = a.String()
	}
	return r.Session.Core().GroupDissolve(ctx, r.Room.Group.ID, alternate, d.ChildText(nsOwner, "reason"))
}

// configure changes a room as a form says, and opens it when it was new. A form
// without fields accepts the room as it is (section 10.1.2).
func configure(ctx context.Context, r *iq.Request, f *form.Form) error {
	acts, err := newStaff(ctx, r, f)
	if err != nil {
		return err
	}
	var mine error
	core, g := r.Session.Core(), r.Room.Group.ID
	err = core.GroupEdit(ctx, g, func(g *im.Group) error {
		g.Locked = false
		if mine = apply(g, f); mine != nil {
			return im.Errorf(im.CodeInvalid, "the form cannot be used")
		}
		return nil
	})
	switch {
	case mine != nil:
		return mine
	case im.CodeOf(err) == im.CodeInvalid || im.CodeOf(err) == im.CodeTooLarge:
		return stanza.Errorf(stanza.NotAcceptable, stanza.Of(err).Text)
	case err != nil || len(acts) == 0:
		return err
	}
	return refused(core.GroupAct(ctx, g, acts...), false)
}

// newStaff is what it takes that a room has the admins and owners of a form, which
// lists all of them. Who is on no list any more stays a member. The asker comes last:
// until then he has to be an owner.
func newStaff(ctx context.Context, r *iq.Request, f *form.Form) ([]im.Act, error) {
	if !f.Has(fieldAdmins) && !f.Has(fieldOwners) {
		return nil, nil
	}
	now, err := staff(ctx, r)
	if err != nil {
		return nil, err
	}
	want := make(map[im.UserID]im.Role)
	for _, list := range []struct {
		field string
		role  im.Role
	}{{fieldAdmins, im.RoleAdmin}, {fieldOwners, im.RoleOwner}} {
		if err := wanted(ctx, r, f.Field(list.field), list.role, now, want); err != nil {
			return nil, err
		}
	}
	var up, down []im.Act
	owners := 0
	for u, role := range want {
		if role == im.RoleOwner {
			owners++
		}
		if !slices.ContainsFunc(now, func(m im.Member) bool { return m.User == u && m.Role >= role }) {
			up = append(up, im.Act{Do: im.ActRole, User: u, Role: role})
		}
	}
	if owners == 0 {
		return nil, stanza.Errorf(stanza.Conflict, "a room needs an owner")
	}
	me := r.Session.Core().User()
	var last []im.Act
	for i := range now {
		m := &now[i]
		role := max(want[m.User], im.RoleMember)
		switch act := (im.Act{Do: im.ActRole, User: m.User, Role: role}); {
		case role >= m.Role:
		case m.User == me:
			last = append(last, act)
		default:
			down = append(down, act)
		}
	}
	return slices.Concat(up, down, last), nil
}

// wanted notes whom a field gives a role; without the field it is those who have it.
func wanted(ctx context.Context, r *iq.Request, x *form.Field, role im.Role, now []im.Member, want map[im.UserID]im.Role) error {
	if x == nil {
		for i := range now {
			if now[i].Role == role {
				want[now[i].User] = max(want[now[i].User], role)
			}
		}
		return nil
	}
	for _, v := range x.Values {
		if v == "" {
			continue
		}
		a, err := im.ParseAddr(v)
		if err != nil {
			return wrong(x.Var, "an address is malformed")
		}
		u, err := r.Session.Core().Resolve(ctx, a.Bare())
		switch {
		case im.CodeOf(err) == im.CodeNotFound:
			return wrong(x.Var, "there is no user "+a.Bare().String()+" here")
		case err != nil:
			return err
		}
		want[u] = max(want[u], role)
	}
	return nil
}
