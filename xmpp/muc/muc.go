// Package muc shows groups as rooms (XEP-0045): how occupants, messages, subjects and
// invitations read as stanzas, and what clients mean with theirs.
//
// It leaves to c2s when a stanza is sent and to whom, and every rule about who may
// to the core. Functions are pure; Service answers requests to rooms, about their
// settings, members, archive and picture.
//
// What many clients get is rendered without 'to', once for each form, and To adds
// that for each.
package muc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Namespaces of rooms beside those of package stanza.
const (
	NSOccupant   = "urn:xmpp:occupant-id:0" // XEP-0421
	NSRetract    = "urn:xmpp:message-retract:1"
	NSModerate   = "urn:xmpp:message-moderate:1" // XEP-0425
	NSConference = "jabber:x:conference"         // XEP-0249
	NSRequest    = "http://jabber.org/protocol/muc#request"
)

// The status codes of XEP-0045 section 15.6.
const (
	statusPublic       = "100" // everybody sees who is behind a nickname
	statusSelf         = "110"
	statusConfigured   = "104"
	statusLogged       = "170"
	statusNonAnonymous = "172"
	statusSemi         = "173"
	statusCreated      = "201"
	statusRenamed      = "210"
	statusBanned       = "301"
	statusNick         = "303"
	statusKicked       = "307"
	statusAffiliation  = "321"
	statusMembersOnly  = "322"
	statusTechnical    = "333"
)

// Affiliation is what m is to a room (section 5.2).
func Affiliation(m *im.Member) string {
	switch m.Role {
	case im.RoleOwner, im.RoleAdmin, im.RoleMember, im.RoleOutcast:
		return m.Role.String()
	}
	return "none"
}

// Role is what m may do in a room while he is there (section 5.1).
func Role(g *im.Group, m *im.Member, now time.Time) string {
	switch {
	case !m.Role.In():
		return "none"
	case m.Admin():
		return "moderator"
	case im.MaySpeak(g, m, now) == nil:
		return "participant"
	}
	return "visitor"
}

// Sees reports whether m learns who is behind a nickname.
func Sees(g *im.Group, m *im.Member) bool { return !g.Hidden || m.Admin() }

// NickAddr is the address of an occupant.
func NickAddr(g *im.Group, nick string) string {
	a := g.Addr.Bare()
	a.Resource = nick
	return a.String()
}

// Tag names the session of an occupant to who asks it something through the room, and
// is told neither who it is nor that the same session is in another room too.
func Tag(g *im.Group, o *im.Occupant) string {
	mac := hmac.New(sha256.New, g.Salt)
	fmt.Fprintf(mac, "request %d %d", o.Node, o.Session)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// To returns a copy of a stanza that was rendered without 'to', with the attribute
// that Attr has made.
func To(data, to []byte) []byte {
	at := bytes.IndexAny(data, " />")
	if at < 0 {
		return data
	}
	out := make([]byte, 0, len(data)+len(to))
	out = append(append(out, data[:at]...), to...)
	return append(out, data[at:]...)
}

// Attr renders the attribute for To.
func Attr(to string) []byte {
	b := stanza.Bytes(xmlstream.New(stanza.NSClient, "a").SetAttr("to", to))
	return b[len("<a") : len(b)-len("/>")]
}
