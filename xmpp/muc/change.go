package muc

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Change renders what a client is told of a change, without 'to', in its order; each
// form is made once. self: it is the client's own session that has changed. Any
// goroutine may call it.
func Change(c *im.OccupantChange, v View, self bool, now time.Time) [][]byte {
	after := func(o *im.Occupant) []byte {
		return c.Encoded(forms[0][v], func() []byte { return stanza.Bytes(caused(c, o, v, now)) })
	}
	before := func() []byte {
		return c.Encoded(forms[1][v], func() []byte { return stanza.Bytes(vanished(c, v, now)) })
	}
	switch {
	case !c.Left && c.WasNick != "":
		return [][]byte{before(), after(&c.Occupant)}
	case !c.Left:
		return [][]byte{after(&c.Occupant)}
	case c.Rest == nil || self:
		return [][]byte{before()}
	case c.Why == 0: // another session of his is what is seen of him now
		return [][]byte{after(c.Rest)}
	case c.Rest.Session == 0: // he was sent away, but is there with C-XX
		return [][]byte{before(), after(c.Rest)}
	}
	return nil // the last of his sessions will be told
}

// Altered is Change for a client that is called otherwise now, and not quite as it has
// wished (section 7.6).
func Altered(c *im.OccupantChange, now time.Time) [][]byte {
	o := &c.Occupant
	st, x := shown(c.Group, o, Own)
	item(x, &o.Member, Role(c.Group, &o.Member, now), o, Own)
	status(x, statusRenamed)
	return [][]byte{stanza.Bytes(vanished(c, Own, now)), stanza.Bytes(ended(st, x, o, Own))}
}

// forms are the keys of what Change makes: by what it says, and for whom.
var forms = [2][views]string{{"there0", "there1", "there2", "there3"}, {"gone0", "gone1", "gone2", "gone3"}}

// caused is an occupant as he is, with who made him so.
func caused(c *im.OccupantChange, o *im.Occupant, v View, now time.Time) *xmlstream.Element {
	st, x := shown(c.Group, o, v)
	it := item(x, &o.Member, Role(c.Group, &o.Member, now), o, v)
	if c.Why != 0 && !c.Left {
		because(it, c.ByNick, c.Reason)
	}
	return ended(st, x, o, v)
}

// vanished is an occupant who is not under his nickname any more (sections 7.6,
// 7.14, 8.2, 9.1, 10.9).
func vanished(c *im.OccupantChange, v View, now time.Time) *xmlstream.Element {
	o := c.Occupant
	role, nick := "none", ""
	if !c.Left {
		role, nick = Role(c.Group, &o.Member, now), o.Member.Nick
		o.Member.Nick = c.WasNick
	}
	o.Presence.Show = im.ShowOffline
	st, x := shown(c.Group, &o, v)
	if c.Why == im.GroupDissolved {
		o.Member.Role = im.RoleNone
		x.AddNew(stanza.NSMUCUser, "item").SetAttr("affiliation", "none").SetAttr("role", "none")
		destroyed(x, c.Alternate, c.Reason)
		return ended(st, x, &o, v)
	}
	it := item(x, &o.Member, role, &o, v).OptAttr("nick", nick)
	if c.Left {
		because(it, c.ByNick, c.Reason)
	}
	if !c.Left {
		status(x, statusNick)
	} else if code := causes[c.Why]; code != "" {
		status(x, code)
	}
	if lostMember(c) {
		status(x, statusAffiliation)
	}
	return ended(st, x, &o, v)
}

// lostMember reports whether a room for members has lost one by a kick. It tells that by
// 321 (section 9.4), and by 307 too: for 321 alone profanity closes the room without a
// word, and does not show who has done it and why.
func lostMember(c *im.OccupantChange) bool {
	m := &c.Occupant.Member
	return c.Left && c.Why == im.GroupKicked && !m.Role.In() && !m.Passing && c.Group.Join != im.JoinOpen
}

// causes are the status codes by which a room tells why somebody has gone; none: he went
// by himself.
var causes = map[im.GroupVerb]string{
	im.GroupKicked: statusKicked, im.GroupBanned: statusBanned, im.GroupExpelled: statusMembersOnly,
	im.GroupRole: statusAffiliation, im.GroupLeft: statusAffiliation, im.GroupRefused: statusAffiliation,
}

// destroyed adds where a room is now that is no more (section 10.9).
func destroyed(x *xmlstream.Element, alternate, reason string) {
	d := x.AddNew(stanza.NSMUCUser, "destroy").OptAttr("jid", alternate)
	if reason != "" {
		d.Add(xmlstream.NewText(stanza.NSMUCUser, "reason", reason))
	}
}
