package message

import (
	"bytes"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Me is the session that asks whether an entry is for its client.
type Me struct {
	User      im.UserID
	Resource  string
	Available bool // has sent presence
	Priority  int8
	Carbons   bool // XEP-0280 is on
}

// Verdict says how a client sees an entry.
type Verdict uint8

// The verdicts.
const (
	Skip           Verdict = iota // not at all, or when it comes online
	Live                          // as it is
	CarbonReceived                // a copy of what another client gets
	CarbonSent                    // a copy of what another client has sent
)

var verdictNames = [...]string{"skip", "live", "received", "sent"}

func (v Verdict) String() string { return verdictNames[v] }

// Decide says how the client of session me sees an entry of kind message, note
// or read mark, live (RFC 6121 sections 8.5.2 and 8.5.3, XEP-0280 sections 6 to
// 9). sessions are those of the same user in the cell. Each session decides for
// itself; with the same sessions they agree.
func Decide(e *im.Entry, me Me, sessions []im.SessionInfo) Verdict {
	h, ok := headOf(e.Ext)
	if !ok && e.Kind == im.KindNote {
		return Skip // for C-XX clients only
	}
	toSelf := e.Peer == me.User && e.Kind != im.KindRead
	if e.From == me.User && !toSelf {
		if !me.Carbons || h.from == me.Resource || !copied(e, h, false) {
			return Skip
		}
		return CarbonSent
	}
	there := h.to != "" && connected(sessions, h.to)
	switch {
	case h.to != "" && h.to == me.Resource: // section 8.5.3.1
		return Live
	case !there && me.Available && me.Priority >= 0: // sections 8.5.2.1.1 and 8.5.3.2.1
		return Live
	case !me.Carbons || toSelf && h.from == me.Resource || !copied(e, h, true):
		return Skip
	case !me.Available && !there && !taken(sessions): // it waits for one that comes online
		return Skip
	}
	return CarbonReceived
}

// connected reports whether a resource is there, available or not.
func connected(sessions []im.SessionInfo, resource string) bool {
	for i := range sessions {
		if sessions[i].Resource == resource {
			return true
		}
	}
	return false
}

// taken reports whether any client gets a message that is addressed to none in
// particular.
func taken(sessions []im.SessionInfo) bool {
	for i := range sessions {
		s := &sessions[i]
		if s.Protocol == im.ProtocolCXX || s.Presence.Show > im.ShowOffline && s.Presence.Priority >= 0 {
			return true
		}
	}
	return false
}

// telling are the namespaces in which something can stand against a copy.
var telling = [...][]byte{[]byte(stanza.NSCarbons), []byte(stanza.NSHints), []byte(stanza.NSMUCUser)}

// copied reports whether an entry is eligible for carbon copies (XEP-0280
// sections 6.1 and 9).
func copied(e *im.Entry, h head, received bool) bool {
	plain := e.Kind != im.KindNote || h.typ == "chat"
	for _, ns := range telling {
		plain = plain && !bytes.Contains(e.Ext, ns)
	}
	if plain {
		return true
	}
	root := parse(e.Ext)
	if root == nil {
		return e.Kind != im.KindNote
	}
	if root.Child(stanza.NSCarbons, "private") != nil || root.Child(stanza.NSHints, "no-copy") != nil {
		return false
	}
	if received && h.to != "" && fromOccupant(root) {
		return false
	}
	return e.Kind != im.KindNote || h.typ == "chat" || examine(root).has[lasting]
}

// fromOccupant reports whether a message comes from somebody in a room, which
// sends it to each client that has joined itself. Invitations come from the room.
func fromOccupant(root *xmlstream.Element) bool {
	x := root.Child(stanza.NSMUCUser, "x")
	return x != nil && x.Child(stanza.NSMUCUser, "invite") == nil
}
