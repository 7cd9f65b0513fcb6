package client

import (
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Events of groups. Those with an im.Entry, and no other, are places in the timeline
// of Group, in its order; GroupInvitation, GroupRequest, GroupMembership and
// GroupReadMine are places in the user's inbox.

// GroupMessage is a message in a group: one that came, or one that the user sent on
// this or another device.
type GroupMessage struct {
	Group im.GroupID
	im.Entry
	Mine      bool // the user sent it
	Mentioned bool // it mentions the user, or everybody
}

// Time is when the message was accepted, by the server's clock.
func (m GroupMessage) Time() time.Time { return m.MsgID.Time() }

// Nick is what the sender was called then.
func (m GroupMessage) Nick() string {
	if m.Post == nil {
		return ""
	}
	return m.Post.Nick
}

// GroupNote is to a group what Note is to a conversation.
type GroupNote struct {
	Group im.GroupID
	im.Entry
	Mine bool
}

// GroupChanged is a change of a group that everybody in it sees: Entry.Group says
// what has happened. Of what concerns admins only others get no more than that.
type GroupChanged struct {
	Group im.GroupID
	im.Entry
}

// GroupInvitation says that somebody has invited the user, who may join, or decline.
type GroupInvitation struct {
	Seq   uint64
	From  im.UserID
	Event im.GroupEvent
}

// GroupRequest says that Event.Member asks to be let into a group that the user is an
// admin of.
type GroupRequest struct {
	Seq   uint64
	Event im.GroupEvent
}

// GroupMembership says that the user stands to a group in another way than before:
// Event.What says why, and Event.Membership how. Role RoleNone or RoleOutcast: he is
// not in it any more. Its timeline is followed while he is in it.
type GroupMembership struct {
	Seq   uint64
	From  im.UserID // who has done it
	Event im.GroupEvent
}

// GroupReadMine says that the user has read a group up to a seq of its timeline, on
// some device.
type GroupReadMine struct {
	Seq   uint64
	Group im.GroupID
	UpTo  uint64
}

// GroupRead says that somebody else has read a small group up to a seq. User is zero
// in a hidden group.
type GroupRead struct {
	Group im.GroupID
	User  im.UserID
	Nick  string
	UpTo  uint64
}

// GroupsCaughtUp says that all there was in the user's groups at the login has been
// reported, and that what is new is being pushed.
type GroupsCaughtUp struct{}

func (GroupMessage) event()    {}
func (GroupNote) event()       {}
func (GroupChanged) event()    {}
func (GroupInvitation) event() {}
func (GroupRequest) event()    {}
func (GroupMembership) event() {}
func (GroupReadMine) event()   {}
func (GroupRead) event()       {}
func (GroupsCaughtUp) event()  {}

// logEvent renders an entry of a log.
func logEvent(g im.GroupID, e im.Entry, self im.UserID) Event {
	mine := e.From == self
	switch {
	case g == 0:
		return entryEvent(e, self, false)
	case e.Kind == im.KindMessage:
		mentioned := e.Post != nil && !mine && (e.Post.All || slices.Contains(e.Post.Mentions, self))
		return GroupMessage{Group: g, Entry: e, Mine: mine, Mentioned: mentioned}
	case e.Kind == im.KindNote:
		return GroupNote{Group: g, Entry: e, Mine: mine}
	case e.Kind == im.KindGroup && e.Group != nil:
		return GroupChanged{Group: g, Entry: e}
	}
	return Other{Entry: e}
}

// standingEvent renders an inbox entry about a group.
func standingEvent(e im.Entry, self im.UserID) Event {
	ev := *e.Group
	about := ev.Member != nil && ev.Member.User != self
	switch {
	case ev.What == im.GroupInvited && !about:
		return GroupInvitation{Seq: e.Seq, From: e.From, Event: ev}
	case ev.What == im.GroupAsked && about:
		return GroupRequest{Seq: e.Seq, Event: ev}
	}
	return GroupMembership{Seq: e.Seq, From: e.From, Event: ev}
}

// groupEvent returns what an event of the inbox says about a group.
func groupEvent(ev Event) (*im.GroupEvent, bool) {
	switch ev := ev.(type) {
	case GroupInvitation:
		return &ev.Event, true
	case GroupRequest:
		return &ev.Event, true
	case GroupMembership:
		return &ev.Event, true
	}
	return nil, false
}
