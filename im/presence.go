package im

import "time"

// Show is a user's availability.
type Show uint8

// The values, least available first, so that the best of several is the max.
const (
	ShowOffline   Show = 0
	ShowInvisible Show = 1 // online to himself only; others see offline
	ShowXA        Show = 2 // away for long
	ShowAway      Show = 3
	ShowDND       Show = 4 // busy
	ShowOnline    Show = 5
	ShowChat      Show = 6 // free for chat
)

var showNames = [...]string{"offline", "invisible", "xa", "away", "busy", "online", "chat"}

// String returns the word for s.
func (s Show) String() string {
	if int(s) < len(showNames) {
		return showNames[s]
	}
	return "offline"
}

// ParseShow reads the word for a Show.
func ParseShow(word string) (Show, error) {
	for i, name := range showNames {
		if name == word {
			return Show(i), nil
		}
	}
	return 0, Errorf(CodeInvalid, "presence %q is not one of offline, invisible, xa, away, busy, online, chat", clip(word))
}

// Presence is what one session says of its user.
type Presence struct {
	Show     Show
	Status   string
	Priority int8
	Ext      string // opaque to the core: what else an XMPP client's presence says
	// Interests lists the nodes of other users whose events the session wants
	// (XEP-0163 section 4), each ended by a line feed; opaque to the core.
	Interests string
}

// SessionKey names a session in the cell. A key is valid while the epoch of
// its node is.
type SessionKey struct {
	User      UserID
	Node      NodeID
	NodeEpoch uint64
	Session   SessionID
}

// SessionInfo is what the cell knows of a session.
type SessionInfo struct {
	SessionKey
	Device      DeviceID
	DeviceEpoch uint64 // of two sessions of a device the higher one lives
	Resource    string
	Protocol    Protocol
	Presence    Presence
}

// UserPresence is what a contact may see of a user: the best of his sessions.
type UserPresence struct {
	User     UserID
	Show     Show
	Status   string
	LastSeen time.Time // zero: online, never, or not to be seen
	// Resources are his sessions that may be seen, for edges that show each. It
	// is shared: nobody changes it.
	Resources []SessionInfo
}

// Node is what a node says of itself in its lease.
type Node struct {
	ID       NodeID
	Epoch    uint64 // new at every start, growing
	Role     string // "acs"
	CXX      string // address that C-XX clients dial
	Mesh     string // address that peers dial
	XMPP     string
	Version  string
	Sessions int
	Capacity int
	Draining bool
}

// Bell is the doorbell: the inbox of User, or the timeline of a group under its Log,
// has come to Seq.
type Bell struct {
	User UserID
	Seq  uint64
}
