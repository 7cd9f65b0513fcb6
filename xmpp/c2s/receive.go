package c2s

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// received handles one first-level element of the client's. What was still read
// from a connection that another has replaced does not count: the client has
// been told that it is not here, and sends it again (XEP-0198 section 5).
func (s *session) received(st *xmlstream.Element, conn stream.Conn) {
	if s.conn != nil && s.conn != conn {
		s.queue.settled()
		return
	}
	if !stanza.IsStanza(st) {
		s.queue.settled()
		s.nonza(st)
		return
	}
	r := s.in.next()
	if err := s.stamp(st); err != nil {
		s.end(err, false)
		return
	}
	to, err := addressee(st)
	if err != nil {
		s.refuse(st, stanza.Errorf(stanza.JIDMalformed, "the address in 'to' is malformed"))
		s.settle(r)
		return
	}
	switch st.Local {
	case "message":
		s.message(st, to, r)
		return // settles by itself
	case "presence":
		s.clientPresence(st, to)
	case "iq":
		s.request(st, to)
	}
	s.settle(r)
}

// nonza handles what is no stanza: stream management and client state.
func (s *session) nonza(e *xmlstream.Element) {
	switch {
	case e.Space == nsSM:
		s.manage(e)
	case e.Space == nsCSI:
		s.clientState(e)
	default: // RFC 6120 section 4.9.3.24
		s.end(stream.Errorf(stream.UnsupportedStanzaType, ""), false)
	}
}

// stamp checks the addresses of a stanza and sets its sender (RFC 6120 section
// 8.1.2.1). The client may name itself, nobody else.
func (s *session) stamp(st *xmlstream.Element) *stream.Error {
	if from, given := st.LookupAttr("", "from"); given {
		a, err := im.ParseAddr(from)
		if err != nil || a != s.addr && a != s.addr.Bare() {
			return stream.Errorf(stream.InvalidFrom, "the address in 'from' is not yours")
		}
	}
	st.SetAttr("from", s.full)
	if s.lang != "" && st.Lang() == "" {
		st.SetLang(s.lang) // section 8.1.5
	}
	return nil
}

// addressee reads 'to' and writes it back prepared. Without one a stanza is for
// the account itself (RFC 6120 section 10.3).
func addressee(st *xmlstream.Element) (im.Addr, error) {
	to, given := st.LookupAttr("", "to")
	if !given {
		return im.Addr{}, nil
	}
	a, err := im.ParseAddr(to)
	if err != nil {
		return a, err
	}
	if p := a.String(); p != to {
		st.SetAttr("to", p)
	}
	return a, nil
}

// refuse answers a stanza with an error, unless it is an error or result itself
// (RFC 6120 section 8.3.1).
func (s *session) refuse(st *xmlstream.Element, err error) {
	if typ := st.Attr("type"); typ == "error" || typ == "result" {
		return
	}
	s.srv.note(s, err)
	s.send(stanza.Reply(st, err))
}

// settle notes that a stanza is done with and answers what waited for that.
func (s *session) settle(r *receipt) {
	r.settled = true
	s.queue.settled()
	s.in.drain(s.answerAck)
	if len(s.in.open) == 0 && s.waiting != nil {
		list := s.waiting
		s.waiting = nil
		for _, f := range list {
			f()
		}
	}
}

// local reports whether a is at a domain of this server.
func (s *session) local(a im.Addr) bool { return s.srv.hosts(a.Domain) }

// clean removes what only the server may say.
func (s *session) clean(st *xmlstream.Element) { message.Clean(st, s.addr.Bare()) }
