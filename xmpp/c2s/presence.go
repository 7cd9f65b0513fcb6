package c2s

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/roster"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/vcard"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// clientPresence handles presence from the client (RFC 6121 sections 3 and 4).
func (s *session) clientPresence(st *xmlstream.Element, to im.Addr) {
	if s.srv.groups(to.Domain) {
		if err := s.roomPresence(st, to); err != nil {
			s.refuse(st, err)
		}
		return
	}
	var err error
	switch typ := st.Attr("type"); typ {
	case "", "unavailable":
		if to.IsZero() {
			err = s.broadcast(st, typ == "")
		} else {
			err = s.direct(st, to, typ == "")
		}
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		if to.IsZero() {
			err = stanza.Errorf(stanza.BadRequest, "a subscription needs an address in 'to'")
			break
		}
		s.clean(st)
		err = roster.Subscription(s.ctx, s, st, s.local(to))
	case "probe":
		err = s.probe(to)
	case "error":
		err = s.direct(st, to, false)
	default:
		err = stanza.Errorf(stanza.BadRequest, "the type of the presence is not known")
	}
	if err != nil {
		s.refuse(st, err)
	}
}

// broadcast is presence for everybody who may see it (RFC 6121 sections 4.2, 4.4
// and 4.5). Contacts and the user's own resources learn it from the core.
func (s *session) broadcast(st *xmlstream.Element, on bool) error {
	s.clean(st)
	p, err := presence.Read(st)
	if err != nil {
		return err
	}
	p.Interests = s.presence.Interests
	if !on {
		p.Show = im.ShowOffline
	}
	was, took, before := s.available, s.takes(), s.presence
	s.presence, s.available = p, on
	if err := s.tell(s.ctx); err != nil && on { // what the cell does not know does not count
		s.presence, s.available = before, was
		return err
	} else if err != nil { // but who goes has gone, whatever he says with it
		s.presence = im.Presence{Show: im.ShowOffline, Interests: p.Interests}
		s.announce(s.ctx)
	}
	switch {
	case on && !was:
		s.online()
	case !on && was:
		s.offline(st)
	}
	if on {
		s.srv.modules.presence(s, st)
	}
	if s.takes() && !took {
		s.deliverOffline()
	}
	return nil
}

// takes reports whether messages to the user's bare address are for this client
// (RFC 6121 section 8.5.2.1.1).
func (s *session) takes() bool { return s.available && s.presence.Priority >= 0 }

// announce is tell where nobody waits for the outcome.
func (s *session) announce(ctx context.Context) {
	if err := s.tell(ctx); err != nil {
		s.srv.note(s, err)
	}
}

// tell tells the core, and so the cell.
func (s *session) tell(ctx context.Context) error {
	p := s.presence
	if s.hidden {
		p = im.Presence{Show: im.ShowOffline, Interests: p.Interests}
	}
	if p.Show > im.ShowOffline {
		p.Ext = s.withPhoto(ctx, p.Ext)
	}
	return s.core.SetPresence(ctx, p)
}

// online is the beginning of presence: the client learns how its contacts are,
// who waits for an answer, and what it has missed (RFC 6121 section 4.2).
func (s *session) online() {
	list, err := s.core.ContactPresence(s.ctx)
	if err != nil {
		s.srv.note(s, err)
	}
	for i := range list {
		s.contactPresence(&list[i])
	}
	asked, err := roster.Requests(s.ctx, s)
	if err != nil {
		s.srv.note(s, err)
	}
	for _, st := range asked {
		s.send(st)
	}
	s.lastItems(pep.Fresh("", s.presence.Interests))
}

// offline is the end of presence: who got directed presence is told too (RFC
// 6121 section 4.6.3), and contacts are not shown any more.
func (s *session) offline(st *xmlstream.Element) {
	for a := range s.directed {
		bye := st.Copy().SetAttr("to", a.String()).SetAttr("type", "unavailable")
		if err := s.direct(bye, a, false); err != nil {
			s.srv.note(s, err)
		}
	}
	s.directed = nil
	s.leaveRooms(st)
	s.seen, s.parked, s.backlog = presence.Seen{}, parked{}, backlog{}
}

// contactPresence shows the client how a contact is.
func (s *session) contactPresence(p *im.UserPresence) {
	if s.available && !s.parked.takes(p, s.crowded()) {
		s.showContact(p)
	}
}

