package c2s

import (
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// roomsRequest handles a request to a room or to where the rooms are.
func (s *session) roomsRequest(st *xmlstream.Element, to im.Addr) {
	r := &iq.Request{
		Session: s, Target: iq.Rooms, Set: st.Attr("type") == "set", From: s.addr, To: to.Bare(), ID: st.Attr("id"),
		Payload: st.First(), Stanza: st,
	}
	err := s.notBlocked(to.Bare())
	if err == nil && to.Local != "" {
		r.Target = iq.Room
		if r.Room, err = s.core.GroupFind(s.ctx, to.Bare()); im.CodeOf(err) == im.CodeNotFound {
			err = nil
		}
	}
	if err != nil {
		s.refuse(st, err)
		return
	}
	s.serveAs(st, r)
}

// occupantRequest handles an iq to somebody in a room: it goes to his client as from
// the nickname of the asker, and the answer comes back so. Who asks for himself learns
// whether he is there still (XEP-0410).
func (s *session) occupantRequest(st *xmlstream.Element, to im.Addr, answer bool) {
	r := s.roomAt(to)
	switch {
	case r == nil && answer:
	case r == nil && (st.First().Space == stanza.NSInfo || st.First().Space == stanza.NSItems): // XEP-0045 section 6.6
		s.refuse(st, stanza.Errorf(stanza.BadRequest, errOutside.Detail))
	case r == nil:
		s.refuse(st, errOutside)
	case answer:
		s.answerOccupant(st, to, r)
	default:
		if err := s.askOccupant(st, to, r); err != nil {
			s.refuse(st, err)
		}
	}
}

// askOccupant passes a request on.
func (s *session) askOccupant(st *xmlstream.Element, to im.Addr, r *joined) error {
	there := s.core.RoomOccupant(r.group.ID, to.Resource)
	what := st.First()
	switch {
	case len(there) == 0:
		return stanza.Errorf(stanza.ItemNotFound, "nobody here has this nickname")
	case to.Resource == r.self.Member.Nick && what.Is("urn:xmpp:ping", "ping"):
		s.send(stanza.Result(st, nil))
		return nil
	case pushes[what.Space]:
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	case what.Space == "vcard-temp" && st.Attr("type") == "get":
		return s.cardOf(st, &there[0], r)
	}
	s.clean(st)
	id := st.Attr("id")
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick)).SetAttr("id", muc.Tag(r.group, &r.self)+"."+id)
	for i := range there {
		if s.toOccupant(st, &there[i]) {
			r.asks(s, id, &there[i])
			return nil
		}
	}
	st.SetAttr("id", id).SetAttr("from", s.full)
	return stanza.Errorf(stanza.ServiceUnavailable, "his client takes no requests")
}

// cardOf answers with the card of a user, where everybody may know who he is (XEP-0045
// section 17.4).
func (s *session) cardOf(st *xmlstream.Element, o *im.Occupant, r *joined) error {
	if !muc.Sees(r.group, &r.me) {
		return stanza.Errorf(stanza.Forbidden, "this room does not tell who he is")
	}
	s.serveAs(st, &iq.Request{
		Session: s, From: s.addr, To: o.Member.Addr.Bare(), ID: st.Attr("id"), Payload: st.First(), Stanza: st,
		Target: iq.Account, Owner: o.User,
	})
	return nil
}

// answerOccupant takes an answer back to the client that has asked: of several under
// one nickname the one whose tag is in the id.
func (s *session) answerOccupant(st *xmlstream.Element, to im.Addr, r *joined) {
	tag, id, _ := strings.Cut(st.Attr("id"), ".")
	s.clean(st)
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick)).SetAttr("id", id)
	for _, o := range s.core.RoomOccupant(r.group.ID, to.Resource) {
		if o.Session != 0 && muc.Tag(r.group, &o) == tag {
			s.toOccupant(st, &o)
		}
	}
}
