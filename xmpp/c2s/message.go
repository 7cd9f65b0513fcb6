package c2s

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// message handles a message of the client's and settles r when it is done with.
func (s *session) message(st *xmlstream.Element, to im.Addr, r *receipt) {
	later := false
	if to.IsZero() {
		to = s.addr.Bare() // RFC 6120 section 10.3.1
		st.SetAttr("to", to.String())
	}
	err := s.routeMessage(st, to, r, &later)
	if err != nil {
		s.refuse(st, err)
	}
	if !later {
		s.settle(r)
	}
}

// routeMessage sends a message on its way. later: it is settled when it is
// committed.
func (s *session) routeMessage(st *xmlstream.Element, to im.Addr, r *receipt, later *bool) error {
	switch typ := st.Attr("type"); typ {
	case "", "normal", "chat", "headline", "groupchat", "error":
	default: // RFC 6121 section 5.2.2: what is not known is normal
		st.SetAttr("type", "normal")
	}
	switch {
	case s.srv.groups(to.Domain):
		return s.roomMessage(st, to, r, later)
	case !s.local(to):
		return stanza.Errorf(stanza.RemoteServerNotFound, "")
	case to.Local == "":
		if st.Attr("type") == "error" {
			return nil
		}
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	s.clean(st) // what is left of it decides what it is
	if err := s.srv.modules.pep.Assist(s.ctx, s, st); err != nil {
		return err
	}
	sort := message.Classify(st)
	if sort == message.Groupchat && to.Resource == "" { // RFC 6121 section 8.5.2.1.1: no room here
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	user, err := s.core.Resolve(s.ctx, to)
	if im.CodeOf(err) == im.CodeNotFound {
		return noSuchUser(st) // RFC 6121 section 8.5.1
	}
	if err == nil {
		err = s.notShutOut(to)
	}
	if err != nil {
		return err
	}
	s.inviteDirectly(st, user)
	switch sort {
	case message.Text, message.Note:
		if needsMatch(st.Attr("type")) && to.Resource != "" {
			if _, there := find(s.core.SessionsOf(user), to.Resource); !there {
				return s.absent(to)
			}
		}
		*later = true
		return s.log(st, to, user, r, later)
	case message.Typing:
		s.typing(st, to, user)
	case message.Displayed:
		return s.displayed(st, user)
	case message.Fleeting, message.Groupchat:
		return s.fleeting(st, to, user)
	}
	return nil
}

// noSuchUser answers a message to nobody, as one would that cannot be delivered.
func noSuchUser(st *xmlstream.Element) error {
	if st.Attr("type") == "error" {
		return nil
	}
	return stanza.Errorf(stanza.ServiceUnavailable, "")
}

// log commits a message. What the core answers comes back as an event.
func (s *session) log(st *xmlstream.Element, to im.Addr, user im.UserID, r *receipt, later *bool) error {
	out, err := message.Pack(st, s.addr, to)
	if err != nil {
		*later = false
		return err
	}
	out.To = user
	s.commit(st, out, r)
	return nil
}

// commit hands a message to the core and settles it when it has answered.
func (s *session) commit(st *xmlstream.Element, out im.Outgoing, r *receipt) {
	s.core.Send(out, func(_ im.Ack, err error) {
		if err == nil {
			s.queue.post(event{kind: evSettled, receipt: r})
			return
		}
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			s.refuse(st, unknownAccount(err))
			s.settle(r)
		}})
	})
}

// typing passes a chat state on: to XMPP sessions as it is, to C-XX sessions as
// what it means.
func (s *session) typing(st *xmlstream.Element, to im.Addr, user im.UserID) {
	sig := im.Signal{To: user, Kind: message.SignalKind(st), Data: stanza.Bytes(st)}
	if to.Resource != "" {
		if info, ok := find(s.core.SessionsOf(user), to.Resource); ok {
			sig.Session, sig.Node = info.Session, info.Node
		}
	}
	s.core.Signal(sig)
}

// displayed moves the read mark of a conversation (XEP-0333).
func (s *session) displayed(st *xmlstream.Element, peer im.UserID) error {
	id := message.DisplayedID(st)
	upTo, err := s.msgID(peer, id)
	if err != nil || upTo == 0 {
		return err // a marker for what we do not know says nothing
	}
	out, err := message.Pack(st, s.addr, im.Addr{})
	if err != nil {
		return err
	}
	return s.core.MarkRead(s.ctx, peer, upTo, out.Ext)
}

// fleeting delivers what is not kept to the sessions that are there (RFC 6121
// sections 8.5.2 and 8.5.3).
func (s *session) fleeting(st *xmlstream.Element, to im.Addr, user im.UserID) error {
	typ := st.Attr("type")
	targets := fleetingTargets(typ, to.Resource, s.core.SessionsOf(user))
	data := stanza.Bytes(st)
	sent := false
	for _, t := range targets {
		sent = s.core.Signal(im.Signal{To: user, Session: t.Session, Node: t.Node, Kind: im.SignalStanza, Data: data}) || sent
	}
	if sent || typ == "error" || typ == "headline" {
		return nil
	}
	return s.absent(to)
}

// notShutOut looks for a block of one client, which the core does not see: to it
// a message goes to an account (XEP-0191 section 3.5).
func (s *session) notShutOut(to im.Addr) error {
	if to.Resource == "" {
		return nil
	}
	own, _, err := s.core.Blocked(s.ctx, to)
	if err == nil && own {
		err = im.Errorf(im.CodeOwnBlock, "")
	}
	return err
}

// absent is the answer for a client that is not there, or must not be seen to be.
func (s *session) absent(to im.Addr) error {
	if own, _, err := s.core.Blocked(s.ctx, to); err == nil && own {
		return im.Errorf(im.CodeOwnBlock, "")
	}
	return stanza.Errorf(stanza.ServiceUnavailable, "")
}

// needsMatch reports whether a message to a resource that is not there reaches
// no other either; that is all but chat (RFC 6121 section 8.5.3.2.1).
func needsMatch(typ string) bool { return typ != "chat" }

// fleetingTargets is the rule of RFC 6121 sections 8.5.2.1.1 and 8.5.3 for
// messages that are not logged.
func fleetingTargets(typ, resource string, all []im.SessionInfo) []im.SessionInfo {
	if resource != "" {
		if t, ok := find(all, resource); ok && t.Protocol == im.ProtocolXMPP {
			return []im.SessionInfo{t}
		}
		if needsMatch(typ) {
			return nil
		}
	}
	if typ == "error" {
		return nil
	}
	var out []im.SessionInfo
	for _, t := range all {
		if t.Protocol == im.ProtocolXMPP && available(t) && t.Presence.Priority >= 0 {
			out = append(out, t)
		}
	}
	return out
}

func available(t im.SessionInfo) bool { return t.Presence.Show > im.ShowOffline }

func find(all []im.SessionInfo, resource string) (im.SessionInfo, bool) {
	for _, t := range all {
		if t.Resource == resource {
			return t, true
		}
	}
	return im.SessionInfo{}, false
}
