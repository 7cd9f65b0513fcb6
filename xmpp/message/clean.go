package message

import (
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// forged is by namespace what no client may say at all; only these names, any
// name where none is given.
var forged = map[string][]string{
	stanza.NSCarbons:         {"received", "sent"}, // XEP-0280 section 11
	"urn:xmpp:carbons:1":     nil,
	stanza.NSMAM:             nil, // XEP-0313 section 8.2
	"urn:xmpp:mam:tmp":       nil,
	"urn:xmpp:mam:0":         nil,
	"urn:xmpp:mam:1":         nil,
	"urn:xmpp:occupant-id:0": nil, // XEP-0421 section 5
	"urn:xmpp:privilege:1":   nil, // XEP-0356
	"urn:xmpp:privilege:2":   nil,
	"urn:xmpp:delegation:1":  nil, // XEP-0355
	"urn:xmpp:delegation:2":  nil,
}

// Clean removes from a client's stanza what only we may say (contract section 4):
// stanza-id by an address of ours, occupant-id, delay from us, carbons, results
// of the archive, and attributes that are ours in the log. own is the bare
// address of the sender.
func Clean(st *xmlstream.Element, own im.Addr) {
	for _, name := range private {
		st.RemoveAttr("", name)
	}
	guard{own, st.Attr("to")}.clean(st)
}

// guard knows the addresses that speak with our authority towards the recipient.
type guard struct {
	own im.Addr // bare, of the sender
	to  string  // the recipient's address as it was written
}

// clean removes the children that are not the sender's to send.
func (g guard) clean(st *xmlstream.Element) {
	for i := range st.Nodes {
		if c := st.Nodes[i].Element; c != nil && g.forged(c) {
			st.RemoveFunc(g.forged)
			return
		}
	}
}

func (g guard) forged(c *xmlstream.Element) bool {
	switch c.Space {
	case stanza.NSClient:
		return false
	case stanza.NSSID:
		return c.Local == "stanza-id" && g.ours(c.Attr("by"), false)
	case stanza.NSDelay, "jabber:x:delay":
		from, ok := c.LookupAttr("", "from")
		return ok && g.ours(from, true)
	}
	names, ok := forged[c.Space]
	if !ok {
		return false
	}
	for _, name := range names {
		if c.Local == name {
			return true
		}
	}
	return names == nil
}

// ours reports whether an address is one that a client cannot speak for: of one
// of the two domains or below them, or no address. self: but he can for himself.
func (g guard) ours(addr string, self bool) bool {
	a, err := im.ParseAddr(addr)
	if err != nil {
		return true
	}
	if self && a.Bare() == g.own.Bare() {
		return false
	}
	if under(a.Domain, g.own.Domain) {
		return true
	}
	to, err := im.ParseAddr(g.to)
	return err == nil && under(a.Domain, to.Domain)
}

func under(domain, of string) bool {
	rest, ok := strings.CutSuffix(domain, of)
	return ok && of != "" && (rest == "" || strings.HasSuffix(rest, "."))
}
