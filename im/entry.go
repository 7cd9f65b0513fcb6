package im

// Kind says what an inbox entry is about. The numbers are stored.
type Kind uint8

// The kinds of entries.
const (
	KindMessage Kind = 1 // a message sent or received
	KindContact Kind = 2 // a contact changed; Entry.Contact holds it after the change
	KindRead    Kind = 3 // a read mark moved; Entry.UpTo holds it
	KindProfile Kind = 4 // the user's own profile or settings changed
	KindDevice  Kind = 5 // a device of the user was added or revoked
	KindNote    Kind = 6 // a message without text, for clients: a receipt, a reaction, a call; never counted as unread
	KindBlock   Kind = 7 // the block list changed; Entry.Block holds how
	KindGroup   Kind = 8 // a group changed, in its timeline or an inbox; Entry.Group holds how
	// KindGroupRead is in an inbox: the user has read a group up to a seq of its
	// timeline. Entry.Peer holds the group, Entry.UpTo the seq.
	KindGroupRead Kind = 9
)

// Entry is one place in a log: a user's inbox or a group's timeline. It is immutable
// once it has a Seq, but for a message in a timeline that was taken back.
type Entry struct {
	Seq   uint64 // dense per log: 1, 2, 3 …
	MsgID MsgID  // from the clock of the ACS that made the entry
	Kind  Kind
	From  UserID // who caused it; the inbox's owner for what he sent or changed
	Peer  UserID // the other side of the conversation, contact or read mark; zero in a timeline

	ClientID ClientID // KindMessage, KindNote: as the sender made it
	Text     string   // KindMessage: the body, UTF-8
	Ext      []byte   // KindMessage, KindNote, KindRead: extension elements, opaque to the core

	UpTo    MsgID       // KindRead: everything of the conversation up to here is read
	Contact *Contact    // KindContact
	Device  *Device     // KindDevice; never holds a token
	Profile *Profile    // KindProfile
	Block   *Block      // KindBlock
	Group   *GroupEvent // KindGroup
	Post    *Post       // KindMessage and KindNote in a timeline
}

// Outgoing is a message as its sender's edge hands it to the core.
type Outgoing struct {
	To       UserID
	Group    GroupID  // instead of To: for everybody in it
	Mentions []UserID // with Group: whom it mentions
	All      bool     // with Group: it mentions everybody
	ClientID ClientID // zero: no protection against duplicates beyond the connection
	Text     string
	Ext      []byte
	Note     bool // log it as KindNote; Text is empty then
	// Same reports whether Ext of the first send with this ClientID, which had the
	// same text, means the same as this one, so that a repeat is known. Nil: equal
	// bytes do.
	Same func(ext []byte) bool
}

// Ack says that a message is committed in both inboxes.
type Ack struct {
	MsgID     MsgID
	Seq       uint64 // in the sender's inbox, or in the group's timeline
	Duplicate bool   // this (sender, client id) had been committed before: the first ack again
}

// SyncPage is a run of inbox entries without holes.
type SyncPage struct {
	Entries []Entry
	Head    uint64 // the newest seq of the inbox when the page was read
}

// HistoryQuery asks for messages of one conversation, newest page first when
// both bounds are zero.
type HistoryQuery struct {
	Peer   UserID
	Before uint64 // only seqs below; zero: no bound
	After  uint64 // only seqs above; zero: no bound. With After and no Before the oldest page comes first.
	Limit  int
}

// HistoryPage holds messages in ascending seq.
type HistoryPage struct {
	Entries []Entry
	More    bool // the conversation goes on beyond the page in the asked direction
}

// Conversation is the summary of what a user has with one peer.
type Conversation struct {
	Peer   UserID
	Last   Entry // the newest message
	Unread int   // incoming messages above the read mark: computed, never counted up
	ReadTo MsgID // the user's own read mark
	PeerTo MsgID // how far the peer has read what the user sent
}

// Committed is what the storage says of a message.
type Committed struct {
	MsgID     MsgID
	FromSeq   uint64 // in the sender's inbox
	ToSeq     uint64 // in the recipient's inbox; equals FromSeq for a note to self
	Nick      string // of the sender in the group; its message has FromSeq and ToSeq in the timeline
	Duplicate bool
}

// Head is the newest seq of an inbox.
type Head struct {
	User  UserID
	Seq   uint64
	MsgID MsgID // the latest id in the inbox
}

// Message is a message on its way into two inboxes.
type Message struct {
	From, To UserID
	Group    GroupID // instead of To: into its timeline, if From may speak there then
	Mentions []UserID
	All      bool
	MsgID    MsgID
	ClientID ClientID // zero: not checked for duplicates
	Text     string
	Ext      []byte
	Note     bool                  // KindNote instead of KindMessage
	Same     func(ext []byte) bool // see Outgoing
}

// ArchiveQuery asks for entries of one's own inbox by content. All bounds that
// are set hold together.
type ArchiveQuery struct {
	Kinds         []Kind   // empty: KindMessage and KindNote
	Peer          UserID   // zero: any
	Floor         uint64   // what is not above this seq is not there for who asks, and is not counted
	After, Before uint64   // seqs, exclusive; zero: no bound
	From, To      MsgID    // times, inclusive; zero: no bound
	Seqs          []uint64 // only these; empty: any
	Newest        bool     // the end of what is left, not its beginning
	Limit         int      // most entries; 0: none, to count only
	Count         bool     // count all that match but for After and Before
}

// ArchivePage holds entries in ascending seq.
type ArchivePage struct {
	Entries []Entry
	More    bool // what matches goes on beyond the page: above it, or below with Newest
	Count   int  // when asked for
}

// Block is a change of the block list (XEP-0191).
type Block struct {
	Blocked   []Addr `json:"blocked,omitempty"`
	Unblocked []Addr `json:"unblocked,omitempty"`
	Cleared   bool   `json:"cleared,omitempty"` // all were unblocked; Unblocked lists them
}
