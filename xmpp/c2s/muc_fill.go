package c2s

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// fillRooms goes on with what waits in the client's rooms for acknowledgements.
func (s *session) fillRooms() {
	for _, r := range s.rooms {
		if r.waits() && !s.crowded() {
			s.fillRoomOf(s.ctx, r)
		}
	}
}

// fillRoomOf gives the client what of a room has waited: who is there, what was said,
// what was said since, who has come and gone.
func (s *session) fillRoomOf(ctx context.Context, r *joined) {
	for len(r.bulk) > 0 && !s.crowded() {
		o := &r.bulk[0]
		s.toClient(stanza.Bytes(muc.Occupant(r.group, o, s.view(r, r.group, o.User), time.Now())))
		r.bulk = r.bulk[1:]
	}
	for len(r.bulk) == 0 && len(r.then) > 0 && !s.crowded() {
		s.toClient(r.then[0])
		r.then = r.then[1:]
	}
	if len(r.bulk)+len(r.then) > 0 || r.held && !s.readTimeline(ctx, r) {
		return
	}
	for len(r.late) > 0 && !s.crowded() {
		s.tellOccupant(r, r.late[0])
		r.late = r.late[1:]
	}
}

// roomMoved reads on in a timeline whose entries were not all pushed.
func (s *session) roomMoved(ctx context.Context, g im.GroupID) {
	if r := s.rooms[g]; r != nil {
		r.held, r.retry = true, false
		s.fillRoomOf(ctx, r)
	}
}

// readTimeline shows what has waited in the log; true: that was all.
func (s *session) readTimeline(ctx context.Context, r *joined) bool {
	if r.retry {
		return false
	}
	for !s.crowded() {
		page, err := s.core.GroupSync(ctx, r.group.ID, r.seq, 0)
		if err != nil {
			return s.timelineFailed(r, err)
		}
		for i := range page.Entries {
			if s.crowded() {
				return false
			}
			e := &page.Entries[i]
			s.takePost(r, &im.GroupPush{Group: groupAt(r.group, e), Entry: e})
		}
		if len(page.Entries) == 0 || r.seq >= page.Head {
			r.held = false
			return true
		}
		s.flush()
		if s.over {
			return false
		}
	}
	return false
}

// groupAt is a group after an entry of its timeline, which does not have its secrets.
func groupAt(g *im.Group, e *im.Entry) *im.Group {
	if e.Group == nil || e.Group.Group == nil {
		return g
	}
	now := *e.Group.Group
	now.Salt, now.Password = g.Salt, g.Password
	return &now
}

// timelineFailed reads again later what a zone does not give now. Who may not read any
// more is told by a change of occupants that he is out.
func (s *session) timelineFailed(r *joined, err error) bool {
	s.srv.note(s, err)
	if !im.CodeOf(err).Passes() {
		r.held = false
		return true
	}
	r.retry = true
	g := r.group.ID
	time.AfterFunc(retryFeed, func() { sink{s}.PushMoved(g, 0) })
	return false
}
