package c2s

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// joined is a room that the client is in. What comes for it goes no faster than the
// client acknowledges (XEP-0198): messages stay in the log, the rest waits here.
type joined struct {
	group *im.Group // as of what was handled last
	me    im.Member
	self  im.Occupant // this session
	seq   uint64      // newest entry of the timeline that was handled

	bulk  []im.Occupant        // who is there, of whom the client does not know yet
	then  [][]byte             // what was said before, and the subject, behind bulk
	held  bool                 // messages wait in the log
	retry bool                 // which is read again by itself
	late  []*im.OccupantChange // behind all that
	asked []asked

	altered bool // the client has wished for a nickname that it does not get quite so
}

// mostLate is how many changes of occupants may wait for a client.
const mostLate = 2000

// waits reports whether the client has to take something else of the room first.
func (r *joined) waits() bool { return len(r.bulk)+len(r.then)+len(r.late) > 0 || r.held }

// roomAt returns the room with an address that the client is in, or nil.
func (s *session) roomAt(a im.Addr) *joined {
	a = a.Bare()
	for _, r := range s.rooms {
		if r.group.Addr == a {
			return r
		}
	}
	return nil
}

// attr is the client's address as an attribute.
func (s *session) attr() []byte {
	if s.toAttr == nil {
		s.toAttr = muc.Attr(s.full)
	}
	return s.toAttr
}

// toClient writes a stanza that was rendered without 'to'.
func (s *session) toClient(data []byte) { s.write(muc.To(data, s.attr()), 0) }

// post handles an entry of a timeline that was pushed.
func (s *session) post(p *im.GroupPush) {
	r := s.rooms[p.Group.ID]
	switch {
	case r == nil || p.Entry.Seq <= r.seq || r.held:
	case len(r.bulk)+len(r.then) > 0 || s.crowded():
		r.held = true
	default:
		s.takePost(r, p)
	}
}

// takePost shows the next entry of a timeline.
func (s *session) takePost(r *joined, p *im.GroupPush) {
	if p.Entry.Seq <= r.seq {
		return
	}
	was := r.group
	r.seq, r.group = p.Entry.Seq, p.Group
	if data := muc.Push(p, was.Hidden); data != nil {
		s.release()
		s.toClient(data)
	}
	if was.AvatarHash != r.group.AvatarHash {
		s.toClient(stanza.Bytes(muc.Avatar(r.group)))
	}
}

// occupant handles a change of who is in a room.
func (s *session) occupant(c *im.OccupantChange) {
	r := s.rooms[c.Group.ID]
	if r == nil {
		return
	}
	s.changed(r, c)
	if r.is(&c.Occupant) {
		if c.Left {
			s.gone(r, c)
			return
		}
		r.self = c.Occupant
	}
	if c.Occupant.User == s.core.User() && !c.Left {
		r.me = c.Occupant.Member
	}
	if !r.waits() && !s.crowded() {
		s.tellOccupant(r, c)
		return
	}
	if r.late = append(r.late, c); len(r.late) > mostLate {
		s.dropRoom(r.group.ID)
	}
}

// is reports whether an occupant is this session.
func (r *joined) is(o *im.Occupant) bool {
	return o.Session == r.self.Session && o.Node == r.self.Node
}

// view is what the client is shown of an occupant.
func (s *session) view(r *joined, g *im.Group, u im.UserID) muc.View {
	switch {
	case u == s.core.User():
		return muc.Own
	case muc.Sees(g, &r.me):
		return muc.SeesUser
	}
	return 0
}

func (s *session) tellOccupant(r *joined, c *im.OccupantChange) {
	v := s.view(r, c.Group, c.Occupant.User)
	told := muc.Change(c, v, false, time.Now())
	if v == muc.Own && c.WasNick != "" && r.altered {
		told, r.altered = muc.Altered(c, time.Now()), false
	}
	for _, data := range told {
		if v == muc.Own {
			s.release()
			s.toClient(data)
			continue
		}
		s.deliver(muc.To(data, s.attr()))
	}
}

// gone tells the client that it is out of the room.
func (s *session) gone(r *joined, c *im.OccupantChange) {
	s.leftRoom(r)
	s.release()
	for _, data := range muc.Change(c, muc.Own, true, time.Now()) {
		s.toClient(data)
	}
}

// leftRoom forgets a room that the client is not in any more.
func (s *session) leftRoom(r *joined) {
	delete(s.rooms, r.group.ID)
	if !s.over {
		s.unanswered(r, func(*asked) bool { return true })
	}
}

// dropRoom takes a client out that does not keep up with what happens there.
func (s *session) dropRoom(g im.GroupID) {
	if r := s.rooms[g]; r != nil {
		s.leftRoom(r)
		s.core.RoomLeave(s.ctx, g, im.Presence{Show: im.ShowOffline})
		s.toClient(stanza.Bytes(muc.Left(r.group, &r.self, true)))
	}
}
