package c2s

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// roomMessage handles a message to a room or to somebody in it. later: it is settled
// when it is committed.
func (s *session) roomMessage(st *xmlstream.Element, to im.Addr, rc *receipt, later *bool) error {
	typ, r := st.Attr("type"), s.roomAt(to)
	switch {
	case to.Local == "" && typ != "error":
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	case to.Local == "" || typ == "error" && (r == nil || to.Resource == ""):
		return nil
	case typ == "groupchat" && to.Resource != "": // XEP-0045 section 7.5
		return stanza.Errorf(stanza.BadRequest, "a message to one occupant is not of type groupchat")
	case r == nil && (typ == "groupchat" || to.Resource != ""):
		return errOutside
	case to.Resource != "":
		return s.whisper(st, to, r)
	case typ != "groupchat":
		return s.roomRequest(st, to)
	}
	s.clean(st)
	muc.Clean(st)
	if err := s.srv.modules.pep.Assist(s.ctx, s, st); err != nil {
		return err
	}
	return s.speak(st, r, rc, later)
}

// errOutside is the answer to who wants something that only occupants may, of a room that
// is there or not (sections 7.4, 7.5).
var errOutside = im.Errorf(im.CodeNotMember, "you are not in this room; enter it first")

// speak says something to everybody in a room (section 7.4).
func (s *session) speak(st *xmlstream.Element, r *joined, rc *receipt, later *bool) error {
	g := r.group.ID
	if subject, ok := muc.NewSubject(st); ok {
		return s.core.GroupSubject(s.ctx, g, subject)
	}
	if seq, ok := muc.Retracts(st); ok {
		return s.core.GroupRetract(s.ctx, g, seq, "")
	}
	switch muc.Classify(st) {
	case message.Text, message.Note:
		out, err := muc.Pack(st)
		if err != nil {
			return err
		}
		out.Group = g
		out.Mentions, out.All = s.mentions(st, r)
		*later = true
		s.commit(st, out, rc)
	case message.Typing:
		s.core.Signal(im.Signal{Group: g, Kind: message.SignalKind(st), Data: s.passed(st, r)})
	case message.Displayed:
		return s.readRoom(st, g)
	case message.Fleeting:
		if !s.core.Signal(im.Signal{Group: g, Kind: im.SignalStanza, Data: s.passed(st, r)}) {
			return stanza.Errorf(stanza.Forbidden, "you may not write here now")
		}
	}
	return nil
}

// passed renders what the room sends on without keeping it.
func (s *session) passed(st *xmlstream.Element, r *joined) []byte {
	return stanza.Bytes(muc.Passed(st, r.group, r.self.Member.Nick, r.self.ID))
}

// readRoom moves the read mark of a room (XEP-0333).
func (s *session) readRoom(st *xmlstream.Element, g im.GroupID) error {
	if seq := muc.Seq(message.DisplayedID(st)); seq > 0 {
		return s.core.GroupMarkRead(s.ctx, g, seq)
	}
	return nil // a marker for what the room does not know says nothing
}

// mentions finds out whom a message mentions.
func (s *session) mentions(st *xmlstream.Element, r *joined) (out []im.UserID, all bool) {
	m := muc.ReadMentions(st, r.group.Addr)
	for _, nick := range m.Nicks {
		if there := s.core.RoomOccupant(r.group.ID, nick); len(there) > 0 {
			out = append(out, there[0].User)
		}
	}
	for _, a := range m.Users {
		if u, err := s.core.Resolve(s.ctx, a); err == nil {
			out = append(out, u)
		}
	}
	return out, m.All && im.MayMentionAll(r.group, &r.me)
}

// roomSignal shows what somebody in a room does that is not kept.
func (s *session) roomSignal(sig *im.Signal) {
	r := s.rooms[sig.Group]
	if r == nil || r.waits() {
		return
	}
	data := sig.Data
	switch {
	case len(data) == 0 || sig.Kind == im.SignalRead:
		data = stanza.Bytes(muc.Signal(r.group, sig))
	case sig.Kind == im.SignalStanza:
		s.release()
		s.toClient(data)
		return
	}
	s.deliver(muc.To(data, s.attr()))
}
