package im

import (
	"context"
	"net/netip"
	"time"
)

// Sink is the way from the core to one connection; an edge implements it. No
// method blocks. All may be called from any goroutine; the core calls them for
// one session in the order that the client must see.
type Sink interface {
	// Push hands over the next entry of the inbox. False: the connection is
	// behind and the entry was not taken. The edge then sends one "sync
	// required", and the core pushes nothing until the client has synced.
	Push(e *Entry) bool
	// PushPresence tells how a contact is now. An XMPP session is told whenever one
	// of the contact's resources changes, a C-XX session when the whole does.
	PushPresence(p UserPresence)
	PushSignal(s Signal)
	// PushPost hands over the next entry of a timeline that the session follows.
	// False: it was not taken. The core pushes no more of this group until the
	// session has read the timeline up to its head (GroupSync); the edge knows
	// what it has to make up for.
	PushPost(p *GroupPush) bool
	// PushMoved says, for a group that is too large and busy to push to this
	// session, that its timeline has come to head.
	PushMoved(g GroupID, head uint64)
	// PushOccupant tells an XMPP session who came to, changed in or left a room that
	// it is in. False: it was not taken, and the edge has to look at all (RoomOccupants).
	PushOccupant(c *OccupantChange) bool
	// Close ends the connection after what is queued, telling the client why.
	Close(reason *Error)
}

// Opening is what an edge knows when a login has succeeded.
type Opening struct {
	Account  Account
	Device   Device // as Logins returned it
	Protocol Protocol
	Remote   netip.AddrPort
	Presence Presence // from the first moment on; a C-XX client is online unless it says otherwise
	Sink     Sink
}

// Sessions opens sessions; the core implements it.
type Sessions interface {
	// Open registers a session, fences older ones of the same device, and
	// returns it with the head of the inbox. Entries above that head are pushed
	// from then on.
	Open(ctx context.Context, o Opening) (Session, Head, error)
}

// Session is one authenticated connection as the core sees it. Its methods may
// be called from any goroutine but are meant for the runner of the session's
// queue. Every error is an *Error.
type Session interface {
	Messenger
	Contacts
	Presences
	Devices
	Profiles
	Blocking
	Items
	Groups
	Rooms

	ID() SessionID
	User() UserID
	Addr() Addr // with the resource
	// Close ends the session, not the connection. It is safe to call twice. Who was
	// seen lingers for the grace period; SetPresence offline before ends that.
	Close()
}

// Messenger is messages, sync and history.
type Messenger interface {
	// Send commits a message. done is called exactly once, from any goroutine,
	// and must not block; it may be called before Send returns. Messages of one
	// session commit in the order of the calls. The session gets no push of them,
	// but for what an XMPP client's user writes to himself.
	Send(m Outgoing, done func(Ack, error))
	// Sync reads the inbox above cursor; limit 0 means the server's page.
	Sync(ctx context.Context, cursor uint64, limit int) (SyncPage, error)
	// Acknowledge records how far this device has come; never goes back.
	Acknowledge(cursor uint64)
	History(ctx context.Context, q HistoryQuery) (HistoryPage, error)
	// Conversations lists the newest first.
	Conversations(ctx context.Context, limit int) ([]Conversation, error)
	// Archive reads the session's user's inbox by content: the message archive
	// (XEP-0313) and whatever else an edge looks up in the log.
	Archive(ctx context.Context, q ArchiveQuery) (ArchivePage, error)
	// Delivered returns how far any device of the user has come in the inbox: what
	// is above has reached nobody yet (XEP-0160).
	Delivered(ctx context.Context) (uint64, error)
	// MarkRead moves the read mark of a conversation forward; going back is no
	// error and does nothing. Both sides' inboxes learn it. ext is kept with it.
	MarkRead(ctx context.Context, peer UserID, upTo MsgID, ext []byte) error
	// MarkReadPrivately is MarkRead for the user's own devices: the peer learns
	// nothing, until MarkRead says so.
	MarkReadPrivately(ctx context.Context, peer UserID, upTo MsgID) error
	// Signal passes an ephemeral notice on, best effort; From is set by the core.
	// False: nobody can get it, because the recipient has no such session, the
	// link to its node is down, or one of the two has blocked the other.
	Signal(s Signal) bool
}

