package im

// Envelope is what one ACS sends to another. Exactly one field is set. An
// envelope is carried out by the node that receives it and never forwarded.
type Envelope struct {
	Deliver  *Deliver
	Sessions *SessionsUpdate
	Kick     *Kick
	Signal   *Signal
	Bells    []Bell
}

// Deliver carries an inbox entry to the sessions of its owner.
type Deliver struct {
	User  UserID
	Entry Entry
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

// SignalKind is what an ephemeral signal says.
type SignalKind uint8

// The signals. They are never stored, and dropped first under pressure.
const (
	SignalTyping  SignalKind = 1
	SignalStopped SignalKind = 2
)

// Signal is an ephemeral notice from one user to another.
type Signal struct {
	From UserID
	To   UserID
	Kind SignalKind
}
