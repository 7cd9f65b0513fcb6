package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Store is the durable state of the cell: accounts, devices, contacts, inboxes,
// in zones. Package shard implements it; acs/auth and web use parts of it. All
// methods are safe for any goroutine. While the zone of a user is down they
// answer im.CodeZoneUnavailable at once; a method whose commit got no answer
// answers im.CodeUnknownOutcome.
type Store interface {
	AccountStore
	DeviceStore
	ContactStore
	InboxStore
	BlockStore
	LeafStore
	GroupStore
}

// AccountStore is accounts.
type AccountStore interface {
	// CreateAccount stores a with a new id in the slot of its address, and the
	// head row of its inbox. It answers im.CodeNameTaken when the address is in
	// use.
	CreateAccount(ctx context.Context, a im.Account) (im.UserID, error)
	// AccountByAddr and AccountByID answer im.CodeNotFound for an unknown user.
	AccountByAddr(ctx context.Context, a im.Addr) (im.Account, error)
	AccountByID(ctx context.Context, u im.UserID) (im.Account, error)
	// Profiles returns those of users that exist, in any order.
	Profiles(ctx context.Context, users []im.UserID) ([]im.Profile, error)
	// Accounts lists accounts with ids above after, in the order of ids.
	Accounts(ctx context.Context, after im.UserID, limit int) ([]im.Account, error)
	// UpdateAccount changes mutable fields (Disabled, RevokedAt, LastSeen,
	// Profile, Verifiers) under a lock, and appends the entries that change
	// returns to the user's inbox in the same transaction. change may be called
	// more than once; an error from it rolls back and is returned.
	UpdateAccount(ctx context.Context, u im.UserID, change func(a *im.Account) ([]im.Entry, error)) ([]im.Entry, error)
	// TouchLastSeen records when users were last online; losing it is harmless.
	TouchLastSeen(ctx context.Context, seen map[im.UserID]time.Time) error
	// DeleteAccount removes an account with all that is its own: verifiers, devices,
	// contacts, marks, blocks, leaves, inbox. The address stays taken (the row is
	// kept, disabled, without a profile), so that nobody else gets its mail.
	DeleteAccount(ctx context.Context, u im.UserID) error
	// UseInvite takes one use of an invitation code, or answers
	// im.CodeInviteInvalid. AddInvite makes one.
	UseInvite(ctx context.Context, code string, now time.Time) error
	AddInvite(ctx context.Context, code string, uses int, expires time.Time) error
}

// DeviceStore is devices and their tokens.
type DeviceStore interface {
	Devices(ctx context.Context, u im.UserID) ([]im.Device, error)
	// UpdateDevices changes the devices of a user under a lock: change gets all
	// of them, revoked ones included, and returns those to write (a new one is
	// one whose ID is not stored yet) and entries for the user's inbox. change
	// may be called more than once; an error from it rolls back and is returned.
	UpdateDevices(ctx context.Context, u im.UserID, change func(all []im.Device) (write []im.Device, log []im.Entry, err error)) ([]im.Entry, error)
	// UpdateDevice is the fast path of a token login: one device under a lock,
	// written when change returns true. It answers im.CodeNotFound for a device
	// that does not exist.
	UpdateDevice(ctx context.Context, u im.UserID, d im.DeviceID, change func(d *im.Device) (write bool)) error
	// DeviceStates returns the devices of users that exist, in any order, read
	// from the storage and no cache. When zones fail it returns those of the
	// others, and the error.
	DeviceStates(ctx context.Context, users []im.UserID) ([]im.DeviceState, error)
	// SaveCursors moves the cursors of devices forward; never back.
	SaveCursors(ctx context.Context, cursors []im.DeviceCursor) error
}

// ContactStore is contact lists.
type ContactStore interface {
	Contacts(ctx context.Context, u im.UserID) ([]im.Contact, error)
	// UpdateContact changes owner's entry for peer under the lock of the owner's
	// inbox head. change gets the stored entry (zero but for User when there is
	// none) and the number of the owner's other listed and pending entries, and
	// returns the entries to log in the owner's inbox (none: nothing changed). An entry left with Listed false and Sub none is
	// deleted. change may be called more than once; an error from it rolls back
	// and is returned. The logged entries come back with their seqs.
	UpdateContact(ctx context.Context, owner, peer im.UserID, change func(c *im.Contact, count im.ContactCount) ([]im.Entry, error)) ([]im.Entry, error)
	// Contact returns owner's entry for peer; its User is zero when there is none.
	Contact(ctx context.Context, owner, peer im.UserID) (im.Contact, error)
	// ContactsOf returns the entries that owners have for peer, of those who have
	// one. When zones fail it returns those of the others, and the error.
	ContactsOf(ctx context.Context, owners []im.UserID, peer im.UserID) (map[im.UserID]im.Contact, error)
}

