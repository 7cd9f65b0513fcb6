package c2s

import (
	"strconv"
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
	case r == nil:
		s.refuse(st, im.Errorf(im.CodeNotMember, "you are not in this room; enter it first"))
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
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick)).SetAttr("id", tagged(&r.self, st.Attr("id")))
	for i := range there {
		if s.toOccupant(st, &there[i]) {
			return nil
		}
	}
	st.SetAttr("id", untag(st.Attr("id")).id)
	st.SetAttr("from", s.full)
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

// answerOccupant takes an answer back to the client that has asked.
func (s *session) answerOccupant(st *xmlstream.Element, to im.Addr, r *joined) {
	asker := untag(st.Attr("id"))
	s.clean(st)
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick)).SetAttr("id", asker.id)
	for _, o := range s.core.RoomOccupant(r.group.ID, to.Resource) {
		if o.Node == asker.node && o.Session == asker.session {
			s.toOccupant(st, &o)
		}
	}
}

// tag is who has asked, in the id of a request on its way: of several clients under one
// nickname only that one gets the answer.
type tag struct {
	node    im.NodeID
	session im.SessionID
	id      string
}

func tagged(o *im.Occupant, id string) string {
	return strconv.FormatUint(uint64(o.Node), 36) + "." + strconv.FormatUint(uint64(o.Session), 36) + "." + id
}

func untag(id string) (t tag) {
	node, rest, _ := strings.Cut(id, ".")
	session, id, ok := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(node, 36, 16)
	m, err2 := strconv.ParseUint(session, 36, 64)
	if !ok || err != nil || err2 != nil {
		return t
	}
	return tag{im.NodeID(n), im.SessionID(m), id}
}
