package edge

import "github.com/cxx-im/cxx/im"

// PushPost implements im.Sink.
func (s *sink) PushPost(p *im.GroupPush) bool { return true }

// PushMoved implements im.Sink.
func (s *sink) PushMoved(g im.GroupID, head uint64) {}

// PushOccupant implements im.Sink; occupants are for XMPP clients.
func (s *sink) PushOccupant(*im.OccupantChange) bool { return true }
