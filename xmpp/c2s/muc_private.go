package c2s

import (
	"bytes"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/carbon"
	"github.com/cxx-im/cxx/xmpp/iq"
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
	st.Add(xmlstream.New(stanza.NSMUCUser, "x"))
	own := st.Shallow()
	st.SetAttr("from", muc.NickAddr(r.group, r.self.Member.Nick))
	sent := false
	for i := range there {
		sent = s.toOccupant(st, &there[i]) || sent
	}
	if sent {
		s.copyWhisper(own)
	} else if st.Attr("type") != "error" {
		return stanza.Errorf(stanza.RecipientUnavailable, "he cannot take private messages now")
	}
	return nil
}

// copyWhisper shows what the client has said privately to the user's other clients (XEP-0280
// section 8). What was said to him the room sends to each that is there.
func (s *session) copyWhisper(st *xmlstream.Element) {
	if st.Attr("type") == "error" || st.Child(stanza.NSCarbons, "private") != nil || st.Child(stanza.NSHints, "no-copy") != nil {
		return
	}
	me := s.core.User()
	for _, c := range s.core.SessionsOf(me) {
		if c.Protocol != im.ProtocolXMPP || c.Resource == s.addr.Resource {
			continue
		}
		client := s.addr.Bare()
		client.Resource = c.Resource
		data := stanza.Bytes(carbon.Sent(st, s.addr.Bare(), client))
		s.core.Signal(im.Signal{To: me, Session: c.Session, Node: c.Node, Kind: im.SignalStanza, Data: data})
	}
}

// unwantedCopy reports whether a stanza of another client of the user's is a copy of what
// that has said, and the client here has not asked for copies.
func (s *session) unwantedCopy(sig *im.Signal) bool {
	return sig.From == s.core.User() && !s.Has(iq.Carbons) && bytes.Contains(sig.Data, []byte("<sent xmlns='"+stanza.NSCarbons+"'"))
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
