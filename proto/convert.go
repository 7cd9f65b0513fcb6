package proto

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// EntryToPB renders an inbox entry for a session of owner. What the client can
// tell by itself is left out: the owner, a peer that equals the sender, and the
// client id of messages that others sent.
func EntryToPB(e *im.Entry, owner im.UserID) *cxxpb.Entry {
	p := &cxxpb.Entry{
		Seq:   e.Seq,
		MsgId: uint64(e.MsgID),
		Text:  e.Text,
		Ext:   e.Ext,
		UpTo:  uint64(e.UpTo),
	}
	if e.Kind != im.KindMessage {
		p.Kind = uint32(e.Kind)
	}
	if e.From != owner {
		p.From = uint64(e.From)
	} else if !e.ClientID.IsZero() {
		p.ClientId = e.ClientID[:]
	}
	if e.Peer != e.From {
		p.Peer = uint64(e.Peer)
	}
	if e.Contact != nil {
		p.Contact = ContactToPB(e.Contact)
	}
	if e.Device != nil {
		p.Device = DeviceToPB(e.Device)
	}
	if e.Profile != nil {
		p.Profile = ProfileToPB(e.Profile)
	}
	if e.Block != nil {
		p.Block = BlockToPB(e.Block)
	}
	if e.Group != nil {
		p.Group = GroupEventToPB(e.Group)
	}
	if e.Post != nil {
		p.Post = PostToPB(e.Post)
	}
	return p
}

// EntryFromPB is the reverse of EntryToPB.
func EntryFromPB(p *cxxpb.Entry, owner im.UserID) im.Entry {
	e := im.Entry{
		Seq:   p.Seq,
		MsgID: im.MsgID(p.MsgId),
		Kind:  im.Kind(p.Kind),
		From:  im.UserID(p.From),
		Peer:  im.UserID(p.Peer),
		Text:  p.Text,
		Ext:   p.Ext,
		UpTo:  im.MsgID(p.UpTo),
	}
	if e.Kind == 0 {
		e.Kind = im.KindMessage
	}
	if e.From == 0 {
		e.From = owner
	}
	if e.Peer == 0 {
		e.Peer = e.From
	}
	copy(e.ClientID[:], p.ClientId)
	if p.Contact != nil {
		e.Contact = ContactFromPB(p.Contact)
	}
	if p.Device != nil {
		e.Device = DeviceFromPB(p.Device)
	}
	if p.Profile != nil {
		e.Profile = ProfileFromPB(p.Profile)
	}
	if p.Block != nil {
		e.Block = BlockFromPB(p.Block)
	}
	if p.Group != nil {
		e.Group = GroupEventFromPB(p.Group)
	}
	if p.Post != nil {
		e.Post = PostFromPB(p.Post)
	}
	return e
}

// ContactToPB renders a contact. What concerns XMPP only is left out.
func ContactToPB(c *im.Contact) *cxxpb.Contact {
	return &cxxpb.Contact{
		User: uint64(c.User), Addr: c.Addr.String(), Sub: uint32(c.Sub), Listed: c.Listed,
		Name: c.Name, Groups: c.Groups, Note: c.Note,
	}
}

// ContactFromPB is the reverse of ContactToPB; an address that does not parse
// is left empty.
func ContactFromPB(p *cxxpb.Contact) *im.Contact {
	addr, _ := im.ParseAddr(p.Addr)
	return &im.Contact{
		User: im.UserID(p.User), Addr: addr, Sub: im.Subscription(p.Sub), Listed: p.Listed,
		Name: p.Name, Groups: p.Groups, Note: p.Note,
	}
}

// DeviceToPB renders a device for its own user.
func DeviceToPB(d *im.Device) *cxxpb.Device {
	return &cxxpb.Device{
		Id: uint64(d.ID), Resource: d.Resource, Name: d.Name, DeviceClass: uint32(d.Class),
		Protocol: uint32(d.Protocol), ClientName: d.ClientName, ClientVersion: d.ClientVersion,
		Ip: d.IP, UdpPort: uint32(d.UDPPort), TcpPort: uint32(d.TCPPort),
		CreatedMs: Millis(d.Created), LastLoginMs: Millis(d.LastLogin), Revoked: d.Revoked,
	}
}

// DeviceFromPB is the reverse of DeviceToPB.
func DeviceFromPB(p *cxxpb.Device) *im.Device {
	return &im.Device{
		ID: im.DeviceID(p.Id), Resource: p.Resource, Name: p.Name, Class: im.Class(p.DeviceClass),
		Protocol: im.Protocol(p.Protocol), ClientName: p.ClientName, ClientVersion: p.ClientVersion,
		IP: p.Ip, UDPPort: uint16(p.UdpPort), TCPPort: uint16(p.TcpPort),
		Created: Time(p.CreatedMs), LastLogin: Time(p.LastLoginMs), Revoked: p.Revoked,
	}
}

