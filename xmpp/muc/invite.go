package muc

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Invite is one invitation that a client wants a room to pass on (XEP-0045 section
// 7.8.2).
type Invite struct {
	To     im.Addr // bare
	Reason string
}

// mostInvites is how many invitations one message may have.
const mostInvites = 50

// ReadInvites returns the invitations in a message to a room; none: it is something
// else.
func ReadInvites(st *xmlstream.Element) (out []Invite, err error) {
	for c := range st.Child(stanza.NSMUCUser, "x").Children() {
		if !c.Is(stanza.NSMUCUser, "invite") {
			continue
		}
		to, err := im.ParseAddr(c.Attr("to"))
		switch {
		case err != nil || to.Local == "":
			return nil, stanza.Errorf(stanza.JIDMalformed, "an invitation needs the address of a user in 'to'")
		case len(out) == mostInvites:
			return nil, stanza.Errorf(stanza.PolicyViolation, "too many invitations in one message")
		}
		out = append(out, Invite{to.Bare(), c.ChildText(stanza.NSMUCUser, "reason")})
	}
	return out, nil
}

// ReadDecline returns why a client does not come to a room that it is invited to.
func ReadDecline(st *xmlstream.Element) (reason string, ok bool) {
	d := st.Child(stanza.NSMUCUser, "x").Child(stanza.NSMUCUser, "decline")
	if d == nil {
		return "", false
	}
	return d.ChildText(stanza.NSMUCUser, "reason"), true
}

// ReadDirect returns the room that a message invites to by itself (XEP-0249).
func ReadDirect(st *xmlstream.Element) (room im.Addr, reason string, ok bool) {
	x := st.Child(NSConference, "x")
	if x == nil {
		return room, "", false
	}
	room, err := im.ParseAddr(x.Attr("jid"))
	return room.Bare(), x.Attr("reason"), err == nil && room.Local != ""
}

// News renders what an inbox says of a group for the user me; by is who has caused it.
// Nil: XMPP clients are not told, or learn it in the room, or in another way.
func News(ev *im.GroupEvent, me im.UserID, by im.Addr) *xmlstream.Element {
	if ev == nil || ev.Group == nil || ev.Member == nil {
		return nil
	}
	mine := ev.Member.User == me
	switch {
	case ev.What == im.GroupInvited && mine && !ev.Direct, mine && letIn(ev, by):
		return Invitation(ev.Group, by, ev.Reason)
	case ev.What == im.GroupDeclined && !mine:
		return passedOn(ev.Group, "decline", by, ev.Reason)
	case ev.What == im.GroupAsked && !mine:
		return fromRoom(ev.Group).Add(asked(ev.Member, ev.Reason).Element())
	}
	return nil
}

// Invitation is an invitation by somebody as the room passes it on (section 7.8.2).
func Invitation(g *im.Group, by im.Addr, reason string) *xmlstream.Element {
	return passedOn(g, "invite", by, reason)
}

// letIn reports whether somebody else than himself has put a user on the list of a room
// for members: he is told by an invitation (section 9.5).
func letIn(ev *im.GroupEvent, by im.Addr) bool {
	return ev.What == im.GroupJoined && ev.Group.Join != im.JoinOpen && by.Bare() != ev.Member.Addr.Bare()
}

// passedOn is an invitation or its refusal as the room passes it on.
func passedOn(g *im.Group, what string, by im.Addr, reason string) *xmlstream.Element {
	x := xmlstream.New(stanza.NSMUCUser, "x")
	in := x.AddNew(stanza.NSMUCUser, what)
	if !by.IsZero() {
		in.SetAttr("from", by.Bare().String())
	}
	if reason != "" {
		in.Add(xmlstream.NewText(stanza.NSMUCUser, "reason", reason))
	}
	return fromRoom(g).Add(x)
}

func fromRoom(g *im.Group) *xmlstream.Element {
	return stanza.New("message", "").SetAttr("from", g.Addr.Bare().String())
}

// The names of the forms that moderators and admins answer, and their fields.
const (
	nsRegister  = "http://jabber.org/protocol/muc#register"
	fieldRole   = "muc#role"
	fieldJID    = "muc#jid"
	fieldNick   = "muc#roomnick"
	fieldVoice  = "muc#request_allow"
	fieldMember = "muc#register_allow"
)

// asked is the form by which an admin lets somebody become a member (section 7.10).
func asked(m *im.Member, note string) *form.Form {
	f := form.New(form.TypeForm, nsRegister)
	f.Title = "Somebody wants to join the room"
	f.Add(form.Field{Var: fieldJID, Type: form.JIDSingle, Label: "User", Values: []string{m.Addr.Bare().String()}})
	if m.Nick != "" {
		f.Text("muc#register_roomnick", "Nickname", m.Nick)
	}
	if note != "" {
		f.Instructions = []string{note}
	}
	return f.Bool(fieldMember, "Let this person join?", false)
}

// VoiceRequest is what moderators get when a visitor wants to speak (section 8.6),
// without 'to'.
func VoiceRequest(g *im.Group, o *im.Occupant) *xmlstream.Element {
	f := form.New(form.TypeForm, NSRequest)
	f.Title = "Somebody wants to speak"
	f.Text(fieldRole, "Requested role", "participant")
	jid := o.Member.Addr.Bare()
	jid.Resource = o.Resource
	f.Add(form.Field{Var: fieldJID, Type: form.JIDSingle, Label: "User", Values: []string{jid.String()}})
	f.Text(fieldNick, "Nickname", o.Member.Nick)
	f.Bool(fieldVoice, "Let this person speak?", false)
	return fromRoom(g).Add(f.Element())
}

// Answer is a form that a client has sent to a room: a wish to speak, or what a
// moderator or admin says to somebody's wish.
type Answer struct {
	Wish  bool // the client itself wants to speak
	Join  bool // it is about joining, not about speaking
	Allow bool
	User  im.Addr // bare; zero: Nick says who
	Nick  string
}

// ReadAnswer reads such a form; false: the message has none.
func ReadAnswer(st *xmlstream.Element) (a Answer, ok bool) {
	e := form.Child(st)
	if e == nil {
		return a, false
	}
	f, err := form.Parse(e)
	if err != nil || f.Type != form.TypeSubmit {
		return a, false
	}
	user, _ := im.ParseAddr(f.Get(fieldJID))
	a.User, a.Nick = user.Bare(), f.Get(fieldNick)
	switch f.About() {
	case NSRequest:
		a.Wish = !f.Has(fieldVoice)
		a.Allow, _ = f.Field(fieldVoice).Bool()
	case nsRegister:
		a.Join = true
		a.Allow, _ = f.Field(fieldMember).Bool()
	default:
		return a, false
	}
	return a, true
}
