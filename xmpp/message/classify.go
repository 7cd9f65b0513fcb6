package message

import (
	"strings"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// weight is what an element says about the worth of a message without a body.
type weight uint8

const (
	unknown  weight = iota // a payload that we know nothing of
	marginal               // goes along with something else
	passing                // of use at this moment only
	lasting                // worth keeping (XEP-0160 section 3, XEP-0313 section 6.1.1)
)

const (
	nsReactions = "urn:xmpp:reactions:0"
	nsEvent     = stanza.NSPubsub + "#event"
)

// weights is by namespace; what is not here is unknown.
var weights = map[string]weight{
	stanza.NSHints:      marginal,
	stanza.NSSID:        marginal,
	stanza.NSDelay:      marginal,
	stanza.NSCarbons:    marginal,
	stanza.NSChatStates: passing,

	"http://jabber.org/protocol/nick": marginal, // XEP-0172
	"http://jabber.org/protocol/ibb":  passing,  // XEP-0047: bytes of a stream
	"urn:xmpp:rtt:0":                  passing,  // XEP-0301
	"jabber:x:event":                  passing,  // XEP-0022
	nsEvent:                           passing,

	stanza.NSReceipts: lasting, // XEP-0184
	stanza.NSMarkers:  lasting, // XEP-0333
	nsReactions:       lasting, // XEP-0444

	"urn:xmpp:message-retract:0":          lasting, // XEP-0424
	"urn:xmpp:message-retract:1":          lasting,
	"urn:xmpp:message-moderate:1":         lasting, // XEP-0425
	"urn:xmpp:fasten:0":                   lasting, // XEP-0422
	"urn:xmpp:message-attaching:1":        lasting, // XEP-0367
	"urn:xmpp:message-correct:0":          lasting, // XEP-0308
	"urn:xmpp:fallback:0":                 lasting, // XEP-0428
	"urn:xmpp:reply:0":                    lasting, // XEP-0461
	"urn:xmpp:jingle-message:0":           lasting, // XEP-0353
	"urn:xmpp:call-invites:0":             lasting, // XEP-0482
	"urn:xmpp:sfs:0":                      lasting, // XEP-0447
	"urn:xmpp:attention:0":                lasting, // XEP-0224
	"jabber:x:oob":                        lasting, // XEP-0066
	"jabber:x:conference":                 lasting, // XEP-0249
	"jabber:x:encrypted":                  lasting, // XEP-0027
	"urn:xmpp:openpgp:0":                  lasting, // XEP-0373
	"urn:xmpp:omemo:1":                    lasting, // XEP-0384
	"urn:xmpp:omemo:2":                    lasting,
	"eu.siacs.conversations.axolotl":      lasting,
	"http://jabber.org/protocol/geoloc":   lasting, // XEP-0080
	"http://jabber.org/protocol/muc#user": lasting, // XEP-0045 section 7.8.2
}

func weigh(e *xmlstream.Element) weight {
	if e.Space != stanza.NSClient {
		return weights[e.Space]
	}
	switch e.Local {
	case "subject":
		return lasting
	case "thread", "body": // an empty one
		return marginal
	}
	return unknown
}

// look is what there is in a stanza.
type look struct {
	children       int
	has            [lasting + 1]bool
	body, state    bool
	displayed      bool
	store, noStore bool
}

func examine(st *xmlstream.Element) (l look) {
	for c := range st.Children() {
		l.children++
		l.has[weigh(c)] = true
		switch c.Space {
		case stanza.NSChatStates:
			l.state = true
		case stanza.NSMarkers:
			l.displayed = l.displayed || c.Local == "displayed"
		case stanza.NSHints:
			l.store = l.store || c.Local == "store"
			l.noStore = l.noStore || c.Local == "no-store" || c.Local == "no-permanent-store"
		}
	}
	l.body = bodyOf(st) != nil
	return l
}

// Classify says what becomes of st, a message from a client.
func Classify(st *xmlstream.Element) Sort {
	switch st.Attr("type") {
	case "groupchat":
		return Groupchat
	case "error", "headline": // hints in an error are somebody else's (XEP-0334 section 5)
		return Fleeting
	}
	l := examine(st)
	switch {
	case l.children == 0:
		return Empty
	case l.body && l.noStore:
		return Fleeting
	case l.body:
		return Text
	case l.displayed:
		return Displayed
	case l.state && !l.has[lasting] && !l.has[unknown]:
		return Typing
	case l.noStore:
		return Fleeting
	case l.store || l.has[lasting] || l.has[unknown] && kept(st):
		return Note
	}
	return Fleeting
}

// kept reports whether a payload that we do not know is logged: it would be
// copied (XEP-0280 section 6.1) or stored (XEP-0160 section 3). What is for one
// client and no chat is a matter between two programs.
func kept(st *xmlstream.Element) bool {
	return st.Attr("type") == "chat" || !strings.Contains(st.Attr("to"), "/")
}

// bodyOf returns the body that the core gets as text, nil when there is none:
// the first in the language of the stanza, or else the first (RFC 6121 section
// 5.2.3). One without text is none.
func bodyOf(st *xmlstream.Element) *xmlstream.Element {
	var first *xmlstream.Element
	for c := range st.Children() {
		if !c.Is(stanza.NSClient, "body") || c.Text() == "" {
			continue
		}
		if l := c.Lang(); l == "" || l == st.Lang() {
			return c
		}
		if first == nil {
			first = c
		}
	}
	return first
}
