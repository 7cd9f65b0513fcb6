package muc

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// wish is one item of a change: another role for an occupant, or another affiliation
// for a user (sections 8 to 10).
type wish struct {
	nick, role, affiliation, reason string

	user im.Addr // bare; zero: nick says who
}

// mostWishes is how many items one request may have.
const mostWishes = 100

// readWishes reads the items of a request.
func readWishes(query *xmlstream.Element) (out []wish, err error) {
	for c := range query.Children() {
		if !c.Is(nsAdmin, "item") {
			continue
		}
		w := wish{nick: nickOf(c.Attr("nick")), role: c.Attr("role"), affiliation: c.Attr("affiliation"), reason: c.ChildText(nsAdmin, "reason")}
		if jid := c.Attr("jid"); jid != "" {
			a, err := im.ParseAddr(jid)
			if err != nil || a.Local == "" {
				return nil, stanza.Errorf(stanza.JIDMalformed, "the attribute jid of an item is no address of a user")
			}
			w.user = a.Bare()
		}
		switch {
		case (w.role == "") == (w.affiliation == ""):
			return nil, stanza.Errorf(stanza.BadRequest, "an item has either a role or an affiliation")
		case c.Attr("nick") == "" && w.user.IsZero():
			return nil, stanza.Errorf(stanza.BadRequest, "an item says by nick or jid whom it is about")
		case len(out) == mostWishes:
			return nil, stanza.Errorf(stanza.PolicyViolation, "too many items at once")
		}
		out = append(out, w)
	}
	if len(out) == 0 {
		return nil, stanza.Errorf(stanza.BadRequest, "the request has no item")
	}
	return out, nil
}

// change carries out all items of a request, or none (sections 8.2 to 10.8).
func (s *Service) change(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	list, err := readWishes(r.Payload)
	if err != nil {
		return nil, err
	}
	me := &r.Room.Me
	var acts []im.Act
	allowed := true // to do such things, if not to everybody
	for i := range list {
		w := &list[i]
		mine, err := s.acts(ctx, r, w)
		if err != nil {
			return nil, err
		}
		for j := range mine {
			mine[j].Reason = w.reason
		}
		acts = append(acts, mine...)
		allowed = allowed && me.Admin() && (w.role != "" && w.role != "moderator" || me.Role >= im.RoleAdmin && w.affiliation == "outcast")
	}
	return nil, refused(r.Session.Core().GroupAct(ctx, r.Room.Group.ID, acts...), allowed)
}

// acts is what an item means for the core.
func (s *Service) acts(ctx context.Context, r *iq.Request, w *wish) ([]im.Act, error) {
	if w.role != "" {
		if !r.Room.Me.Admin() {
			return nil, stanza.Errorf(stanza.Forbidden, "only moderators change roles")
		}
		there, err := Find(ctx, r.Session.Core(), r.Room.Group.ID, w.user, w.nick)
		if err != nil {
			return nil, err
		}
		return RoleActs(&r.Room.Group, &r.Room.Me, there, w.role, s.now())
	}
	role, ok := affiliations[w.affiliation]
	if !ok {
		return nil, stanza.Errorf(stanza.BadRequest, "the affiliations are owner, admin, member, none and outcast")
	}
	u, err := whom(ctx, r, w)
	if err != nil {
		return nil, err
	}
	return []im.Act{{Do: im.ActRole, User: u, Role: role}}, nil
}

// affiliations are the roles of groups that MUC has.
var affiliations = map[string]im.Role{
	"owner": im.RoleOwner, "admin": im.RoleAdmin, "member": im.RoleMember, "none": im.RoleNone, "outcast": im.RoleOutcast,
}

var errAbsent = stanza.Errorf(stanza.ItemNotFound, "nobody of that name is in the room")

// Find returns all sessions with which a user is in a room, to a session that is there
// itself. A zero user: nick says who.
func Find(ctx context.Context, core im.Rooms, g im.GroupID, user im.Addr, nick string) ([]im.Occupant, error) {
	if _, inside := core.Inside(g); !inside {
		return nil, im.Errorf(im.CodeNotMember, "enter the room first: roles are those of who is there")
	}
	if !user.IsZero() {
		list, err := core.RoomOccupants(ctx, g)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(o im.Occupant) bool { return o.Member.Addr.Bare() == user })
		if i < 0 {
			return nil, errAbsent
		}
		nick = list[i].Member.Nick
	}
	if there := core.RoomOccupant(g, nick); len(there) > 0 {
		return there, nil
	}
	return nil, errAbsent
}

// whom returns the user that an item is about.
func whom(ctx context.Context, r *iq.Request, w *wish) (im.UserID, error) {
	if !w.user.IsZero() {
		return resolve(ctx, r, w.user)
	}
	there, err := Find(ctx, r.Session.Core(), r.Room.Group.ID, w.user, w.nick)
	if err != nil {
		return 0, err
	}
	return there[0].User, nil
}

func resolve(ctx context.Context, r *iq.Request, a im.Addr) (im.UserID, error) {
	u, err := r.Session.Core().Resolve(ctx, a)
	if im.CodeOf(err) == im.CodeNotFound {
		return 0, stanza.Errorf(stanza.ItemNotFound, "there is no user "+a.String()+" here")
	}
	return u, err
}
