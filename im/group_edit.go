package im

// Owed is what a group's zone has committed and a user's zone has to learn: the
// group's zone remembers it until then.
type Owed struct {
	Membership Membership // User, Group and Version are the key
	Entry      Entry      // for the user's inbox; Seq is set there
}

// GroupEdit is a change of a group under the lock of its timeline.
type GroupEdit struct {
	Group   Group
	Members map[UserID]Member // those asked for that the group knows
	Count   GroupCount
	Head    uint64
	// Find returns members as they are under the lock, in the order of users.
	Find func(q MemberQuery) ([]Member, error)
	// NickOwner returns who has a nickname or one that looks like it; zero: nobody.
	NickOwner func(nick string) (UserID, error)

	// What the change is. Group is written when SetGroup is true.
	SetGroup bool
	Put      []Member // written
	Drop     []UserID // forgotten
	Dissolve bool     // the group, its members and its timeline are removed; its address may be taken again
	Retract  uint64   // the message at this seq loses what it said
	Log      []Entry  // appended to the timeline; Seq is set
	// Owe gets the logged entries and says what users have to learn. It may be nil.
	Owe func(logged []Entry) []Owed
}

// GroupCount is how many users of each kind a group has.
type GroupCount struct {
	Members int // in it, but for who is passing
	Owners  int
	Asking  int
	Invited int
	Outcast int
}

// Add counts n users of a role.
func (c *GroupCount) Add(r Role, n int) {
	switch r {
	case RoleOutcast:
		c.Outcast += n
	case RoleInvited:
		c.Invited += n
	case RoleAsking:
		c.Asking += n
	case RoleOwner:
		c.Owners += n
	}
	if r.In() {
		c.Members += n
	}
}

// MemberQuery selects members. All that is set holds together.
type MemberQuery struct {
	Min, Max Role // inclusive; zero Max: Min alone
	After    UserID
	// ByNick orders by nickname instead of by user, with those above AfterNick: whoever
	// may not know users pages so.
	ByNick    bool
	AfterNick string
	Users     []UserID // only these
	Passing   bool     // who is passing too
	Limit     int      // zero: all
}

// Behind is q for the page behind one that ends with last.
func (q MemberQuery) Behind(last *Member) MemberQuery {
	q.After, q.AfterNick = last.User, last.Nick
	return q
}
