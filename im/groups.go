package im

import "context"

// Groups is groups as a session uses them. Every change is logged in the group's
// timeline, and in the inboxes of those whom it concerns; it reaches other devices
// from there. Who may do what: docs/ARCHITECTURE.md has the table.
type Groups interface {
	// GroupCreate makes a group whose owner is the user. g says how: of Addr only
	// Local counts, empty: the core finds one. me.Nick is his nickname, empty: the
	// core finds one. invite are invited at once. CodeNameTaken: the address is in
	// use.
	GroupCreate(ctx context.Context, g Group, me Member, invite []UserID) (Group, error)
	// GroupEdit changes settings under a lock. change gets the group as it is and
	// alters it; what the user may not alter is CodeForbidden. It may be called more
	// than once; an error from it is returned.
	GroupEdit(ctx context.Context, g GroupID, change func(g *Group) error) error
	// GroupSubject sets the subject.
	GroupSubject(ctx context.Context, g GroupID, subject string) error
	// GroupAct carries out acts on members, all or none of them.
	GroupAct(ctx context.Context, g GroupID, acts ...Act) error
	// GroupJoin makes the user a member: at once, or (asked) when an admin has
	// allowed it. It is no error to be a member already.
	GroupJoin(ctx context.Context, g GroupID, how Joining) (me Member, err error)
	// GroupDecline answers an invitation with no.
	GroupDecline(ctx context.Context, g GroupID, reason string) error
	// GroupLeave takes the user out of the group. The last owner has to hand it
	// over before, or dissolve it: CodeLastOwner; alone, he dissolves it by leaving.
	GroupLeave(ctx context.Context, g GroupID, reason string) error
	GroupDissolve(ctx context.Context, g GroupID, alternate, reason string) error
	// GroupRetract takes a message back: one's own, or as an admin anybody's. What
	// it said is removed from the timeline.
	GroupRetract(ctx context.Context, g GroupID, seq uint64, reason string) error
	// GroupNick sets the user's nickname. CodeNickTaken: somebody has it, or one that
	// looks like it.
	GroupNick(ctx context.Context, g GroupID, nick string) error

	// GroupList returns the user's groups with their heads, and what he has not read.
	// From then on a C-XX session gets what is written there: entries above those
	// heads are pushed, and those of groups that he joins later from his own joining
	// on. Those that are Away it gets when it has asked again.
	GroupList(ctx context.Context) ([]GroupState, error)
	// GroupGet returns one group as the user may see it, with how he stands to it.
	// Who is not in it sees one that is public, or that he may join or ask to,
	// without what is said there; of others he learns CodeNotFound.
	GroupGet(ctx context.Context, g GroupID) (GroupState, error)
	// GroupFind finds a group by its address; the same rule holds.
	GroupFind(ctx context.Context, a Addr) (GroupState, error)
	// GroupDirectory lists public groups.
	GroupDirectory(ctx context.Context, after GroupID, limit int) (GroupDirectory, error)
	// GroupMembers reads the list of members, ordered by user; what the user may not
	// see is left out: outcasts, requests and invitations are for admins, and in a
	// hidden group a member sees nicknames, without User and Addr, in their order. The
	// query for the next page is q.Behind the last member.
	GroupMembers(ctx context.Context, g GroupID, q MemberQuery) ([]Member, error)
	// GroupAvatar returns the picture; CodeNotFound: there is none. GroupSetAvatar
	// changes it; no Data takes it away.
	GroupAvatar(ctx context.Context, g GroupID) (Avatar, error)
	GroupSetAvatar(ctx context.Context, g GroupID, a Avatar) error
	// GroupBook sets what the user's devices share about a group: pinned, silent.
	GroupBook(ctx context.Context, g GroupID, pinned, silent bool) error

	// GroupSync reads the timeline above cursor; what the user may not read is passed
	// over: the first entry is then above cursor+1. Limit 0 means the server's page.
	GroupSync(ctx context.Context, g GroupID, cursor uint64, limit int) (SyncPage, error)
	// GroupArchive reads the timeline by content, within what the user may read.
	// Peer has no meaning; Kinds empty: KindMessage, KindNote.
	GroupArchive(ctx context.Context, g GroupID, q ArchiveQuery) (ArchivePage, error)
	// GroupMarkRead moves the user's read mark forward, never back. His other devices
	// learn it, and in a small group those who are there.
	GroupMarkRead(ctx context.Context, g GroupID, upTo uint64) error
	// GroupReaders says who of the members has read up to seq, at most limit of them,
	// and how many have.
	GroupReaders(ctx context.Context, g GroupID, seq uint64, limit int) (Readers, error)
}

// Joining is how somebody wants to become a member.
type Joining struct {
	Nick     string // empty: the core finds one
	Note     string // goes with the request, when it has to be allowed
	Password string // of the group; who is invited, or has come in by it already, needs none
}

// Readers is who has read a message of a group.
type Readers struct {
	Members []Member // some of them, in a hidden group without User and Addr
	Read    int      // how many have, without its sender
	Of      int      // how many could have, without its sender
}

// Act is one thing done to one user in a group.
type Act struct {
	Do     ActVerb
	User   UserID
	Role   Role   // ActRole: what he shall be; RoleNone takes it from him
	Until  int64  // ActMute: Unix milliseconds; zero: Forever
	Nick   string // ActInvite: suggested nickname; may be empty
	Reason string
	Direct bool // ActInvite: by XEP-0249
}