// BlockStore is block lists.
type BlockStore interface {
	// Blocks returns the addresses that u has blocked, in any order.
	Blocks(ctx context.Context, u im.UserID) ([]im.Addr, error)
	// BlockLists returns those of users, with an entry for each whose zone has
	// answered. When zones fail it returns those of the others, and the error.
	BlockLists(ctx context.Context, users []im.UserID) (map[im.UserID][]im.Addr, error)
	// UpdateBlocks changes the list under the lock of the owner's inbox head, as
	// UpdateContact does: change gets the list and returns what to add and to
	// remove, and the entries to log.
	UpdateBlocks(ctx context.Context, u im.UserID, change func(list []im.Addr) (add, remove []im.Addr, log []im.Entry, err error)) ([]im.Entry, error)
}

// LeafStore is what users keep on the server; see im.Items.
type LeafStore interface {
	Leaves(ctx context.Context, owner im.UserID) ([]im.Leaf, error)
	LeafItems(ctx context.Context, owner im.UserID, name string, q im.ItemQuery) (im.Leaf, []im.Item, error)
	LeavesOf(ctx context.Context, owners []im.UserID, names []string) (map[im.UserID][]im.LeafItem, error)
	EditLeaf(ctx context.Context, owner im.UserID, name string, change func(l im.Leaf, exists bool, ids []string) (im.LeafEdit, error)) error
}

// InboxStore is the append-only logs.
type InboxStore interface {
	// AppendMessage commits m to the recipient's inbox and then, or in the same
	// transaction, to the sender's; one with Group to that timeline only, after
	// im.MaySpeak has allowed it inside the transaction (and im.MayMentionAll, for
	// All). Calls for one sender keep their order as
	// long as the caller keeps to ZoneOf: see there. done is called exactly
	// once, from one goroutine per zone, in the order of commits; it must not
	// block. Duplicates of (From, ClientID) give the first result with Duplicate
	// set; other content under the same id gives im.CodeIDReused, an unknown
	// recipient im.CodeNotFound.
	AppendMessage(m im.Message, done func(im.Committed, error))
	// Append logs entries in one inbox, outside of messages. A read mark of the
	// other side that tells nothing new is not logged, and not among what it
	// returns.
	Append(ctx context.Context, u im.UserID, entries []im.Entry) ([]im.Entry, error)
	// MarkRead moves the mark of (u, peer) forward to the latest message of peer
	// that is not above upTo, and logs entry e with that UpTo in u's inbox when it
	// moved. It answers the logged entry or nil, and up to where u has read then,
	// as far as upTo.
	MarkRead(ctx context.Context, u, peer im.UserID, upTo im.MsgID, e im.Entry) (logged *im.Entry, at im.MsgID, err error)
	// Read returns entries with seq above after, at most limit, without holes.
	Read(ctx context.Context, u im.UserID, after uint64, limit int) (im.SyncPage, error)
	// Heads returns the heads of users that exist, in any order. When zones fail
	// it returns those of the others, and the error.
	Heads(ctx context.Context, users []im.UserID) ([]im.Head, error)
	// MaxMsgID returns the latest id in any inbox of the cell; zero: there is
	// none. It may take seconds; it is for the start of a node.
	MaxMsgID(ctx context.Context) (im.MsgID, error)
	// Archive reads entries of u's inbox by content; see im.ArchiveQuery. A page
	// has at most 1000 entries, and counting ends at 10,000. What is out of the
	// order of ids by more than a day is not found by its time.
	Archive(ctx context.Context, u im.UserID, q im.ArchiveQuery) (im.ArchivePage, error)
	// Delivered returns the highest cursor of u's devices.
	Delivered(ctx context.Context, u im.UserID) (uint64, error)
	History(ctx context.Context, u im.UserID, q im.HistoryQuery) (im.HistoryPage, error)
	Conversations(ctx context.Context, u im.UserID, limit int) ([]im.Conversation, error)
	// ZoneOf names the zone of a user or (see im.GroupID.Log) a group. Appends whose recipients lie in one zone
	// commit in the order of the calls; to keep the order between recipients in
	// different zones the caller waits for done in between.
	ZoneOf(u im.UserID) im.ZoneID
	// Relaxed reports whether any zone promises less than a synced commit.
	Relaxed() bool
}

