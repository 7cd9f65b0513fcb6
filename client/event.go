package client

import (
	"time"

	"github.com/cxx-im/cxx/im"
)

// Event is one thing that Next reports. The types below are all there are; a
// program ignores those it does not know.
type Event interface{ event() }

// Message is a message of the inbox: one that came, or one that the user sent
// on this or another device.
type Message struct {
	im.Entry
	Mine bool // the user sent it
	Here bool // it was sent by this client, and this is its acknowledgement
}

// Time is when the message was accepted, by the server's clock.
func (m Message) Time() time.Time { return m.MsgID.Time() }

// Read says that somebody has read a conversation up to a message.
type Read struct {
	Seq  uint64
	Peer im.UserID // the other side of the conversation
	Mine bool      // the user himself, on some device; else Peer has read what the user wrote
	UpTo im.MsgID
}

// ContactRequest is a request that waits for an answer.
type ContactRequest struct {
	Seq     uint64
	Contact im.Contact
}

// ContactChanged is a contact after a change. Listed false: it is gone.
type ContactChanged struct {
	Seq     uint64
	Contact im.Contact
}

// DeviceChanged is a device of the user that was added or revoked.
type DeviceChanged struct {
	Seq    uint64
	Device im.Device
}

// ProfileChanged is the user's own profile after a change.
type ProfileChanged struct {
	Seq     uint64
	Profile im.Profile
}

// Note is something that the other side's program, or another device of the
// user's, wants to be known beside messages: a receipt, a reaction, a call. Ext
// holds it.
type Note struct {
	im.Entry
	Mine bool // the user sent it
}

// BlocksChanged says how the user's block list has changed.
type BlocksChanged struct {
	Seq   uint64
	Block im.Block
}

// Other is an entry of a kind that this version does not know.
type Other struct{ im.Entry }

// Presence is what may be seen of a contact now.
type Presence struct{ im.UserPresence }

// Typing says that a contact types, or has stopped to; with Group that Nick does, who
// is there. User is zero in a hidden group.
type Typing struct {
	User  im.UserID
	Kind  im.SignalKind
	Group im.GroupID
	Nick  string
}

// Connected says that the client is signed in. Relaxed: this cell may lose
// acknowledged messages when a machine loses power.
type Connected struct {
	Server  string
	Addr    im.Addr // with the resource of this device
	User    im.UserID
	Device  im.DeviceID
	Head    uint64 // the newest entry of the inbox
	Relaxed bool
}

// CaughtUp says that everything there was at the login has been reported.
type CaughtUp struct{ Seq uint64 }

// Disconnected says that the connection ended, why, and how soon the client
// tries again.
type Disconnected struct {
	Err     error
	RetryIn time.Duration
}

// Regressed says that the server was restored from an older backup: its inbox, or
// the timeline of Group, ends at Head, before Cursor. The stream goes on after Head;
// what lay between is lost on the server, and its numbers will be used again.
type Regressed struct {
	Group        im.GroupID
	Cursor, Head uint64
}

// Refused says that a message was definitely not taken, or (Err is
// CodeUnknownOutcome or CodeInternal) that the client has given up asking.
type Refused struct {
	Message im.Outgoing
	Err     error
}

// StateError says that something could not be stored, for instance because the
// disk is full. The client goes on.
type StateError struct{ Err error }

func (Message) event()        {}
func (Read) event()           {}
func (ContactRequest) event() {}
func (ContactChanged) event() {}
func (DeviceChanged) event()  {}
func (ProfileChanged) event() {}
func (Note) event()           {}
func (BlocksChanged) event()  {}
func (Other) event()          {}
func (Presence) event()       {}
func (Typing) event()         {}
func (Connected) event()      {}
func (CaughtUp) event()       {}
func (Disconnected) event()   {}
func (Regressed) event()      {}
func (Refused) event()        {}
func (StateError) event()     {}

// entryEvent renders an inbox entry of user self.
func entryEvent(e im.Entry, self im.UserID, here bool) Event {
	switch {
	case e.Kind == im.KindMessage:
		return Message{Entry: e, Mine: e.From == self, Here: here}
	case e.Kind == im.KindRead:
		return Read{Seq: e.Seq, Peer: e.Peer, Mine: e.From == self, UpTo: e.UpTo}
	case e.Kind == im.KindContact && e.Contact != nil && e.Contact.Sub.Has(im.SubPendingIn):
		return ContactRequest{Seq: e.Seq, Contact: *e.Contact}
	case e.Kind == im.KindContact && e.Contact != nil:
		return ContactChanged{Seq: e.Seq, Contact: *e.Contact}
	case e.Kind == im.KindDevice && e.Device != nil:
		return DeviceChanged{Seq: e.Seq, Device: *e.Device}
	case e.Kind == im.KindProfile && e.Profile != nil:
		return ProfileChanged{Seq: e.Seq, Profile: *e.Profile}
	case e.Kind == im.KindNote:
		return Note{Entry: e, Mine: e.From == self}
	case e.Kind == im.KindBlock && e.Block != nil:
		return BlocksChanged{Seq: e.Seq, Block: *e.Block}
	case e.Kind == im.KindGroup && e.Group != nil:
		return standingEvent(e, self)
	case e.Kind == im.KindGroupRead:
		return GroupReadMine{Seq: e.Seq, Group: im.GroupID(e.Peer), UpTo: uint64(e.UpTo)}
	}
	return Other{Entry: e}
}