// Contacts is the contact list. Every change is logged in the inboxes it
// concerns, and reaches other devices from there.
type Contacts interface {
	ContactList(ctx context.Context) ([]Contact, error)
	// ContactAdd puts peer on the list and asks to see his presence and to be
	// seen: a friendship request. Approves when the peer had asked before.
	ContactAdd(ctx context.Context, peer UserID, name string, groups []string, note string) error
	// ContactAnswer says yes or no to a pending request of peer.
	ContactAnswer(ctx context.Context, peer UserID, accept bool) error
	// ContactRemove takes peer off the list and ends both subscriptions.
	ContactRemove(ctx context.Context, peer UserID) error
	// ContactUpdate sets the remark and the groups.
	ContactUpdate(ctx context.Context, peer UserID, name string, groups []string) error
	// ContactPut puts c.User on the list, or changes name and groups when he is;
	// subscriptions stay as they are (RFC 6121 section 2.3). c.Addr is used for a
	// foreign user only.
	ContactPut(ctx context.Context, c Contact) error
	// Subscription says one thing to c.User about presence and does what RFC 6121
	// section 3 wants on both sides. c.Note and c.Ext go with Subscribe.
	Subscription(ctx context.Context, c Contact, say SubEvent) error
	// Contact returns the entry of peer; its User is zero when there is none.
	Contact(ctx context.Context, peer UserID) (Contact, error)
	// ContactOf returns owner's entry for the session's user: whether owner lets
	// him see. Its User is zero when there is none.
	ContactOf(ctx context.Context, owner UserID) (Contact, error)
	// ContactsOf is ContactOf for many of the session's user's contacts at once.
	// Who has no entry for him is left out, and so is with whom he has nothing to do
	// for a block of either (see Blocking). When some cannot be read it returns the
	// others, and the error.
	ContactsOf(ctx context.Context, contacts []Contact) (map[UserID]Contact, error)
}

// Presences is who is online.
type Presences interface {
	SetPresence(ctx context.Context, p Presence) error
	// ContactPresence returns what the session's user may see of his contacts; to
	// an XMPP session also how the user himself is seen, with all his sessions.
	ContactPresence(ctx context.Context) ([]UserPresence, error)
	// SessionsOf returns the sessions of a user in the cell, in any order, from
	// this node's replica; whether the asker may see them is for the caller.
	SessionsOf(u UserID) []SessionInfo
	// LastSeen returns when u was last online, zero when he is now or it is not
	// known, if the session's user may know: he is subscribed, or it is himself.
	// Else it answers CodeForbidden.
	LastSeen(ctx context.Context, u UserID) (time.Time, error)
}

// Blocking is the block list (XEP-0191): addresses, with or without localpart
// and resource, that the user exchanges nothing with. The core keeps to it on
// every path.
type Blocking interface {
	BlockList(ctx context.Context) ([]Addr, error)
	Block(ctx context.Context, addrs []Addr) error
	// Unblock takes addrs off the list; none given: everything.
	Unblock(ctx context.Context, addrs []Addr) error
	// Blocked reports whether the session's user and a have nothing to do with
	// each other: own, he has blocked a; theirs, a's user has blocked him.
	Blocked(ctx context.Context, a Addr) (own, theirs bool, err error)
}

// Devices is the user's devices and his password.
type Devices interface {
	DeviceList(ctx context.Context) ([]Device, error)
	// DeviceRevoke logs a device out for good, its sessions included.
	DeviceRevoke(ctx context.Context, d DeviceID) error
	// PasswordChange sets a new password when old is right; endOthers also
	// voids every other device.
	PasswordChange(ctx context.Context, old, new string, endOthers bool) error
	// Logout voids this device's token.
	Logout(ctx context.Context) error
}

// Profiles is what users say of themselves.
type Profiles interface {
	ProfileSet(ctx context.Context, p Profile) error
	// ProfileGet returns the profiles of users that exist; settings of others
	// are left out.
	ProfileGet(ctx context.Context, users []UserID) ([]Profile, error)
	// Resolve finds a user by his bare address.
	Resolve(ctx context.Context, a Addr) (UserID, error)
	// Address returns the bare address of a user.
	Address(ctx context.Context, u UserID) (Addr, error)
}

