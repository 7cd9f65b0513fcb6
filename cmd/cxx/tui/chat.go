package tui

import (
	"cmp"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// chat is one conversation, or a group, as far as it is loaded.
type chat struct {
	peer    im.UserID
	group   im.GroupID // zero: a conversation; peer is the log of the group otherwise
	entries []im.Entry // in the order of message ids, which is the same on both sides, or of seqs in a group
	pending []outgoing // in the order of sending
	loaded  bool       // the newest page is there
	loading bool
	top     bool // there is nothing older
	scroll  int  // lines between the bottom of the view and the newest line
	unseen  int  // messages that came while the view was scrolled up
	draft   string
}

// outgoing is a message without an acknowledgement.
type outgoing struct {
	id     im.ClientID
	text   string
	failed string // why it was refused; empty while it is under way
}

// add puts entries in their places; those that are there already, or lie
// beyond what is loaded, are left out. It reports how many are new.
func (c *chat) add(entries ...im.Entry) (added int) {
	for _, e := range entries {
		c.settle(e.ClientID)
		i, found := slices.BinarySearchFunc(c.entries, e, c.compare)
		if found {
			continue
		}
		c.entries = slices.Insert(c.entries, i, e)
		added++
	}
	return added
}

// compare orders two entries.
func (c *chat) compare(a, b im.Entry) int {
	if c.group != 0 {
		return cmp.Compare(a.Seq, b.Seq)
	}
	return cmp.Or(cmp.Compare(a.MsgID, b.MsgID), cmp.Compare(a.Seq, b.Seq))
}

// live takes an entry of the stream.
func (c *chat) live(e im.Entry) bool {
	if !c.loaded && !c.loading {
		c.settle(e.ClientID)
		return false // it comes with the first page
	}
	if len(c.entries) > 0 && !c.top && c.compare(e, c.entries[0]) < 0 {
		return false // it comes with an older page
	}
	return c.add(e) > 0
}

// settle takes a message out of those under way.
func (c *chat) settle(id im.ClientID) {
	if id.IsZero() {
		return
	}
	c.pending = slices.DeleteFunc(c.pending, func(o outgoing) bool { return o.id == id })
}

// fail marks a message as refused.
func (c *chat) fail(id im.ClientID, why string) {
	for i := range c.pending {
		if c.pending[i].id == id {
			c.pending[i].failed = why
		}
	}
}

// retract empties a message that was taken back.
func (c *chat) retract(seq uint64) {
	for i := range c.entries {
		if e := &c.entries[i]; e.Seq == seq && e.Post != nil {
			post := *e.Post
			post.Retracted = true
			e.Post, e.Text, e.Ext = &post, "", nil
		}
	}
}

// oldest is the seq before which older pages lie.
func (c *chat) oldest() uint64 {
	var low uint64
	for _, e := range c.entries {
		if low == 0 || e.Seq < low {
			low = e.Seq
		}
	}
	return low
}

// newest is the seq of the last entry of a group.
func (c *chat) newest() uint64 {
	if len(c.entries) == 0 {
		return 0
	}
	return c.entries[len(c.entries)-1].Seq
}

// lastIncoming is the newest message that the peer has written.
func (c *chat) lastIncoming(me im.UserID) im.MsgID {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if c.entries[i].From != me {
			return c.entries[i].MsgID
		}
	}
	return 0
}
