package c2s

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsSM = "urn:xmpp:sm:3"

var requestAck = stanza.Bytes(xmlstream.New(nsSM, "r"))

// manage handles an element of stream management (XEP-0198).
func (s *session) manage(e *xmlstream.Element) {
	switch e.Local {
	case "r":
		s.in.request()
		s.in.drain(s.answerAck)
	case "a":
		s.acked(e)
	case "enable":
		s.send0(s.enableSM(e.Attr("resume") == "true" || e.Attr("resume") == "1"))
	case "resume": // after binding it is too late (section 5)
		s.send0(failedSM(stanza.UnexpectedRequest))
	default:
		s.end(stream.Errorf(stream.UnsupportedStanzaType, ""), false)
	}
}

// send0 queues an element that is no stanza.
func (s *session) send0(e *xmlstream.Element) { s.raw(stanza.Bytes(e)) }

// answerAck tells the client how many of its stanzas are settled. One that has
// not enabled stream management has counted none.
func (s *session) answerAck(h uint32) {
	if s.sm.on {
		s.send0(xmlstream.New(nsSM, "a").SetAttr("h", strconv.FormatUint(uint64(h), 10)))
	}
}

// acked takes the client's <a/>.
func (s *session) acked(e *xmlstream.Element) {
	h, ok := parseH(e)
	if !ok || !s.sm.on {
		s.end(stream.Errorf(xmlstream.BadFormat, "the count in 'h' is missing or no number"), false)
		return
	}
	answer := s.sm.asked
	if !s.takeAck(h) {
		s.end(tooHigh(h, s.sm.count()), false)
		return
	}
	if answer && s.crowded() {
		if seq := s.sm.shed(); seq > 0 {
			s.core.Acknowledge(seq)
		}
	}
	s.goOn()
}

// resumable reports whether the client can come back to the session: all that it
// has not acknowledged is there.
func (s *session) resumable() bool { return s.smID != "" && s.sm.gone == 0 }

// takeAck moves on over what the client has; false: it never got that much.
func (s *session) takeAck(h uint32) bool {
	seq, ok := s.sm.ack(h)
	if seq > 0 {
		s.core.Acknowledge(seq)
	}
	return ok
}

// tooHigh is the error of section 4.
func tooHigh(h, sent uint32) *stream.Error {
	app := xmlstream.New(nsSM, "handled-count-too-high").
		SetAttr("h", strconv.FormatUint(uint64(h), 10)).
		SetAttr("send-count", strconv.FormatUint(uint64(sent), 10))
	return &stream.Error{Condition: stream.UndefinedCondition, Text: "more stanzas were acknowledged than sent", App: app}
}

func parseH(e *xmlstream.Element) (uint32, bool) {
	h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	return uint32(h), err == nil
}

// enableSM turns stream management on and returns the answer (section 3).
func (s *session) enableSM(resume bool) *xmlstream.Element {
	if s.sm.on {
		return failedSM(stanza.UnexpectedRequest)
	}
	s.sm.on = true
	s.in.restart()
	answer := xmlstream.New(nsSM, "enabled")
	window := s.srv.cfg.ResumeWindow.D()
	if !resume || window == 0 || !s.info.Resumable {
		return answer
	}
	s.smID = newSMID()
	s.srv.keep(s)
	return answer.SetAttr("resume", "true").SetAttr("id", s.smID).
		SetAttr("max", strconv.Itoa(int(window.Seconds())))
}

// newSMID returns an id that nobody can guess.
func newSMID() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func failedSM(c stanza.Condition) *xmlstream.Element {
	return xmlstream.New(nsSM, "failed").Add(xmlstream.New(stanza.NSStanzas, string(c)))
}

// resumption is a client that wants to go on with a session on a new
// connection.
type resumption struct {
	conn stream.Conn
	lang string
	h    uint32
	// answer is sent before anything else: <resumed/>, wrapped as the way of
	// negotiation wants it.
	answer func(s *session, resumed *xmlstream.Element) *xmlstream.Element
}

// resume hands the session to a new connection (section 5). It waits until that
// is done; false: the session has ended meanwhile, or the client claims to have
// got what was never sent.
func (s *session) resume(r resumption) (ok bool, err *stream.Error) {
	done := make(chan struct{})
	take := func() {
		ok, err = s.takeOver(r)
		close(done)
		if err != nil {
			s.end(err, false)
		}
	}
	posted := s.queue.post(event{kind: evCall, call: func(context.Context) { s.whenSettled(take) }})
	if !posted {
		return false, nil
	}
	select {
	case <-done:
		return ok, err
	case <-s.ctx.Done():
	}
	select {
	case <-done: // it is why the session has ended
		return ok, err
	default:
		return false, nil
	}
}

// whenSettled calls f when every stanza of the client's is settled, so that h
// counts all that the server has: what is not counted will be sent again.
func (s *session) whenSettled(f func()) {
	if len(s.in.open) == 0 {
		f()
		return
	}
	s.waiting = append(s.waiting, f)
}

func (s *session) takeOver(r resumption) (bool, *stream.Error) {
	if s.over || !s.resumable() {
		return false, nil
	}
	if !s.takeAck(r.h) {
		return false, tooHigh(r.h, s.sm.count())
	}
	if s.conn != nil { // the old connection is dead, or the client thinks so
		s.srv.closeLater(s.conn, stream.Errorf(stream.Conflict, "the session was resumed on another connection"))
	}
	s.attach(r.conn)
	s.info, s.lang = r.conn.Info(), r.lang
	s.sm.again()
	if s.hidden {
		s.hidden = false
		s.announce(s.ctx)
	}
	s.csi.inactive = false // XEP-0352 section 5.1: a resumed client is active
	resumed := xmlstream.New(nsSM, "resumed").SetAttr("previd", s.smID).
		SetAttr("h", strconv.FormatUint(uint64(s.in.handled), 10))
	s.out = append(s.out[:0], stanza.Bytes(r.answer(s, resumed)))
	for _, x := range s.sm.unacked {
		s.out = append(s.out, x.data)
	}
	s.release()
	s.goOn()
	return true, nil
}