// ProfileToPB renders a profile.
func ProfileToPB(p *im.Profile) *cxxpb.Profile {
	return &cxxpb.Profile{User: uint64(p.User), Addr: p.Addr.String(), Name: p.Name, LastSeen: uint32(p.LastSeen)}
}

// ProfileFromPB is the reverse of ProfileToPB.
func ProfileFromPB(p *cxxpb.Profile) *im.Profile {
	addr, _ := im.ParseAddr(p.Addr)
	return &im.Profile{User: im.UserID(p.User), Addr: addr, Name: p.Name, LastSeen: im.Visibility(p.LastSeen)}
}

// BlockToPB renders a change of the block list.
func BlockToPB(b *im.Block) *cxxpb.Block {
	return &cxxpb.Block{Blocked: AddrsToPB(b.Blocked), Unblocked: AddrsToPB(b.Unblocked), Cleared: b.Cleared}
}

// BlockFromPB is the reverse of BlockToPB; an address that does not parse is left
// out.
func BlockFromPB(p *cxxpb.Block) *im.Block {
	return &im.Block{Blocked: knownAddrs(p.Blocked), Unblocked: knownAddrs(p.Unblocked), Cleared: p.Cleared}
}

// AddrsToPB renders addresses.
func AddrsToPB(list []im.Addr) []string {
	if len(list) == 0 {
		return nil
	}
	return Convert(list, func(a *im.Addr) string { return a.String() })
}

// AddrsFromPB reads addresses; the error is an *im.Error that names what is wrong
// with the first that is none.
func AddrsFromPB(list []string) ([]im.Addr, error) {
	var out []im.Addr
	for _, s := range list {
		a, err := im.ParseAddr(s)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func knownAddrs(list []string) []im.Addr {
	var out []im.Addr
	for _, s := range list {
		if a, err := im.ParseAddr(s); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// UserPresenceToPB renders what a user may see of another.
func UserPresenceToPB(p im.UserPresence) *cxxpb.UserPresence {
	return &cxxpb.UserPresence{User: uint64(p.User), Show: uint32(p.Show), Status: p.Status, LastSeenMs: Millis(p.LastSeen)}
}

// UserPresenceFromPB is the reverse of UserPresenceToPB.
func UserPresenceFromPB(p *cxxpb.UserPresence) im.UserPresence {
	return im.UserPresence{User: im.UserID(p.User), Show: im.Show(p.Show), Status: p.Status, LastSeen: Time(p.LastSeenMs)}
}

// ConversationToPB renders a conversation of owner.
func ConversationToPB(c *im.Conversation, owner im.UserID) *cxxpb.Conversation {
	return &cxxpb.Conversation{
		Peer: uint64(c.Peer), Last: EntryToPB(&c.Last, owner), Unread: uint32(c.Unread),
		ReadTo: uint64(c.ReadTo), PeerTo: uint64(c.PeerTo),
	}
}

// ConversationFromPB is the reverse of ConversationToPB.
func ConversationFromPB(p *cxxpb.Conversation, owner im.UserID) im.Conversation {
	c := im.Conversation{
		Peer: im.UserID(p.Peer), Unread: int(p.Unread), ReadTo: im.MsgID(p.ReadTo), PeerTo: im.MsgID(p.PeerTo),
	}
	if p.Last != nil {
		c.Last = EntryFromPB(p.Last, owner)
	}
	return c
}

// Convert maps a list.
func Convert[A, B any](in []A, f func(*A) B) []B {
	out := make([]B, len(in))
	for i := range in {
		out[i] = f(&in[i])
	}
	return out
}

// EntriesToPB renders a run of entries.
func EntriesToPB(in []im.Entry, owner im.UserID) []*cxxpb.Entry {
	return Convert(in, func(e *im.Entry) *cxxpb.Entry { return EntryToPB(e, owner) })
}

// EntriesFromPB is the reverse of EntriesToPB.
func EntriesFromPB(in []*cxxpb.Entry, owner im.UserID) []im.Entry {
	return Convert(in, func(p **cxxpb.Entry) im.Entry { return EntryFromPB(*p, owner) })
}

// Millis is a time on the wire: milliseconds since 1970, zero for no time.
func Millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

// Time is the reverse of Millis, in UTC.
func Time(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// ErrorToPB renders an error as the answer to request id; zero closes the
// connection.
func ErrorToPB(id uint32, e *im.Error) *cxxpb.Error {
	return &cxxpb.Error{
		Id: id, Code: uint32(e.Code), Detail: e.Detail,
		RetryAfterMs: uint32(e.RetryAfter.Milliseconds()), Indefinite: !e.Code.Trait().Definite,
	}
}

// ErrorFromPB is the reverse of ErrorToPB.
func ErrorFromPB(p *cxxpb.Error) *im.Error {
	return &im.Error{
		Code: im.ErrorCode(p.Code), Detail: p.Detail,
		RetryAfter: time.Duration(p.RetryAfterMs) * time.Millisecond,
	}
}
