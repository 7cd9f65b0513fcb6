package im

// Envelope is what one ACS sends to another. Exactly one field is set. An
// envelope is carried out by the node that receives it and never forwarded.
type Envelope struct {
	Deliver  *Deliver
	Sessions *SessionsUpdate
	Kick     *Kick
	Signal   *Signal
	Bells    []Bell
	Blocks   *Blocks
	Post     *GroupDeliver
	Rooms    *RoomsUpdate
}

// Deliver carries an inbox entry to the sessions of its owner.
type Deliver struct {
	User  UserID
	Entry Entry
}

// GroupDeliver carries an entry of a timeline to the sessions that a node has in
// the group.
type GroupDeliver struct {
	Group GroupID
	Entry Entry
}

// RoomsUpdate announces what the sending node wants to hear of groups, and who is
// there by MUC through it. A snapshot replaces all that was known of that node.
type RoomsUpdate struct {
	Snapshot bool
	Number   uint64    // above zero: the receiver sends it back as Echo when it has taken the update
	Echo     uint64    // alone: what was sent from here up to this Number has been taken
	Want     []GroupID // forward their entries from now on
	Lost     []GroupID // and no more
	Up       []Occupant
	Down     []OccupantGone
}

// SessionsUpdate announces sessions of the sending node. A snapshot replaces
// all that was known of that node.
type SessionsUpdate struct {
	Snapshot bool
	Up       []SessionInfo // opened or changed
	Down     []SessionKey
}

// Kick ends sessions of a user: those of Device with an epoch below Below, or
// all of the user's but Except when Device is zero.
type Kick struct {
	User   UserID
	Device DeviceID
	Below  uint64
	Except DeviceID
	Code   ErrorCode
}

// Blocks tells nodes to read the block list of a user again.
type Blocks struct{ User UserID }

// SignalKind is what an ephemeral signal says.
type SignalKind uint8

// The signals. They are never stored, and dropped first under pressure.
const (
	SignalTyping  SignalKind = 1
	SignalStopped SignalKind = 2
	// SignalRead says that From has read Group up to UpTo.
	SignalRead SignalKind = 4
	// SignalStanza is a stanza for XMPP sessions: an iq between resources,
	// directed presence, a headline, an event of PEP. C-XX sessions get none.
	SignalStanza SignalKind = 3
)

// Signal is an ephemeral notice from one user to another.
type Signal struct {
	From    UserID
	To      UserID
	Group   GroupID   // instead of To: everybody who is there now
	Session SessionID // zero: every session of To
	Node    NodeID    // of Session; zero with it
	Kind    SignalKind
	UpTo    uint64 // SignalRead: a seq
	Nick    string // of From in Group; the core sets it
	// Occupant is the id of From in Group (XEP-0421), for who gets it; the core sets it.
	Occupant string
	// Data is the stanza as the XMPP edge writes it to a client. A typing signal
	// of an XMPP client has it too.
	Data []byte
}
