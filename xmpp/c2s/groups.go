package c2s

import "github.com/cxx-im/cxx/im"

// PushPost implements im.Sink.
func (k sink) PushPost(p *im.GroupPush) bool { return true }

// PushMoved implements im.Sink; XMPP sessions get everything.
func (k sink) PushMoved(g im.GroupID, head uint64) {}

// PushOccupant implements im.Sink.
func (k sink) PushOccupant(c *im.OccupantChange) bool { return true }
