package tui

import (
	"cmp"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// chat is one conversation as far as it is loaded.
type chat struct {
	peer    im.UserID
	entries []im.Entry // in the order of message ids, which is the same on both sides
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
		i, found := slices.BinarySearchFunc(c.entries, e, func(a, b im.Entry) int {
			return cmp.Or(cmp.Compare(a.MsgID, b.MsgID), cmp.Compare(a.Seq, b.Seq))
		})
		if found {
			continue
		}
		c.entries = slices.Insert(c.entries, i, e)
		added++
	}
	return added
}

// live takes an entry of the stream.
func (c *chat) live(e im.Entry) bool {
	if !c.loaded && !c.loading {
		c.settle(e.ClientID)
		return false // it comes with the first page
	}
	if len(c.entries) > 0 && !c.top && e.MsgID < c.entries[0].MsgID {
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

// lastIncoming is the newest message that the peer has written.
func (c *chat) lastIncoming(me im.UserID) im.MsgID {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if c.entries[i].From != me {
			return c.entries[i].MsgID
		}
	}
	return 0
}
