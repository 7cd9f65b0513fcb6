package im

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
)

// UserID names a user inside a cell: 52 bits, so that a JavaScript number
// holds it. The top 14 bits are the slot, the low 38 are random.
type UserID uint64

// GroupID names a group; its shape is that of UserID. No group has the number of a
// user: both have a row under it in the table of log heads.
type GroupID uint64

// DeviceID names one device of a user: 52 random bits given by the server at
// the first login of the device.
type DeviceID uint64

// SessionID names one authenticated connection on one node incarnation.
type SessionID uint64

// NodeID names a node of the mesh, 1 to 1023.
type NodeID uint16

// ZoneID names a zone, from 1.
type ZoneID uint16

// Slot is the part of a UserID or GroupID that picks the zone: 0 to Slots-1.
type Slot uint16

const (
	// Slots is the number of slots the user space is cut into.
	Slots = 1 << slotBits
	// MaxNode is the highest NodeID; ten bits of a MsgID hold it.
	MaxNode NodeID = 1<<nodeBits - 1

	slotBits = 14
	idBits   = 52
	lowBits  = idBits - slotBits
	// A JavaScript number holds 53 bits.
	foreignBit = 1 << idBits
	// IDRandomMask selects the random part of a UserID or GroupID.
	IDRandomMask = 1<<lowBits - 1
)

// SlotOf returns the slot of an account or group name: FNV-1a over domain, a
// zero byte and name, both prepared (see Addr), finished by a mixing step,
// modulo Slots. The result is part of the storage format and never changes.
func SlotOf(domain, name string) Slot {
	h := fnv.New64a()
	h.Write([]byte(domain))
	h.Write([]byte{0})
	h.Write([]byte(name))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return Slot(x % Slots)
}

// MakeUserID joins a slot and the random part.
func MakeUserID(s Slot, random uint64) UserID {
	return UserID(uint64(s)<<lowBits | random&IDRandomMask)
}

// Slot returns the slot that u lies in.
func (u UserID) Slot() Slot { return Slot(uint64(u) >> lowBits & (Slots - 1)) }

// Valid reports whether u can be the id of a user.
func (u UserID) Valid() bool { return u != 0 && uint64(u)>>idBits == 0 }

// ForeignID returns the id under which an address that has no account here
// stands in a contact list: outside of the range of users, the same for the same
// bare address everywhere. It is part of the storage format.
func ForeignID(a Addr) UserID {
	sum := sha256.Sum256([]byte(a.Bare().String()))
	return UserID(binary.BigEndian.Uint64(sum[:8])>>(64-idBits) | foreignBit)
}

// Foreign reports whether u stands for an address without an account here.
func (u UserID) Foreign() bool { return uint64(u)>>idBits == 1 }

// String returns u in decimal, as the admin API and logs show it.
func (u UserID) String() string { return strconv.FormatUint(uint64(u), 10) }

// Slot returns the slot that g lies in.
func (g GroupID) Slot() Slot { return UserID(g).Slot() }

// Valid reports whether g can be the id of a group.
func (g GroupID) Valid() bool { return UserID(g).Valid() }

// Log returns the id under which the storage keeps the timeline of g: its methods
// for inboxes read it too.
func (g GroupID) Log() UserID { return UserID(g) }

// String returns g in decimal.
func (g GroupID) String() string { return UserID(g).String() }

// String returns d in decimal.
func (d DeviceID) String() string { return strconv.FormatUint(uint64(d), 10) }

// ClientID is made once by the sending client for a message and is stable over
// retries; with the sender it is the key against duplicates.
type ClientID [16]byte

// IsZero reports whether the sender gave no id.
func (c ClientID) IsZero() bool { return c == ClientID{} }

// String returns c in lower-case hexadecimal.
func (c ClientID) String() string { return hex.EncodeToString(c[:]) }

// ParseClientID reads the hexadecimal form.
func ParseClientID(s string) (ClientID, error) {
	var c ClientID
	if len(s) != 2*len(c) {
		return c, errors.New("im: a client id is 32 hexadecimal digits")
	}
	if _, err := hex.Decode(c[:], []byte(s)); err != nil {
		return c, fmt.Errorf("im: a client id is 32 hexadecimal digits: %w", err)
	}
	return c, nil
}

// Crockford's alphabet without look-alikes, used for codes that people type.
var codeEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Code renders random bytes as a short lower-case code for people, such as an
// invitation or an error id.
func Code(b []byte) string { return codeEncoding.EncodeToString(b) }
