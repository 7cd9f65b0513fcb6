package c2s

import (
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/blocking"
	"github.com/cxx-im/cxx/xmpp/carbon"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/roster"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// entry handles an entry of the inbox that was pushed.
func (s *session) entry(e *im.Entry) {
	if e.Seq > s.seq && !s.over && !s.waits() {
		s.take(e)
	}
}

// take handles the next entry of the inbox.
func (s *session) take(e *im.Entry) {
	if e.Seq <= s.seq || s.over {
		return
	}
	before := s.seq
	s.seq = e.Seq
	var err error
	switch e.Kind {
	case im.KindMessage, im.KindNote:
		err = s.logged(e)
	case im.KindRead:
		err = s.readMark(e)
	case im.KindContact:
		for _, st := range roster.Entry(s.ctx, s, e, s.available) {
			s.send(st)
		}
		if s.available && e.Contact != nil && slices.Contains(e.Contact.Said, im.Subscribed) {
			s.srv.modules.sees(s, e.Contact)
		}
	case im.KindBlock:
		for _, st := range blocking.Entry(s, e) {
			s.send(st)
		}
		s.leaveBlocked(e.Block)
	case im.KindGroup:
		err = s.groupNews(e, false)
	case im.KindGroupRead:
		s.srv.modules.ownMark(s, e)
	}
	if err != nil && s.postpone(err) {
		s.seq = before // it comes again out of the log
		return
	}
	if s.takes() {
		s.reached(e.Seq)
	}
}

// reached notes that the client has come to a place of the inbox. What it has
// not acknowledged on the stream is below it then.
func (s *session) reached(seq uint64) {
	if !s.sm.on || len(s.sm.unacked) == 0 {
		s.core.Acknowledge(seq)
	}
}

// logged shows a message if it is for this client (RFC 6121 section 8.5,
// XEP-0280).
func (s *session) logged(e *im.Entry) error {
	from, to, err := s.sides(e)
	if err != nil {
		return err
	}
	switch s.decide(e) {
	case message.Live:
		s.remember(e)
		s.deliverLogged(message.AppendLive(nil, e, from, to, s.addr.Bare()), e)
	case message.CarbonReceived:
		s.remember(e)
		s.copyOf(e, from, to, carbon.Received)
	case message.CarbonSent:
		s.remember(e)
		s.copyOf(e, from, to, carbon.Sent)
	}
	return nil
}

// decide says how the client sees an entry now.
func (s *session) decide(e *im.Entry) message.Verdict {
	me := message.Me{User: s.core.User(), Resource: s.addr.Resource, Available: s.available, Priority: s.presence.Priority, Carbons: s.Has(iq.Carbons)}
	return message.Decide(e, me, s.core.SessionsOf(me.User))
}

// sides returns the bare addresses of sender and recipient.
func (s *session) sides(e *im.Entry) (from, to im.Addr, err error) {
	own := s.addr.Bare()
	peer, err := s.core.Address(s.ctx, e.Peer)
	if e.From == s.core.User() {
		return own, peer, err
	}
	return peer, own, err
}

// copyOf sends a carbon copy.
func (s *session) copyOf(e *im.Entry, from, to im.Addr, wrap func(st *xmlstream.Element, own, client im.Addr) *xmlstream.Element) {
	st := message.Unpack(e, from, to)
	message.AddStanzaID(st, s.addr.Bare(), e.Seq)
	s.deliverLogged(stanza.Bytes(wrap(st, s.addr.Bare(), s.addr)), e)
}

func (s *session) deliverLogged(data []byte, e *im.Entry) {
	if e.Kind == im.KindMessage {
		s.release()
	}
	s.write(data, e.Seq)
}

// readMark shows that a side of a conversation has read it: the other side as a
// chat marker, oneself as the state that devices share (XEP-0333, XEP-0490).
func (s *session) readMark(e *im.Entry) error {
	from, to, err := s.sides(e)
	if err != nil {
		return err
	}
	if e.From == s.core.User() {
		s.srv.modules.ownMark(s, e)
	}
	verdict := s.decide(e)
	if verdict == message.Skip {
		return nil
	}
	st := message.Unpack(e, from, to)
	if len(e.Ext) == 0 {
		id := s.idOf(e.Peer, e.UpTo)
		if id == "" {
			return nil
		}
		st = message.Marker(id, from, to)
	}
	switch verdict {
	case message.CarbonReceived:
		st = carbon.Received(st, s.addr.Bare(), s.addr)
	case message.CarbonSent:
		st = carbon.Sent(st, s.addr.Bare(), s.addr)
	}
	s.write(stanza.Bytes(st), 0)
	return nil
}

// signal shows what another session has sent.
func (s *session) signal(sig *im.Signal) {
	if sig.Group != 0 {
		s.roomSignal(sig)
		return
	}
	data := sig.Data
	if len(data) == 0 {
		if !s.takes() {
			return
		}
		from, err := s.core.Address(s.ctx, sig.From)
		if err != nil {
			return
		}
		data = stanza.Bytes(message.ChatState(sig.Kind, from, s.addr.Bare()))
	}
	if sig.Kind != im.SignalStanza {
		if s.takes() {
			s.deliver(data)
		}
		return
	}
	switch {
	case strings.HasPrefix(string(data[:min(len(data), 9)]), "<presence"):
		s.deliver(data)
	case s.wants(data) && !s.unwantedCopy(sig):
		s.write(data, 0)
	}
}

// late delivers a message that came while the user was away (XEP-0203).
func (s *session) late(e *im.Entry) error {
	if e.Kind == im.KindGroup {
		return s.groupNews(e, true)
	}
	if e.From == s.core.User() {
		return nil
	}
	from, to, err := s.sides(e)
	if err != nil {
		return err
	}
	s.remember(e)
	st := message.Unpack(e, from, to)
	message.AddStanzaID(st, s.addr.Bare(), e.Seq)
	message.AddDelay(st, s.addr.Domain, e.MsgID.Time())
	s.write(stanza.Bytes(st), e.Seq)
	return nil
}
