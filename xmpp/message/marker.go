package message

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// AddDelay says when a message was received that comes late (XEP-0203).
func AddDelay(st *xmlstream.Element, domain string, at time.Time) {
	st.Add(Delay(domain, at))
}

// Delay returns the element of XEP-0203; from may be empty.
func Delay(from string, at time.Time) *xmlstream.Element {
	return xmlstream.New(stanza.NSDelay, "delay").OptAttr("from", from).SetAttr("stamp", Stamp(at))
}

// Stamp renders a moment as XEP-0082 wants it, in UTC and to the millisecond.
func Stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// SignalKind says what the chat state in a message of sort Typing means to a
// C-XX client (XEP-0085 section 2).
func SignalKind(st *xmlstream.Element) im.SignalKind {
	if st.Child(stanza.NSChatStates, "composing") != nil {
		return im.SignalTyping
	}
	return im.SignalStopped
}

// ChatState is a typing signal of a C-XX client as a chat state.
func ChatState(kind im.SignalKind, from, to im.Addr) *xmlstream.Element {
	state := "paused"
	if kind == im.SignalTyping {
		state = "composing"
	}
	return chat(from, to).Add(xmlstream.New(stanza.NSChatStates, state))
}

// DisplayedID returns the id of the message that a stanza of sort Displayed says
// was read.
func DisplayedID(st *xmlstream.Element) string {
	return st.Child(stanza.NSMarkers, "displayed").Attr("id")
}

// Marker is the read mark of a C-XX client as a chat marker (XEP-0333). id is
// what XMPP clients call the message, see ID.
func Marker(id string, from, to im.Addr) *xmlstream.Element {
	return chat(from, to).Add(xmlstream.New(stanza.NSMarkers, "displayed").SetAttr("id", id))
}

func chat(from, to im.Addr) *xmlstream.Element {
	return xmlstream.New(stanza.NSClient, "message").
		SetAttr("from", from.String()).SetAttr("to", to.String()).SetAttr("type", "chat")
}
