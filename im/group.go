package im

import "time"

// Role is what somebody is in a group, in the order of rights. The numbers are
// stored. In MUC they are affiliations: a visitor has none.
type Role uint8

// The roles. Who has no role has nothing to do with the group.
const (
	RoleNone    Role = 0
	RoleOutcast Role = 1 // banned
	RoleInvited Role = 2 // may join without being let in
	RoleAsking  Role = 3 // has asked to join and waits for an answer
	RoleVisitor Role = 4 // is there, without being a member
	RoleMember  Role = 5
	RoleAdmin   Role = 6
	RoleOwner   Role = 7
)

var roleNames = [...]string{"none", "outcast", "invited", "asking", "visitor", "member", "admin", "owner"}

// String returns the word for r.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "none"
}

// ParseRole reads the word for a Role.
func ParseRole(word string) (Role, error) {
	for i, name := range roleNames {
		if name == word {
			return Role(i), nil
		}
	}
	return 0, Errorf(CodeInvalid, "role %q is not one of none, outcast, visitor, member, admin, owner", clip(word))
}

// In reports whether r is in the group: sees what is written there.
func (r Role) In() bool { return r >= RoleVisitor }

// Voice is what somebody was given, or had taken, beyond his role until he leaves.
// The numbers are stored.
type Voice uint8

// The values.
const (
	VoiceByRole    Voice = 0
	VoiceGranted   Voice = 1 // a visitor may speak as members do
	VoiceModerator Voice = 2 // may keep order as admins do, but has no say over roles
)

// Who is a circle of people in a group. The numbers are stored.
type Who uint8

// The circles, each within the one before.
const (
	WhoAnyone  Who = 0 // visitors too
	WhoMembers Who = 1 // and visitors with voice
	WhoAdmins  Who = 2 // owners, admins, moderators
	WhoNobody  Who = 3
)

// JoinRule says how one comes into a group. The numbers are stored.
type JoinRule uint8

// The rules.
const (
	JoinOpen     JoinRule = 0 // by joining
	JoinApproval JoinRule = 1 // by asking an admin
	JoinInvite   JoinRule = 2 // by being invited
)

// Group is a group as everybody in it knows it. In MUC it is a room.
type Group struct {
	ID    GroupID `json:"id"`
	Addr  Addr    `json:"addr"`  // bare, at the domain of groups; never changes
	Title string  `json:"title"` // its name for people
	About string  `json:"about,omitempty"`
	Lang  string  `json:"lang,omitempty"`

	Subject      string    `json:"subject,omitempty"` // what is talked about now
	SubjectNick  string    `json:"subject_nick,omitempty"`
	SubjectAt    time.Time `json:"subject_at,omitzero"`
	Announcement string    `json:"announcement,omitempty"`
	AvatarHash   string    `json:"avatar,omitempty"` // SHA-1 of the image, hexadecimal; empty: none

	Join        JoinRule  `json:"join,omitempty"`
	Speak       Who       `json:"speak,omitempty"`       // who may send
	Invite      Who       `json:"invite,omitempty"`      // who may invite; WhoAnyone means visitors in an open group only
	Topic       Who       `json:"topic,omitempty"`       // who may set the subject
	MentionAll  Who       `json:"mention_all,omitempty"` // who may mention everybody
	Private     Who       `json:"private,omitempty"`     // who may send private messages (MUC)
	ListMembers Who       `json:"list,omitempty"`        // who may read the list of members
	Hidden      bool      `json:"hidden,omitempty"`      // only admins learn who is behind a nickname
	History     bool      `json:"history,omitempty"`     // newcomers may read what was before them
	Public      bool      `json:"public,omitempty"`      // shown in the directory
	Temporary   bool      `json:"temporary,omitempty"`   // dissolved when the last one who was there leaves
	Locked      bool      `json:"locked,omitempty"`      // its owner has not configured it yet (XEP-0045 section 10.1)
	MutedUntil  time.Time `json:"muted_until,omitzero"`  // until then only admins may send
	MaxMembers  int       `json:"max_members,omitempty"` // zero: what the server allows
	KeepDays    int       `json:"keep_days,omitempty"`   // how long messages are kept; zero: for ever
	Created     time.Time `json:"created,omitzero"`
	Creator     UserID    `json:"creator,omitempty"`

	// Password is asked of who joins by MUC (XEP-0045 section 7.2.6); Salt makes the
	// ids of occupants (XEP-0421). Neither is in a log, nor told to members.
	Password string `json:"-"`
	Salt     []byte `json:"-"`
}

