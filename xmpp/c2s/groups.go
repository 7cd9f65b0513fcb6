package c2s

import (
	"context"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// PushPost implements im.Sink. What is not taken is read from the timeline when the
// queue has become shorter.
func (k sink) PushPost(p *im.GroupPush) bool {
	s := k.s
	if s.queue.postWithin(int(s.srv.cfg.SoftOutbound), event{kind: evPost, post: p}) {
		return true
	}
	s.srv.metrics.behind.Inc()
	k.PushMoved(p.Group.ID, p.Entry.Seq)
	return false
}

// PushMoved implements im.Sink: a timeline has to be read.
func (k sink) PushMoved(g im.GroupID, _ uint64) {
	k.s.queue.post(event{kind: evCall, call: func(ctx context.Context) { k.s.roomMoved(ctx, g) }})
}

// PushOccupant implements im.Sink. Who does not keep up with who comes and goes is out
// of the room, and has to come in again.
func (k sink) PushOccupant(c *im.OccupantChange) bool {
	s := k.s
	if s.queue.postWithin(2*int(s.srv.cfg.SoftOutbound), event{kind: evOccupant, occupant: c}) {
		return true
	}
	s.srv.metrics.dropped.Inc()
	g := c.Group.ID
	s.queue.post(event{kind: evCall, call: func(context.Context) { s.dropRoom(g) }})
	return false
}

// Booked implements acs.Booker.
func (srv *Server) Booked(ctx context.Context, as im.Session, m im.Membership) error {
	return srv.modules.pep.Booked(ctx, as, m)
}

// groups reports whether a domain is where the groups of a domain of ours are.
func (srv *Server) groups(domain string) bool {
	if srv.deps.GroupPrefix == "" {
		return false
	}
	rest, below := strings.CutPrefix(domain, srv.deps.GroupPrefix+".")
	return below && srv.hosts(rest)
}
