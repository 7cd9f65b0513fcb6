package im

import "time"

// Class is what kind of machine a device is.
type Class uint8

// The classes.
const (
	ClassOther   Class = 0
	ClassPhone   Class = 1
	ClassTablet  Class = 2
	ClassDesktop Class = 3
	ClassWeb     Class = 4
	ClassBot     Class = 5
)

// Protocol is the wire a session speaks.
type Protocol uint8

// The protocols.
const (
	ProtocolCXX  Protocol = 1
	ProtocolXMPP Protocol = 2
)

// Device is one device of a user, and the record of its last login.
type Device struct {
	ID            DeviceID  `json:"id"`
	Resource      string    `json:"resource"` // unique per user; the resource of its Addr
	Name          string    `json:"name,omitempty"`
	Class         Class     `json:"class"`
	Protocol      Protocol  `json:"protocol"`
	ClientName    string    `json:"client_name,omitempty"`
	ClientVersion string    `json:"client_version,omitempty"`
	IP            string    `json:"ip,omitempty"` // address of the last login; shown to the user himself only
	UDPPort       uint16    `json:"udp_port,omitempty"`
	TCPPort       uint16    `json:"tcp_port,omitempty"`
	Created       time.Time `json:"created"`
	LastLogin     time.Time `json:"last_login"`
	Epoch         uint64    `json:"epoch"`  // raised at every login: of two sessions the higher one lives
	Cursor        uint64    `json:"cursor"` // how far the device has acknowledged the inbox
	Revoked       bool      `json:"revoked,omitempty"`

	// Token state. The token itself is never stored, only its SHA-256.
	TokenHash    []byte    `json:"-"`
	TokenIssued  time.Time `json:"-"`
	PrevHash     []byte    `json:"-"` // the token before, good once more for a short while
	PrevReplaced time.Time `json:"-"`
}

// DeviceState says whether sessions of a device may go on.
type DeviceState struct {
	User     UserID
	Device   DeviceID
	Epoch    uint64 // sessions of a lower one were replaced
	Void     bool   // revoked, or its token was taken
	Disabled bool   // the account is
}

// Verifier is what is kept of a password for one mechanism: salt, iterations
// and keys, sealed (package acs/auth). The storage sees opaque bytes.
type Verifier struct {
	Mechanism string // "SCRAM-SHA-1", "SCRAM-SHA-256"
	Sealed    []byte
}

// Account is a user's record.
type Account struct {
	ID        UserID
	Addr      Addr // bare
	Created   time.Time
	Disabled  bool
	RevokedAt time.Time // sessions and tokens from before are void
	LastSeen  time.Time
	Profile   Profile
	Verifiers []Verifier
}

// DeviceCursor is how far a device has come in its user's inbox.
type DeviceCursor struct {
	User   UserID
	Device DeviceID
	Seq    uint64
}
