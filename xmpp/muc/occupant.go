package muc

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// View is what a client is shown of an occupant. Values can be joined.
type View uint8

// The views.
const (
	SeesUser View = 1 << iota // who is behind the nickname
	Own                       // that he is the client's own user
	views                     // how many there are
)

// Occupant is the presence of an occupant as a client gets it, without 'to'.
func Occupant(g *im.Group, o *im.Occupant, v View, now time.Time) *xmlstream.Element {
	st, x := shown(g, o, v)
	item(x, &o.Member, Role(g, &o.Member, now), o, v)
	return ended(st, x, o, v)
}

// Arrived is the last presence of those that a client gets which has come in: its
// own (section 7.2.2).
func Arrived(state *im.RoomState, o *im.Occupant, now time.Time) *xmlstream.Element {
	st, x := shown(&state.Group, o, Own)
	item(x, &o.Member, Role(&state.Group, &o.Member, now), o, Own)
	if !state.Group.Hidden {
		status(x, statusPublic)
	}
	status(x, statusLogged)
	if state.Created {
		status(x, statusCreated)
	}
	if state.Renamed {
		status(x, statusRenamed)
	}
	return ended(st, x, o, Own)
}

// Left is what a client gets that has left a room by itself (section 7.14);
// technical: it could not be kept there.
func Left(g *im.Group, o *im.Occupant, technical bool) *xmlstream.Element {
	gone := *o
	gone.Presence.Show = im.ShowOffline
	st, x := shown(g, &gone, Own)
	item(x, &gone.Member, "none", &gone, Own)
	if technical {
		status(x, statusTechnical)
	}
	return ended(st, x, &gone, Own)
}

// shown begins the presence of an occupant.
func shown(g *im.Group, o *im.Occupant, v View) (st, x *xmlstream.Element) {
	from := g.Addr.Bare()
	from.Resource = o.Member.Nick
	st = presence.Write(o.Presence, from, im.Addr{}).RemoveAttr("", "to")
	return st, xmlstream.New(stanza.NSMUCUser, "x")
}

// item says how an occupant stands to the room (section 7.2.3).
func item(x *xmlstream.Element, m *im.Member, role string, o *im.Occupant, v View) *xmlstream.Element {
	it := x.AddNew(stanza.NSMUCUser, "item").SetAttr("affiliation", Affiliation(m)).SetAttr("role", role)
	if v != 0 && !m.Addr.IsZero() {
		jid := m.Addr.Bare()
		jid.Resource = o.Resource
		it.SetAttr("jid", jid.String())
	}
	return it
}

// because says who has made it so, and why.
func because(it *xmlstream.Element, by, reason string) {
	if by != "" {
		it.AddNew(stanza.NSMUCUser, "actor").SetAttr("nick", by)
	}
	if reason != "" {
		it.Add(xmlstream.NewText(stanza.NSMUCUser, "reason", reason))
	}
}

// ended puts the parts of a presence together.
func ended(st, x *xmlstream.Element, o *im.Occupant, v View) *xmlstream.Element {
	if v&Own != 0 {
		status(x, statusSelf)
	}
	return identify(st, o.ID).Add(x)
}

func status(x *xmlstream.Element, code string) {
	x.AddNew(stanza.NSMUCUser, "status").SetAttr("code", code)
}

// identify adds the id of an occupant to what comes from him (XEP-0421); empty: it is
// not known.
func identify(e *xmlstream.Element, id string) *xmlstream.Element {
	if id != "" {
		e.Add(xmlstream.New(NSOccupant, "occupant-id").SetAttr("id", id))
	}
	return e
}

// Outside is what a client gets that takes itself for an occupant and is none: it has
// missed that it is out, and has to come in again (section 7.2.18). at is what it takes
// for its own address there.
func Outside(at im.Addr) *xmlstream.Element {
	x := xmlstream.New(stanza.NSMUCUser, "x")
	because(x.AddNew(stanza.NSMUCUser, "item").SetAttr("affiliation", "none").SetAttr("role", "none"), "", "You are not in the room.")
	status(x, statusSelf)
	status(x, statusKicked)
	status(x, statusTechnical)
	return stanza.New("presence", "unavailable").SetAttr("from", at.String()).Add(x)
}

// Avatar is the presence by which a room shows which picture it has, or that it has
// none (XEP-0486 section 3), without 'to'.
func Avatar(g *im.Group) *xmlstream.Element {
	x := xmlstream.New("vcard-temp:x:update", "x")
	x.Add(xmlstream.NewText(x.Space, "photo", g.AvatarHash))
	return stanza.New("presence", "").SetAttr("from", g.Addr.Bare().String()).Add(x)
}