// GroupStore is groups. A group lives in the zone of its slot, what its members
// need to know of their own groups in theirs. The methods of InboxStore read a
// timeline under the group's Log.
type GroupStore interface {
	// CreateGroup stores g with a new id in the slot of its address, with members and
	// the first entries of its timeline, and what is owed for them (see EditGroup).
	// It answers im.CodeNameTaken when the address is in use.
	CreateGroup(ctx context.Context, g im.Group, members []im.Member, log []im.Entry, owe func(g im.Group, logged []im.Entry) []im.Owed) (im.Group, []im.Entry, error)
	// GroupByAddr and GroupByID answer im.CodeNotFound for an unknown group.
	GroupByAddr(ctx context.Context, a im.Addr) (im.Group, error)
	GroupByID(ctx context.Context, g im.GroupID) (im.Group, error)
	// PublicGroups lists groups that are Public and not Locked with ids above after, in
	// the order of ids. When zones fail it returns those of the others, and the error.
	PublicGroups(ctx context.Context, after im.GroupID, limit int) ([]im.Group, error)
	// EditGroup changes a group under the lock of its timeline's head. change gets
	// the group, those of users that it knows, and counts, and says what to write;
	// it may be called more than once; an error from it rolls back and is returned.
	// The logged entries come back with their seqs. What change owes is kept with
	// the transaction until Settle. im.CodeNickTaken: two would have nicknames that look
	// alike.
	EditGroup(ctx context.Context, g im.GroupID, users []im.UserID, change func(e *im.GroupEdit) error) ([]im.Entry, error)
	// Member returns how u stands to g; its User is zero when g does not know him.
	Member(ctx context.Context, g im.GroupID, u im.UserID) (im.Member, error)
	// MembersOf lists members in the order of users.
	MembersOf(ctx context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, error)
	// GroupSnapshot returns a group, everybody who is in it (passing ones too), and
	// the head of its timeline, as they were at one moment.
	GroupSnapshot(ctx context.Context, g im.GroupID) (im.Group, []im.Member, im.Head, error)
	// Memberships returns u's groups, those that he was in with RoleNone left out.
	Memberships(ctx context.Context, u im.UserID) ([]im.Membership, error)
	// GroupStates returns the groups of ids that exist, with how u stands to them:
	// one query per zone each for groups, unread and mentions. Membership stays zero.
	// When zones fail it returns those of the others, and the error.
	GroupStates(ctx context.Context, u im.UserID, ids []im.GroupID) ([]im.GroupState, error)
	// PutMembership writes m in its user's zone and logs e in his inbox, unless what is
	// there has the same or a later Version: then it does nothing and returns nil.
	// Pinned and Silent stay as they are there.
	PutMembership(ctx context.Context, m im.Membership, e im.Entry) (*im.Entry, error)
	// Book sets Pinned and Silent and logs what entry makes of the membership after
	// the change. im.CodeNotFound: u is not in the group.
	Book(ctx context.Context, u im.UserID, g im.GroupID, pinned, silent bool, entry func(im.Membership) im.Entry) (im.Entry, error)
	// Owed returns what was committed before a time and is not settled, oldest first,
	// at most limit of each zone; nothing that is owed to users in zones that are down.
	// When zones fail it returns those of the others, and the error. Settle forgets it.
	Owed(ctx context.Context, before time.Time, limit int) ([]im.Owed, error)
	Settle(ctx context.Context, done []im.Owed) error
	// MarkGroupRead moves ReadTo of a member forward, never above the head, and
	// reports where it stands then and whether it moved.
	MarkGroupRead(ctx context.Context, g im.GroupID, u im.UserID, upTo uint64) (at uint64, moved bool, err error)
	// GroupReaders counts, of the members but except who could read seq, those whose
	// mark is not below it, and returns at most limit of them.
	GroupReaders(ctx context.Context, g im.GroupID, seq uint64, except im.UserID, limit int) (im.Readers, error)
	// PruneGroups removes what groups with KeepDays keep no longer, and what is left of
	// those that were dissolved: about limit entries per zone and call at most. It says
	// how many it has removed. The seqs of what is left stay.
	PruneGroups(ctx context.Context, now time.Time, limit int) (int, error)
}