// Member is what a group knows of one user.
type Member struct {
	User       UserID    `json:"user"`
	Addr       Addr      `json:"addr"` // bare
	Role       Role      `json:"role"`
	Voice      Voice     `json:"voice,omitempty"`
	MutedUntil time.Time `json:"muted_until,omitzero"` // until then he may not send; see Forever
	Nick       string    `json:"nick,omitempty"`       // unique in the group, also among look-alikes; not empty for who is in it
	// Passing: a visitor by MUC, who is gone when the last of his sessions leaves.
	Passing bool      `json:"passing,omitempty"`
	From    uint64    `json:"from,omitempty"` // what is above this seq of the timeline he may read
	Joined  time.Time `json:"joined,omitzero"`
	ReadTo  uint64    `json:"-"`              // his read mark, a seq
	By      UserID    `json:"by,omitempty"`   // who has invited or banned him
	Note    string    `json:"note,omitempty"` // what was said with it, or with his request
}

// Forever is a time to mute until.
var Forever = time.UnixMilli(253402300799000).UTC()

// Muted reports whether m has been silenced himself.
func (m *Member) Muted(now time.Time) bool { return now.Before(m.MutedUntil) }

// Admin reports whether m keeps order in the group.
func (m *Member) Admin() bool { return m.Role >= RoleAdmin || m.Role.In() && m.Voice == VoiceModerator }

// Within reports whether m belongs to a circle.
func (m *Member) Within(w Who) bool {
	switch w {
	case WhoAnyone:
		return m.Role.In()
	case WhoMembers:
		return m.Role >= RoleMember || m.Role == RoleVisitor && m.Voice != VoiceByRole
	case WhoAdmins:
		return m.Admin()
	}
	return false
}

// MaySpeak reports whether m may send to g, with the reason when not. The
// storage asks it inside the transaction of a message.
func MaySpeak(g *Group, m *Member, now time.Time) *Error {
	switch {
	case m.Role == RoleOutcast:
		return Errorf(CodeBanned, "you were banned from the group")
	case !m.Role.In():
		return Errorf(CodeNotMember, "you are not in the group")
	case m.Muted(now):
		return Errorf(CodeMuted, "you were muted in this group")
	case m.Admin():
		return nil
	case now.Before(g.MutedUntil):
		return Errorf(CodeMuted, "the group is muted; only its admins may write now")
	case !m.Within(g.Speak):
		return Errorf(CodeMuted, "you may read here, but not write")
	}
	return nil
}

// MayWhisper reports whether m may send private messages in g. WhoMembers stands for
// those who may speak there: in MUC they are participants.
func MayWhisper(g *Group, m *Member, now time.Time) bool {
	if g.Private == WhoMembers {
		return MaySpeak(g, m, now) == nil
	}
	return m.Within(g.Private)
}

// MayMentionAll reports whether m may mention everybody in g.
func MayMentionAll(g *Group, m *Member) bool { return m.Within(g.MentionAll) }

// GroupVerb says what happened in a group. The numbers are stored.
type GroupVerb uint8

