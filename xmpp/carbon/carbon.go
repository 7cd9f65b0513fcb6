// Package carbon renders carbon copies (XEP-0280): what another client of the
// user gets or has sent, wrapped for one that has asked for copies.
//
// Who gets one is decided by package message; c2s calls both. All functions are
// pure.
package carbon

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Received wraps a message that another client gets (section 7). own is the bare
// address of the account, client the full address of who gets the copy.
func Received(st *xmlstream.Element, own, client im.Addr) *xmlstream.Element {
	return wrap("received", st, own, client)
}

// Sent wraps a message that another client has sent (section 8).
func Sent(st *xmlstream.Element, own, client im.Addr) *xmlstream.Element {
	return wrap("sent", st, own, client)
}

func wrap(direction string, st *xmlstream.Element, own, client im.Addr) *xmlstream.Element {
	out := xmlstream.New(stanza.NSClient, "message").
		SetAttr("from", own.Bare().String()).SetAttr("to", client.String()).OptAttr("type", st.Attr("type"))
	out.AddNew(stanza.NSCarbons, direction).AddNew(stanza.NSForward, "forwarded").Add(st)
	return out
}