func (s *session) showContact(p *im.UserPresence) {
	if len(p.Resources) == 0 && !s.seen.Knows(p.User) {
		return // there is nothing to tell, so his address need not be read
	}
	addr, err := s.core.Address(s.ctx, p.User)
	if err != nil {
		return
	}
	for _, st := range s.seen.Update(*p, addr, s.addr) {
		s.deliver(stanza.Bytes(st))
	}
}

// lookAgain finds out what presence was dropped.
func (s *session) lookAgain(ctx context.Context) {
	s.missed.Store(false)
	if !s.available {
		return
	}
	list, err := s.core.ContactPresence(ctx)
	if err != nil {
		s.srv.note(s, err)
		if s.missed.CompareAndSwap(false, true) {
			time.AfterFunc(time.Second, func() { s.queue.post(event{kind: evCall, call: s.lookAgain}) })
		}
		return
	}
	told := make(map[im.UserID]bool, len(list))
	for i := range list {
		told[list[i].User] = true
		s.contactPresence(&list[i])
	}
	for _, u := range append(s.seen.Users(), s.parked.order...) {
		if !told[u] { // may not be seen any more
			s.contactPresence(&im.UserPresence{User: u})
		}
	}
}

// maxDirected is how many addresses a session may send directed presence to.
const maxDirected = 1000

// direct sends presence to one address (RFC 6121 section 4.6).
func (s *session) direct(st *xmlstream.Element, to im.Addr, on bool) error {
	if !s.local(to) {
		return stanza.Errorf(stanza.RemoteServerNotFound, "")
	}
	if to.Local == "" { // the server needs none
		return nil
	}
	if _, known := s.directed[to]; on && !known && len(s.directed) >= maxDirected {
		return stanza.Errorf(stanza.ResourceConstraint, "directed presence went to too many addresses")
	}
	u, err := s.core.Resolve(s.ctx, to.Bare())
	if err != nil {
		return hideUnknown(err)
	}
	s.clean(st)
	if on {
		vcard.Stamp(st, s.photoHash(s.ctx))
	}
	data := stanza.Bytes(st)
	for _, t := range s.core.SessionsOf(u) {
		// RFC 6121 sections 8.5.2.1.2 and 8.5.3.1
		if t.Protocol == im.ProtocolXMPP && (to.Resource == "" && available(t) || to.Resource != "" && to.Resource == t.Resource) {
			s.core.Signal(im.Signal{To: u, Session: t.Session, Node: t.Node, Kind: im.SignalStanza, Data: data})
		}
	}
	if st.Attr("type") == "error" {
		return nil
	}
	if !on {
		delete(s.directed, to)
		return nil
	}
	if s.directed == nil {
		s.directed = make(map[im.Addr]struct{})
	}
	s.directed[to] = struct{}{}
	return nil
}

// hideUnknown makes nothing of an address without an account: presence to it is
// dropped (RFC 6121 section 8.5.1).
func hideUnknown(err error) error {
	if im.CodeOf(err) == im.CodeNotFound {
		return nil
	}
	return err
}

// probe answers a client that asks itself instead of leaving it to the server
// (RFC 6121 section 4.3): how a contact is, if it may know.
func (s *session) probe(to im.Addr) error {
	if to.IsZero() || !s.local(to) || to.Local == "" {
		return nil
	}
	u, err := s.core.Resolve(s.ctx, to.Bare())
	if err != nil {
		return hideUnknown(err)
	}
	if u != s.core.User() {
		c, err := s.core.ContactOf(s.ctx, u)
		if err != nil {
			return err
		}
		if !c.Sub.Has(im.SubFrom) {
			return nil
		}
		if own, theirs, err := s.core.Blocked(s.ctx, to); err != nil || own || theirs {
			return err
		}
	}
	p := im.UserPresence{User: u}
	for _, t := range s.core.SessionsOf(u) {
		if t.Presence.Show > im.ShowInvisible && (to.Resource == "" || to.Resource == t.Resource) {
			p.Resources = append(p.Resources, t)
		}
	}
	for _, st := range presence.Snapshot(p, to.Bare(), s.addr) {
		s.send(st)
	}
	return nil
}

// leave ends the session's presence.
func (s *session) leave() {
	if s.available || s.directed != nil || len(s.rooms) > 0 {
		s.offline(stanza.New("presence", "unavailable").SetAttr("from", s.full))
	}
	if !s.available {
		return
	}
	s.available = false
	s.presence = im.Presence{Show: im.ShowOffline, Interests: s.presence.Interests}
	s.announce(context.WithoutCancel(s.ctx))
}
