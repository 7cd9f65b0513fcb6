package c2s

import (
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// roomPresence handles presence to a room: the client comes in, changes, or leaves
// (XEP-0045 sections 7.2, 7.6, 7.7, 7.14).
func (s *session) roomPresence(st *xmlstream.Element, to im.Addr) error {
	typ := st.Attr("type")
	switch {
	case to.Local == "" || typ == "error" || typ == "probe":
		return nil
	case typ != "" && typ != "unavailable":
		return stanza.Errorf(stanza.BadRequest, "a room takes no subscriptions")
	}
	r, e := s.roomAt(to), muc.ReadEntry(st)
	s.clean(st)
	muc.Clean(st)
	p, err := presence.Read(st)
	switch {
	case typ == "unavailable":
		if r != nil {
			p.Show = im.ShowOffline // whatever he says with it
			s.leaveRoom(r, p)
		}
		return nil
	case err != nil:
		return err
	case to.Resource == "":
		return notIn(stanza.Errorf(stanza.JIDMalformed, "a nickname is needed: room@service/nickname"))
	case r == nil && !e.MUC:
		s.send(muc.Outside(to).SetAttr("to", s.full))
		return nil
	}
	p.Ext = s.photoInRoom(to, p.Ext)
	if r != nil && (!e.MUC || to.Resource != r.self.Member.Nick) {
		return s.changeInRoom(r, to.Resource, p)
	}
	return s.enterRoom(e, to, p, r)
}

// changeInRoom changes what others see of the client, or how it is called (sections 7.6,
// 7.7).
func (s *session) changeInRoom(r *joined, nick string, p im.Presence) error {
	prepared, err := im.PrepareNick(nick)
	r.altered = err == nil && prepared != nick
	if err = s.core.RoomPresence(s.ctx, r.group.ID, nick, p); err != nil {
		r.altered = false
	}
	return notIn(err)
}

// mostEntered is how many rooms a client can be in.
const mostEntered = 1000

// enterRoom takes the client into a room; r: it is there already and wants to be told
// all again.
func (s *session) enterRoom(e muc.Entry, to im.Addr, p im.Presence, r *joined) error {
	if err := s.notBlocked(to.Bare()); err != nil {
		return notIn(err)
	}
	if r == nil && len(s.rooms) >= mostEntered {
		return notIn(stanza.Errorf(stanza.ResourceConstraint, "you are in too many rooms; leave one first"))
	}
	state, err := s.core.RoomEnter(s.ctx, im.RoomEntry{Addr: to.Bare(), Nick: to.Resource, Password: e.Password, Presence: p})
	if err != nil {
		return notIn(err)
	}
	if r == nil {
		r = &joined{seq: state.Head}
	}
	if s.rooms == nil {
		s.rooms = make(map[im.GroupID]*joined)
	}
	s.rooms[state.Group.ID] = r
	r.group, r.me, r.late = &state.Group, state.Me, nil
	r.self = state.Occupants[len(state.Occupants)-1]
	me := s.core.User() // whose other sessions have the nickname of this one
	r.bulk = slices.DeleteFunc(state.Occupants, func(o im.Occupant) bool { return o.User == me })
	r.then = append([][]byte{stanza.Bytes(muc.Arrived(&state, &r.self, time.Now()))}, s.roomHistory(r, e.History)...)
	r.then = append(r.then, stanza.Bytes(muc.OldSubject(r.group)))
	if r.group.AvatarHash != "" {
		r.then = append(r.then, stanza.Bytes(muc.Avatar(r.group)))
	}
	s.fillRoomOf(s.ctx, r)
	return nil
}

// roomHistory is what was said before the client came, as it wants it (section
// 7.2.13).
func (s *session) roomHistory(r *joined, h muc.History) [][]byte {
	q, ok := h.Query(r.seq, time.Now())
	if !ok {
		return nil
	}
	page, err := s.core.GroupArchive(s.ctx, r.group.ID, q)
	if err != nil { // the archive has it
		s.srv.note(s, err)
		return nil
	}
	return h.Render(r.group, page.Entries)
}

// notIn says why somebody does not come in, or is not called as he wishes (sections
// 7.2.5 to 7.2.10): the table of stanza errors has most of it. The error holds the
// element by which it is known to be of a room.
func notIn(err error) error {
	if err == nil {
		return nil
	}
	out := stanza.Of(err)
	switch im.CodeOf(err) {
	case im.CodeInvalid:
		out = stanza.Errorf(stanza.JIDMalformed, out.Text)
	case im.CodeForbidden: // to make the room (section 10.1.1)
		out = stanza.Errorf(stanza.NotAllowed, out.Text)
	case im.CodeTooMany:
		out = &stanza.Error{Condition: stanza.ServiceUnavailable, Type: "wait", Text: out.Text}
	}
	return out.WithPayload(xmlstream.New(stanza.NSMUC, "x"))
}

// leaveRoom takes the client out of a room as it wishes.
func (s *session) leaveRoom(r *joined, p im.Presence) {
	s.leftRoom(r)
	s.core.RoomLeave(s.ctx, r.group.ID, p)
	if s.over {
		return
	}
	gone := r.self
	gone.Presence = p
	s.release()
	s.toClient(stanza.Bytes(muc.Left(r.group, &gone, false)))
}

// leaveRooms takes the client out of all its rooms, as who sent directed presence
// (RFC 6121 section 4.6.3).
func (s *session) leaveRooms(st *xmlstream.Element) {
	p := im.Presence{Show: im.ShowOffline, Status: st.ChildText(stanza.NSClient, "status")}
	for _, r := range s.rooms {
		s.leaveRoom(r, p)
	}
}

// leaveBlocked takes the client out of rooms that its user has blocked (XEP-0191).
func (s *session) leaveBlocked(b *im.Block) {
	if b == nil {
		return
	}
	for _, a := range b.Blocked {
		for _, r := range s.rooms {
			if a == r.group.Addr || a == (im.Addr{Domain: r.group.Addr.Domain}) {
				s.leaveRoom(r, im.Presence{Show: im.ShowOffline})
			}
		}
	}
}