// The verbs.
const (
	GroupCreated   GroupVerb = 1  // Group
	GroupChanged   GroupVerb = 2  // Group: settings, title, announcement, avatar
	GroupSubject   GroupVerb = 3  // Group
	GroupJoined    GroupVerb = 4  // Member came in
	GroupLeft      GroupVerb = 5  // Member left
	GroupInvited   GroupVerb = 6  // Member may join
	GroupDeclined  GroupVerb = 7  // Member does not want to
	GroupAsked     GroupVerb = 8  // Member wants to join
	GroupRefused   GroupVerb = 9  // Member may not, or is not invited any more
	GroupKicked    GroupVerb = 10 // Member was removed
	GroupBanned    GroupVerb = 11 // Member was removed for good
	GroupUnbanned  GroupVerb = 12
	GroupRole      GroupVerb = 13 // Member has another role
	GroupVoice     GroupVerb = 14 // Member was muted, may speak again, or moderates
	GroupNick      GroupVerb = 15 // Member has another nickname; WasNick
	GroupRetracted GroupVerb = 16 // the message at Ref was taken back
	GroupDissolved GroupVerb = 17
	GroupExpelled  GroupVerb = 18 // Member is out because the group takes members only from now on
	GroupBooked    GroupVerb = 19 // in an inbox only: the user's own settings for the group; Membership
)

// GroupEvent is a change of a group: in its timeline, and in the inbox of whom it
// concerns.
type GroupEvent struct {
	What    GroupVerb `json:"what"`
	ID      GroupID   `json:"id"`
	Group   *Group    `json:"group,omitempty"`  // after the change; in an inbox as much as the user may know
	Member  *Member   `json:"member,omitempty"` // after the change
	WasNick string    `json:"was_nick,omitempty"`
	ByNick  string    `json:"by_nick,omitempty"` // of who did it
	// Occupant is the id in the group of who did it (XEP-0421); the core sets it.
	Occupant string `json:"-"`
	Reason   string `json:"reason,omitempty"`
	Ref      uint64 `json:"ref,omitempty"`    // the seq of a message
	Direct   bool   `json:"direct,omitempty"` // GroupInvited: by XEP-0249, from the inviter himself; GroupRetracted: by whoever wrote it
	// Alternate is the address that GroupDissolved points to.
	Alternate  string      `json:"alternate,omitempty"`
	Membership *Membership `json:"membership,omitempty"` // in an inbox: how the user stands to the group then
}

// Post is what a message in a timeline has beside the rest of an Entry.
type Post struct {
	Nick      string   `json:"nick"`               // of the sender, then
	Occupant  string   `json:"occupant,omitempty"` // the sender's id in the group (XEP-0421); the core sets it
	Mentions  []UserID `json:"mentions,omitempty"`
	All       bool     `json:"all,omitempty"`       // everybody is mentioned
	Retracted bool     `json:"retracted,omitempty"` // was taken back; Text and Ext are gone
}

// Membership is what a user's own zone knows of a group of his.
type Membership struct {
	User    UserID  `json:"user"`
	Group   GroupID `json:"group"`
	Addr    Addr    `json:"addr"`
	Title   string  `json:"title,omitempty"`
	Role    Role    `json:"role"` // RoleNone: he was in it
	Nick    string  `json:"nick,omitempty"`
	Version uint64  `json:"version"`          // seq of the event in the timeline that made it so
	Pinned  bool    `json:"pinned,omitempty"` // the user's own: keep it on top
	Silent  bool    `json:"silent,omitempty"` // the user's own: no notifications
}

// GroupState is how a group stands and how a user stands to it.
type GroupState struct {
	Group      Group
	Me         Member
	Head       uint64 // of the timeline
	HeadID     MsgID
	Unread     int        // messages of others above Me.ReadTo: computed, never counted up
	Mentions   int        // those of them that mention the user or everybody
	Members    int        // who is in it, without who is passing
	Protected  bool       // who enters by MUC is asked for a password, which only owners are shown
	Membership Membership // of the user; zero when it was not asked for
	// Away: the group's zone is out of reach now. Only what Membership says is known, and
	// the session does not follow the group.
	Away bool
}

// GroupDirectory is a page of the directory of public groups.
type GroupDirectory struct {
	Groups []Group
	Next   GroupID // where to go on; zero: that was all
}

// Avatar is the picture of a group.
type Avatar struct {
	Type string // media type
	Data []byte
}
