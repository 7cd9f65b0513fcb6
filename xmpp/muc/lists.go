package muc

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// mostListed is how many users one answer lists. A longer list goes on by pages
// (XEP-0059).
const mostListed = 1000

// lists answers who has a role (sections 8.5, 9.8) or an affiliation (sections 9.2,
// 9.5, 10.5, 10.8).
func (s *Service) lists(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	item := r.Payload.Child(nsAdmin, "item")
	role, affiliation := item.Attr("role"), item.Attr("affiliation")
	if (role == "") == (affiliation == "") {
		return nil, stanza.Errorf(stanza.BadRequest, "the request has an item with a role or an affiliation")
	}
	if role != "" {
		return s.withRole(ctx, r, role)
	}
	which, ok := affiliations[affiliation]
	if !ok || which == im.RoleNone {
		return nil, stanza.Errorf(stanza.BadRequest, "there are lists of owners, admins, members and outcasts")
	}
	return affiliated(ctx, r, which)
}

// withRole lists who is there with a role.
func (s *Service) withRole(ctx context.Context, r *iq.Request, role string) (*xmlstream.Element, error) {
	g, me := &r.Room.Group, &r.Room.Me
	switch {
	case role != "moderator" && role != "participant" && role != "visitor":
		return nil, stanza.Errorf(stanza.BadRequest, "there are lists of moderators, participants and visitors")
	case !me.Admin(), role == "moderator" && me.Role < im.RoleAdmin:
		return nil, stanza.Errorf(stanza.Forbidden, "this list is for those who may change it")
	}
	list, err := r.Session.Core().RoomOccupants(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	out := xmlstream.New(nsAdmin, "query")
	seen := make(map[string]bool)
	for i := range list {
		o := &list[i]
		if Role(g, &o.Member, s.now()) != role || seen[o.Member.Nick] {
			continue
		}
		seen[o.Member.Nick] = true
		jid := o.Member.Addr.Bare()
		jid.Resource = o.Resource
		out.AddNew(nsAdmin, "item").SetAttr("affiliation", Affiliation(&o.Member)).SetAttr("jid", jid.String()).
			SetAttr("nick", o.Member.Nick).SetAttr("role", role)
	}
	return out, nil
}

// mayList refuses a list that the asker may not read.
func mayList(g *im.Group, me *im.Member, which im.Role) error {
	switch {
	case which == im.RoleOutcast && me.Role < im.RoleAdmin,
		g.Hidden && which == im.RoleMember && me.Role < im.RoleAdmin,
		g.Hidden && which > im.RoleMember && me.Role < im.RoleOwner:
		return stanza.Errorf(stanza.Forbidden, "you may not read this list")
	}
	return nil
}

// affiliated lists who has a role in the group, there or not.
func affiliated(ctx context.Context, r *iq.Request, which im.Role) (*xmlstream.Element, error) {
	if err := mayList(&r.Room.Group, &r.Room.Me, which); err != nil {
		return nil, err
	}
	q, after, err := forwards(r.Payload, "users")
	if err != nil {
		return nil, err
	}
	limit := pageOf(q, mostListed)
	list, err := r.Session.Core().GroupMembers(ctx, r.Room.Group.ID, im.MemberQuery{
		Min: which, Max: which, After: im.UserID(after), Limit: max(limit, 1),
	})
	if err != nil {
		return nil, refused(err, false)
	}
	full := len(list) >= limit
	list = list[:min(limit, len(list))]
	out := xmlstream.New(nsAdmin, "query")
	page := rsm.Page{Index: rsm.None, Count: rsm.None}
	for i := range list {
		out.Add(listed(&list[i]))
		page.Last = strconv.FormatUint(uint64(list[i].User), 10)
		if i == 0 {
			page.First = page.Last
		}
	}
	if full || r.Payload.Child(stanza.NSRSM, "set") != nil {
		out.Add(page.Element())
	}
	return out, nil
}

// listed is somebody on a list of affiliations.
func listed(m *im.Member) *xmlstream.Element {
	out := xmlstream.New(nsAdmin, "item").SetAttr("affiliation", Affiliation(m)).SetAttr("jid", m.Addr.Bare().String())
	switch {
	case m.Role.In():
		out.OptAttr("nick", m.Nick)
	case m.Note != "":
		out.Add(xmlstream.NewText(nsAdmin, "reason", m.Note))
	}
	return out
}
