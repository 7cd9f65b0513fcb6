package muc

import (
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Push renders an entry of a timeline for clients that are in the room, without 'to',
// once; nil: they are not shown it. hid is whether the room was one in which
// nicknames hide users before. Any goroutine may call it.
func Push(p *im.GroupPush, hid bool) []byte {
	if e := p.Entry; e.Kind != im.KindGroup {
		return p.Encoded("xmpp", func() []byte { return bytesOf(Message(p.Group, e, nil)) })
	}
	form := "event"
	if hid {
		form = "event hid"
	}
	return p.Encoded(form, func() []byte { return bytesOf(event(p, hid)) })
}

func bytesOf(st *xmlstream.Element) []byte {
	if st == nil {
		return nil
	}
	return stanza.Bytes(st)
}

// Message is a message or note of a timeline as the room sends it, without 'to'; nil
// when it is for C-XX clients only. With addr it says who was behind the nickname:
// the archive does, to who may know.
func Message(g *im.Group, e *im.Entry, addr func(im.UserID) (im.Addr, error)) *xmlstream.Element {
	st := message.Unpack(e, g.Addr.Bare(), im.Addr{}).RemoveAttr("", "to")
	st.SetAttr("from", NickAddr(g, e.Post.Nick)).SetAttr("type", "groupchat")
	st.RemoveFunc(func(c *xmlstream.Element) bool { return ours(g, c) })
	if _, ok := NewSubject(st); ok { // which is set by GroupSubject
		st.RemoveFunc(func(c *xmlstream.Element) bool { return c.Is(stanza.NSClient, "subject") })
	}
	switch {
	case e.Post.Retracted:
		st.RemoveFunc(func(c *xmlstream.Element) bool { return c.Is(stanza.NSClient, "body") }) // it is empty
		st.AddNew(NSRetract, "retracted")                                                       // when and by whom stands in the retraction
	case st.First() == nil:
		return nil
	}
	if addr != nil && e.From != 0 {
		if a, err := addr(e.From); err == nil {
			st.AddNew(stanza.NSMUCUser, "x").AddNew(stanza.NSMUCUser, "item").SetAttr("jid", a.String())
		}
	}
	identify(st, e.Post.Occupant)
	message.AddStanzaID(st, g.Addr, e.Seq)
	return st
}

// ours reports whether only the room says c.
func ours(g *im.Group, c *xmlstream.Element) bool {
	switch c.Space {
	case stanza.NSMUCUser, stanza.NSMUC, NSOccupant, NSRetract, NSModerate:
		return true
	case stanza.NSDelay, "jabber:x:delay":
		from, err := im.ParseAddr(c.Attr("from"))
		return err != nil || from.Bare() == g.Addr.Bare()
	}
	return false
}

// event is a change of a group as the room tells it; nil: it does not.
func event(p *im.GroupPush, hid bool) *xmlstream.Element {
	e, ev := p.Entry, p.Entry.Group
	if ev == nil {
		return nil
	}
	switch ev.What {
	case im.GroupSubject, im.GroupRetracted:
		return said(p.Group, e)
	case im.GroupChanged:
		return configured(p.Group, hid)
	case im.GroupJoined, im.GroupLeft, im.GroupKicked, im.GroupBanned, im.GroupUnbanned, im.GroupRole, im.GroupExpelled:
		return absent(p)
	}
	return nil
}

// said is an event that is part of what is talked about; nil: it is not.
func said(g *im.Group, e *im.Entry) *xmlstream.Element {
	switch ev := e.Group; {
	case ev == nil:
		return nil
	case ev.What == im.GroupSubject && ev.Group != nil:
		now := *ev.Group
		now.Addr = g.Addr
		st := identify(Subject(&now).SetAttr("id", e.MsgID.String()), ev.Occupant)
		message.AddStanzaID(st, g.Addr, e.Seq)
		return st
	case ev.What == im.GroupRetracted:
		return retracted(g, e)
	}
	return nil
}

// Subject is what is talked about (section 8.1), without 'to': also when that is
// nothing.
func Subject(g *im.Group) *xmlstream.Element {
	st := stanza.New("message", "").SetAttr("from", NickAddr(g, g.SubjectNick)).SetAttr("type", "groupchat")
	return st.Add(xmlstream.NewText(stanza.NSClient, "subject", g.Subject))
}

// OldSubject is Subject for who comes in (section 7.2.15).
func OldSubject(g *im.Group) *xmlstream.Element {
	st := Subject(g)
	if !g.SubjectAt.IsZero() {
		st.Add(message.Delay(g.Addr.Bare().String(), g.SubjectAt))
	}
	return st
}

// configured says that settings have changed (section 10.2.1).
func configured(g *im.Group, hid bool) *xmlstream.Element {
	st, x := notice(g)
	status(x, statusConfigured)
	switch {
	case hid && !g.Hidden:
		status(x, statusNonAnonymous)
	case !hid && g.Hidden:
		status(x, statusSemi)
	}
	return st.Add(x)
}

// absent tells of somebody who is not there that he stands to the room in another way
// (sections 9.3 to 9.7).
func absent(p *im.GroupPush) *xmlstream.Element {
	m := p.Entry.Group.Member
	if p.Told || m == nil || m.Addr.IsZero() || m.Passing {
		return nil
	}
	st, x := notice(p.Group)
	it := x.AddNew(stanza.NSMUCUser, "item").SetAttr("affiliation", Affiliation(m)).SetAttr("role", "none").SetAttr("jid", m.Addr.Bare().String())
	because(it, p.Entry.Group.ByNick, p.Entry.Group.Reason)
	return st.Add(x)
}

// notice begins a message of the room itself.
func notice(g *im.Group) (st, x *xmlstream.Element) {
	st = stanza.New("message", "").SetAttr("from", g.Addr.Bare().String()).SetAttr("type", "groupchat")
	return st, xmlstream.New(stanza.NSMUCUser, "x")
}

// retracted says that a message was taken back: by its author (XEP-0424), or by who
// keeps order (XEP-0425 section 5).
func retracted(g *im.Group, e *im.Entry) *xmlstream.Element {
	ev := e.Group
	st, _ := notice(g)
	st.SetAttr("id", e.MsgID.String())
	r := st.AddNew(NSRetract, "retract").SetAttr("id", strconv.FormatUint(ev.Ref, 10))
	if ev.Direct {
		identify(st.SetAttr("from", NickAddr(g, ev.ByNick)), ev.Occupant)
	} else {
		identify(r.AddNew(NSModerate, "moderated").SetAttr("by", NickAddr(g, ev.ByNick)), ev.Occupant)
		if ev.Reason != "" {
			r.Add(xmlstream.NewText(NSRetract, "reason", ev.Reason))
		}
	}
	message.AddStanzaID(st, g.Addr, e.Seq)
	return st
}
