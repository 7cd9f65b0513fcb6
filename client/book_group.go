package client

import (
	"cmp"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// GroupBook keeps the list of the user's groups up to date from the stream of events,
// between calls of Client.Groups. As in Book, what is unread is computed from the
// messages and the read mark. One goroutine uses a GroupBook.
type GroupBook struct {
	groups map[im.GroupID]*groupSheet
	stale  bool
}

// groupSheet is a group as the server summed it up, and what came since.
type groupSheet struct {
	im.GroupState
	last  im.Entry // the newest message that came by the stream
	since []unread // messages of others after the summary
}

// unread is a message that may not have been read.
type unread struct {
	seq     uint64
	mention bool
}

// NewGroupBook returns an empty book.
func NewGroupBook() *GroupBook { return &GroupBook{groups: make(map[im.GroupID]*groupSheet)} }

// Load takes what Client.Groups has returned. Messages that came by the stream in
// the meantime stay.
func (b *GroupBook) Load(list []im.GroupState) {
	old := b.groups
	b.groups, b.stale = make(map[im.GroupID]*groupSheet, len(list)), false
	for _, st := range list {
		if o := old[st.Group.ID]; st.Away && o != nil { // what was known does until it is back
			b.groups[st.Group.ID] = o
			continue
		}
		s := &groupSheet{GroupState: st}
		b.groups[st.Group.ID] = s
		if o := old[st.Group.ID]; o != nil {
			s.last = o.last
			for _, u := range o.since {
				if u.seq > st.Head {
					s.since = append(s.since, u)
				}
			}
			s.read(o.Me.ReadTo)
		}
	}
}

// Apply takes an event of the stream and reports whether the list has changed.
func (b *GroupBook) Apply(ev Event) bool {
	switch ev := ev.(type) {
	case GroupMessage:
		return b.message(ev)
	case GroupChanged:
		return b.changed(ev)
	case GroupInvitation, GroupRequest:
		b.stale = true
	case GroupMembership:
		b.membership(&ev.Event)
	case GroupReadMine:
		if s := b.groups[ev.Group]; s != nil && !s.read(ev.UpTo) {
			b.stale = true
		}
	case Regressed:
		b.stale = true
	default:
		return false
	}
	return true
}

func (b *GroupBook) message(m GroupMessage) bool {
	s := b.groups[m.Group]
	if s == nil {
		b.stale = true
		return false
	}
	if m.Seq > s.last.Seq {
		s.last = m.Entry
	}
	if m.Seq > s.Head && m.Seq > s.Me.ReadTo && !m.Mine {
		s.since = append(s.since, unread{m.Seq, m.Mentioned})
	}
	return true
}

// changed follows settings and the user's own standing; that of others is not kept
// here.
func (b *GroupBook) changed(ev GroupChanged) bool {
	s := b.groups[ev.Group]
	if s == nil || ev.Seq <= s.Head {
		return false
	}
	what := ev.Entry.Group
	if what.Group != nil {
		s.Group = *what.Group
	}
	if m := what.Member; m != nil && m.User == s.Me.User && m.User != 0 {
		mark := s.Me.ReadTo
		s.Me = *m
		s.Me.ReadTo = max(mark, m.ReadTo)
	}
	switch what.What {
	case im.GroupJoined:
		s.Members++
	case im.GroupLeft, im.GroupKicked, im.GroupBanned, im.GroupExpelled:
		s.Members = max(s.Members-1, 0)
	}
	return true
}

func (b *GroupBook) membership(ev *im.GroupEvent) {
	s, m := b.groups[ev.ID], ev.Membership
	switch {
	case m == nil:
	case m.Role == im.RoleNone || m.Role == im.RoleOutcast:
		delete(b.groups, ev.ID)
	case s == nil || s.Me.Role != m.Role:
		b.stale = true
	default:
		s.Membership = *m
	}
}

// read moves the user's mark. It reports false when the summary's numbers cannot be
// told any more, because the mark stands in the middle of them.
func (s *groupSheet) read(upTo uint64) bool {
	s.Me.ReadTo = max(s.Me.ReadTo, upTo)
	s.since = slices.DeleteFunc(s.since, func(u unread) bool { return u.seq <= s.Me.ReadTo })
	if s.Me.ReadTo >= s.Head {
		s.GroupState.Unread, s.GroupState.Mentions = 0, 0
	}
	return s.GroupState.Unread == 0
}

// Stale reports whether the list should be loaded again.
func (b *GroupBook) Stale() bool { return b.stale }

// Get returns a group with what is unread now.
func (b *GroupBook) Get(g im.GroupID) (im.GroupState, bool) {
	s := b.groups[g]
	if s == nil {
		return im.GroupState{}, false
	}
	st := s.GroupState
	st.Unread += len(s.since)
	for _, u := range s.since {
		if u.mention {
			st.Mentions++
		}
	}
	return st, true
}

// Last returns the newest message that came by the stream; Seq is zero when none has.
func (b *GroupBook) Last(g im.GroupID) im.Entry {
	if s := b.groups[g]; s != nil {
		return s.last
	}
	return im.Entry{}
}

// List returns the groups: those that are pinned first, then by their newest entry.
func (b *GroupBook) List() []im.GroupState {
	list := make([]im.GroupState, 0, len(b.groups))
	newest := make(map[im.GroupID]im.MsgID, len(b.groups))
	for g, s := range b.groups {
		st, _ := b.Get(g)
		list = append(list, st)
		newest[g] = max(s.HeadID, s.last.MsgID)
	}
	slices.SortFunc(list, func(x, y im.GroupState) int {
		if x.Membership.Pinned != y.Membership.Pinned {
			if x.Membership.Pinned {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(newest[y.Group.ID], newest[x.Group.ID]), cmp.Compare(x.Group.ID, y.Group.ID))
	})
	return list
}