// ChannelBinding is what ties a login to the TLS channel it runs in.
type ChannelBinding struct {
	Exporter  []byte // tls-exporter (RFC 9266); nil without TLS
	ServerEnd []byte // tls-server-end-point (RFC 5929); nil without TLS
}

// LoginDevice is what a client says of its device when it logs in.
type LoginDevice struct {
	ID            DeviceID // zero: a device that the server does not know yet
	Resource      string   // wished; the server may change it
	Name          string
	Class         Class
	Protocol      Protocol
	ClientName    string
	ClientVersion string
	UDPPort       uint16
	TCPPort       uint16
	Remote        netip.AddrPort

	// For Logins.Fast only (XEP-0484 sections 3.2, 3.6).
	NewToken bool // the client asks for another token
	EndToken bool // the one it comes with is void from now on
	Later    bool // it may go on with a session, so the epoch stays until Begin
}

// Logins checks who a client is. Package acs/auth implements it; both edges
// use it. Every error is an *Error that may be shown to the client.
type Logins interface {
	// Mechanisms lists the SASL mechanisms in order of preference. With binding
	// material the -PLUS variants are among them.
	Mechanisms(cb ChannelBinding) []string
	// StartSCRAM begins an exchange of a mechanism of that list.
	StartSCRAM(mechanism string, domain string, cb ChannelBinding, remote netip.Addr) (SCRAM, error)
	// Token logs a device in by its token, which it replaces: next is the one
	// to use from now on.
	Token(ctx context.Context, user UserID, token string, d LoginDevice) (acct Account, dev Device, next string, err error)
	// JWT logs in whom the operator's backend vouches for.
	JWT(ctx context.Context, jwt string, d LoginDevice) (acct Account, dev Device, token string, err error)
	// Enroll records the device of a login by password and gives it a token.
	Enroll(ctx context.Context, acct Account, d LoginDevice) (dev Device, token string, err error)
	// Register makes an account, when registration is open.
	Register(ctx context.Context, a Addr, password, invite string, remote netip.Addr) (UserID, error)
	// Unregister removes an account of which nothing is left but that its address
	// cannot be taken again by somebody else. Its sessions end.
	Unregister(ctx context.Context, u UserID) error
	// CheckPassword is a login by a password in the clear (SASL PLAIN inside TLS).
	CheckPassword(ctx context.Context, a Addr, password string, remote netip.Addr) (Account, error)
	// External is a login that TLS has shown to be right: the client has a
	// certificate for a of an authority that the operator trusts (SASL EXTERNAL).
	External(ctx context.Context, a Addr, remote netip.Addr) (Account, error)
	// FastMechanisms lists the mechanisms of XEP-0484 that a channel allows.
	FastMechanisms(cb ChannelBinding) []string
	// FastToken returns the token with which a device may log in by mechanism, and
	// until when. It changes when the device's token does.
	FastToken(ctx context.Context, user UserID, d DeviceID, mechanism string) (token string, expires time.Time, err error)
	// Fast logs a device in by the message of an HT mechanism: authcid, zero, MAC
	// (draft-schmaus-kitten-sasl-ht). The token tells which device it is, so d.ID
	// and d.Resource do not count.
	Fast(ctx context.Context, mechanism, domain string, message []byte, cb ChannelBinding, d LoginDevice) (FastLogin, error)
	// Begin raises the epoch of a device that has logged in by Fast with d.Later
	// and opens a session after all.
	Begin(ctx context.Context, user UserID, d DeviceID) (Device, error)
}

// FastLogin is the outcome of Logins.Fast.
type FastLogin struct {
	Account Account
	Device  Device
	Proof   []byte // what the server answers, so that the client knows it
	Renewed bool   // there is another token: give the client what FastToken says
}

// SCRAM is the server side of one exchange (RFC 5802). One goroutine uses it.
type SCRAM interface {
	// Step takes the client's message and gives the server's. After a Step that
	// reports done the account is authenticated. A failure is final, says
	// nothing about whether the account exists, and may take a while on purpose.
	Step(ctx context.Context, in []byte) (out []byte, done bool, err error)
	Account() Account
}

// TicketChecker admits a login with what NAS handed out.
type TicketChecker interface {
	// Check verifies a ticket and uses it up. An empty ticket is refused only
	// when the configuration demands one.
	Check(ticket []byte, now time.Time) error
}
