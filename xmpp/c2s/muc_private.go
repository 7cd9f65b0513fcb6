package c2s

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// whisper sends a private message to somebody in the room (XEP-0045 section 7.5). It
// goes to the clients with which he is there, and is not kept.
func (s *session) whisper(st *xmlstream.Element, to im.Addr, r *joined) error {
	s.clean(st)
	muc.Clean(st)
	if !im.MayWhisper(r.group, &r.me, time.Now()) {
		return stanza.Errorf(stanza.Forbidden, "private messages are not allowed in this room")
	}
	there := s.core.RoomOccupant(r.group.ID, to.Resource)
	if len(there) == 0 {
		return stanza.Errorf(stanza.ItemNotFound, "nobody here has this nickname")
	}
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick))
	st.Add(xmlstream.New(stanza.NSMUCUser, "x"))
	sent := false
	for i := range there {
		sent = s.toOccupant(st, &there[i]) || sent
	}
	if !sent && st.Attr("type") != "error" {
		return stanza.Errorf(stanza.RecipientUnavailable, "he cannot take private messages now")
	}
	return nil
}

// toOccupant passes a stanza on to one client that is in a room.
func (s *session) toOccupant(st *xmlstream.Element, o *im.Occupant) bool {
	if o.Session == 0 {
		return false
	}
	to := o.Member.Addr.Bare()
	to.Resource = o.Resource
	data := stanza.Bytes(st.Shallow().SetAttr("to", to.String()))
	return s.core.Signal(im.Signal{To: o.User, Session: o.Session, Node: o.Node, Kind: im.SignalStanza, Data: data})
}
