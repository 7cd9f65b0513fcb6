package muc

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Clean removes from a client's stanza to a room what only the room may say, beyond
// what message.Clean does.
func Clean(st *xmlstream.Element) {
	st.RemoveFunc(func(c *xmlstream.Element) bool {
		_, from := c.LookupAttr("", "from")
		return c.Space == stanza.NSMUCUser || c.Space == stanza.NSMUC || c.Space == stanza.NSDelay && !from ||
			c.Space == NSModerate || c.Is(NSRetract, "retracted")
	})
}

// Classify says what a message of type groupchat is: what it were without the type.
func Classify(st *xmlstream.Element) message.Sort { return message.Classify(plain(st)) }

// plain is a message of type groupchat without the type.
func plain(st *xmlstream.Element) *xmlstream.Element { return st.Shallow().RemoveAttr("", "type") }

// Pack turns a clean message of type groupchat into what is logged. Nothing of it
// says which client has sent it.
func Pack(st *xmlstream.Element) (im.Outgoing, error) {
	return message.Pack(plain(st), im.Addr{}, im.Addr{})
}

// NewSubject returns the subject that a message sets: one without a body does
// (XEP-0045 section 8.1). mcabber sends an empty body with it.
func NewSubject(st *xmlstream.Element) (string, bool) {
	subject := st.Child(stanza.NSClient, "subject")
	if subject == nil || st.ChildText(stanza.NSClient, "body") != "" || st.Child(stanza.NSClient, "thread") != nil {
		return "", false
	}
	return subject.Text(), true
}

// Retracts returns which message a client takes back (XEP-0424): in rooms it is named
// by the stanza-id that the room gave it.
func Retracts(st *xmlstream.Element) (seq uint64, ok bool) {
	r := st.Child(NSRetract, "retract")
	if r == nil {
		return 0, false
	}
	return Seq(r.Attr("id")), true
}

// Seq reads a stanza-id of a room; zero: it is none.
func Seq(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// Mentions is whom a message may mention.
type Mentions struct {
	Nicks []string
	Users []im.Addr
	All   bool
}

const (
	nsReference = "urn:xmpp:reference:0" // XEP-0372
	mostNames   = 10
	wordAll     = "@all"
)

// ReadMentions finds whom a message to a room may mention: by a reference, at its
// beginning as clients complete nicknames, or behind an @.
func ReadMentions(st *xmlstream.Element, room im.Addr) (m Mentions) {
	for c := range st.Children() {
		if c.Is(nsReference, "reference") && c.Attr("type") == "mention" {
			m.refer(strings.TrimPrefix(c.Attr("uri"), "xmpp:"), room)
		}
	}
	body := st.ChildText(stanza.NSClient, "body")
	if i := strings.IndexAny(body, ":,"); i > 0 && i <= im.MaxNick {
		m.nick(body[:i])
	}
	for word := range strings.FieldsSeq(body) {
		m.All = m.All || word == wordAll
		m.called(word)
	}
	return m
}

// called takes the names behind each @ of a word. Of a word of any length it looks at
// no more than names can have.
func (m *Mentions) called(word string) {
	for range mostNames {
		_, after, found := strings.Cut(word, "@")
		if !found || len(m.Nicks) >= mostNames {
			return
		}
		m.nick(strings.TrimRightFunc(after[:min(len(after), im.MaxNick)], unicode.IsPunct))
		word = after
	}
}

// refer takes the address of a reference: of an occupant, or of a user.
func (m *Mentions) refer(uri string, room im.Addr) {
	a, err := im.ParseAddr(uri)
	switch {
	case err != nil || a.Local == "" || len(m.Users)+len(m.Nicks) >= mostNames:
	case a.Bare() == room.Bare():
		m.nick(a.Resource)
	default:
		m.Users = append(m.Users, a.Bare())
	}
}

func (m *Mentions) nick(s string) {
	if s != "" && !slices.Contains(m.Nicks, s) {
		m.Nicks = append(m.Nicks, s)
	}
}

// Signal is what a C-XX client in a room shows, without 'to': that somebody writes
// (XEP-0085 section 5.5), or how far he has read (XEP-0333).
func Signal(g *im.Group, sig *im.Signal) *xmlstream.Element {
	st := stanza.New("message", "").SetAttr("from", NickAddr(g, sig.Nick)).SetAttr("type", "groupchat")
	if sig.Kind == im.SignalRead {
		st.Add(xmlstream.New(stanza.NSMarkers, "displayed").SetAttr("id", strconv.FormatUint(sig.UpTo, 10)))
	} else {
		st.Add(message.ChatState(sig.Kind, im.Addr{}, im.Addr{}).First())
	}
	return identify(st, sig.Occupant)
}

// Passed is a client's message that is not kept, as the room sends it on, without
// 'to'.
func Passed(st *xmlstream.Element, g *im.Group, nick, id string) *xmlstream.Element {
	return identify(st.Shallow().RemoveAttr("", "to").SetAttr("from", NickAddr(g, nick)), id)
}