// ActVerb says what an Act is.
type ActVerb uint8

// The acts.
const (
	ActInvite   ActVerb = 1  // lets him join; whoever Group.Invite names. Nothing happens to who blocks the user
	ActAccept   ActVerb = 2  // lets in who has asked; admins
	ActRefuse   ActVerb = 3  // turns down who has asked, or takes an invitation back; admins
	ActKick     ActVerb = 4  // removes him, member or visitor; admins
	ActRole     ActVerb = 5  // sets his role, RoleOutcast bans him; admins up to member, owners all
	ActMute     ActVerb = 6  // admins
	ActUnmute   ActVerb = 7  // takes back ActMute
	ActVoice    ActVerb = 8  // VoiceGranted for a visitor; admins
	ActUnvoice  ActVerb = 9  // VoiceByRole
	ActModerate ActVerb = 10 // VoiceModerator; admins
	ActTransfer ActVerb = 11 // makes him owner and the user an admin
	// ActEject ends his presence in the room (MUC kick): a passing visitor is out, a
	// member stays one. Moderators.
	ActEject ActVerb = 12
)

// Rooms is groups seen through MUC (XEP-0045): being there, with a nickname, as
// long as a session stays. Only XMPP sessions use it; members on C-XX sessions are
// there by being online.
type Rooms interface {
	// RoomEnter takes the session into a room. A group that is not there is made,
	// Locked, and its maker gets Created. In an open group who is no member becomes a
	// passing visitor. Entries above Head are pushed from then on, and changes to
	// Occupants. Entering again where the session is already sets nickname and
	// presence and tells all again.
	RoomEnter(ctx context.Context, e RoomEntry) (RoomState, error)
	// RoomPresence changes what others see of the session in a room; the nickname is
	// changed when nick is another one.
	RoomPresence(ctx context.Context, g GroupID, nick string, p Presence) error
	// RoomLeave takes the session out of a room. p is its last presence.
	RoomLeave(ctx context.Context, g GroupID, p Presence)
	// RoomOccupants returns who is there now as the session may see it, the user's
	// own last. CodeNotMember: the session is not there.
	RoomOccupants(ctx context.Context, g GroupID) ([]Occupant, error)
	// RoomOccupant finds who is there under a nickname: all his sessions. Empty:
	// nobody.
	RoomOccupant(g GroupID, nick string) []Occupant
	// Inside reports whether the session is in a room, with its nickname.
	Inside(g GroupID) (nick string, ok bool)
}

// RoomEntry is how a session wants to come in.
type RoomEntry struct {
	Addr     Addr // of the group, bare
	Nick     string
	Password string
	Presence Presence
}

// RoomState is a room at the moment of coming in.
type RoomState struct {
	Group     Group
	Me        Member
	Occupants []Occupant // the user's own sessions last, this one last of all
	Head      uint64     // what is above is pushed
	Created   bool       // the group was made just now
	Renamed   bool       // Me.Nick is not the nickname that was asked for
}

// Occupant is somebody who is in a room: a session that has entered it, or a
// member who is online with C-XX (Session zero, one for all his devices).
type Occupant struct {
	Group    GroupID
	User     UserID
	Node     NodeID
	Session  SessionID
	Resource string // of the session
	Presence Presence
	// Member is how he stands to the group. On the mesh only Nick, Addr and Passing
	// are filled, and for one who is passing Role, Voice and MutedUntil; the receiver
	// knows the rest of who is a member.
	Member Member
	// ID is his XEP-0421 id; the core sets it.
	ID string
	// Since is how far the timeline had come when he came in: what stands there before
	// does not send him out.
	Since uint64
}

// OccupantGone says that a session has left a room.
type OccupantGone struct {
	Group    GroupID
	User     UserID
	Session  SessionID
	Presence Presence // its last one
	// By is the seq of the event that has sent it out; nodes that have not come so far
	// let the event tell it. Zero: it went by itself.
	By uint64
}

// OccupantChange is news of an occupant. Edges that render it for many sessions
// keep the result in it; see Encoded.
type OccupantChange struct {
	Group    *Group // as it is; nobody changes it
	Occupant Occupant
	Left     bool
	// Rest, when he has Left, is another session of his under the same nickname that
	// stays, or leaves by a change of its own; nil: nothing of him is there any more.
	Rest    *Occupant
	WasNick string // he was called so until now, and is called Occupant.Member.Nick; said once, not for each session of his
	// Why and By say what has led to it, beyond his own doing: GroupKicked,
	// GroupBanned, GroupRole, GroupVoice, GroupExpelled, GroupDissolved, GroupLeft …; zero: himself.
	Why       GroupVerb
	ByNick    string
	Reason    string
	Alternate string // GroupDissolved

	Renderings
}

// GroupPush is an entry of a timeline on its way to sessions.
type GroupPush struct {
	Group *Group // as it is now; nobody changes it
	Entry *Entry
	// Masked: Entry is what members of a hidden group see: without users. The one in
	// which they are not hidden is another GroupPush.
	Masked bool
	// Told: Entry changes who is there, and PushOccupant has told that to whoever is in
	// the room.
	Told bool

	Renderings
}
