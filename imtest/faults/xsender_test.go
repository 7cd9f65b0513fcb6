package faults

import (
	crand "crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// xsender writes numbered texts by XMPP and does not rest until each is covered
// by an acknowledgement of XEP-0198. It is never available, so that nothing but
// answers comes to it.
type xsender struct {
	writer
	d        *xdevice
	todo     []*text // to transmit (again), in order
	doubt    []*text // covered when the session was resumed: a refusal may follow
	byID     map[string]*text
	resumeAt time.Time // after a refusal: nothing is sent before
}

func newXSender(l *load, p *person) *xsender {
	return &xsender{writer: writer{load: l, person: p, label: p.name + "/" + p.x.resource}, d: p.x, byID: make(map[string]*text)}
}

func (s *xsender) run(k *xlink) {
	for {
		done := s.work(k)
		if done || s.load.ctx.Err() != nil {
			return
		}
		s.load.reconnects.Add(1)
		var err error
		if k, err = s.d.connect(s.load.ctx); err != nil {
			return
		}
	}
}

// again says what to transmit in a new session: everything without an ack,
// behind some texts that have one, which must not be there twice for that.
func (s *xsender) again(proofs int) {
	s.todo, s.doubt = nil, nil
	first := slices.IndexFunc(s.texts, func(x *text) bool { return x.acked.IsZero() })
	if first < 0 {
		first = len(s.texts)
	}
	for i := max(0, first-proofs); i < len(s.texts); i++ {
		if x := s.texts[i]; i < first || x.acked.IsZero() {
			x.refused = false
			s.todo = append(s.todo, x)
		}
	}
}

// work uses one connection. It returns true when all is written.
func (s *xsender) work(k *xlink) (done bool) {
	l := s.load
	l.on(s.label, k.acs.addr)
	if k.fresh {
		s.again(2)
	} else {
		s.doubt = append(s.doubt, k.doubt...)
		l.xretries.Add(int64(len(s.d.sm.out)))
		_ = k.request()
	}
	pace := time.NewTicker(l.plan.pace)
	defer pace.Stop()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	stopping, roam := false, l.roaming()
	for {
		if err := s.transmit(k); err != nil {
			l.ended("write")
			select { // the server may have said why before it closed
			case <-k.ended:
			case <-time.After(dialTimeout):
			}
			s.rest(k)
			l.leave(k, false)
			return false
		}
		if stopping && s.open == 0 {
			l.leave(k, false)
			return true
		}
		select {
		case <-l.ctx.Done():
			l.leave(k, false)
			return false
		case <-roam:
			l.ended("roamed")
			l.leave(k, false)
			return false
		case ev := <-k.events:
			s.event(k, ev)
		case <-k.ended:
			l.ended("closed")
			s.rest(k)
			l.leave(k, false)
			return false
		case <-pace.C:
			select {
			case <-l.stopping:
				stopping = true
			default:
			}
			if !stopping && len(s.todo) == 0 && len(s.d.sm.out) < l.plan.window && time.Now().After(s.resumeAt) {
				s.compose()
			}
			s.retryRefused()
		case <-beat.C:
			if err := k.request(); err != nil || k.quiet() > l.plan.deaf {
				l.ended("silence")
				l.leave(k, true)
				return false
			}
		}
	}
}

// rest handles what came before the end.
func (s *xsender) rest(k *xlink) {
	for len(k.events) > 0 {
		s.event(k, <-k.events)
	}
}

func (s *xsender) compose() {
	x := s.writer.compose()
	x.origin = uuid()
	s.byID[x.origin] = x
	s.todo = append(s.todo, x)
}

// uuid is a random one (RFC 9562 section 5.4).
func uuid() string {
	var b [16]byte
	crand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (x *text) stanza() string {
	origin := "<origin-id xmlns='" + stanza.NSSID + "' id='" + x.origin + "'/>"
	if x.by.load.plan.stay {
		origin = ""
	}
	return fmt.Sprintf("<message to='%s@%s' type='chat' id='%s'><body>%s</body>%s</message>", x.to.name, domain, x.origin, x.body, origin)
}

func (s *xsender) transmit(k *xlink) error {
	for len(s.todo) > 0 && len(s.d.sm.out) < s.load.plan.window && time.Now().After(s.resumeAt) {
		x := s.todo[0]
		s.todo = s.todo[1:]
		x.sent = time.Now()
		if x.tries++; x.tries == 1 {
			x.invoked = x.sent
		} else {
			s.load.retries.Add(1)
			s.load.xretries.Add(1)
		}
		if err := k.send(x.stanza(), x); err != nil {
			return err
		}
		if err := k.request(); err != nil {
			return err
		}
	}
	return nil
}

func (s *xsender) event(k *xlink, ev xevent) {
	e := ev.e
	if err := k.manage(e); err != nil {
		return // the end will be noticed
	}
	switch {
	case e.Is(nsSM, "a"):
		covered, err := s.d.sm.ack(e)
		if err != nil {
			s.load.violate("%s: %v", s.label, err)
		}
		covered = append(s.doubt, covered...)
		s.doubt = nil
		for _, x := range covered {
			s.covered(x, ev.at)
		}
	case e.Is(stanza.NSClient, "message") && e.Attr("type") == "error":
		s.refusal(ev)
	default:
		if why := goodbye(e); why != "" {
			s.load.farewell(why)
		}
	}
}

// farewell counts what a stream ended with.
func (l *load) farewell(why string) {
	if why == "system-shutdown" {
		l.goAways.Add(1)
	}
	l.ended(why)
}

// covered takes the acknowledgement of a text, which means nothing for one that
// was refused.
func (s *xsender) covered(x *text, at time.Time) {
	switch {
	case x.refused:
		x.refused = false
	case x.acked.IsZero():
		x.acked = at
		s.open--
		s.load.acks.Add(1)
		s.load.xacks.Add(1)
	}
}

// refusal notes an error; the text is transmitted again after a moment.
func (s *xsender) refusal(ev xevent) {
	x := s.byID[ev.e.Attr("id")]
	if x == nil {
		s.load.violate("%s: an error for a text that was not written: %v", s.label, ev.e)
		return
	}
	x.failed, x.refused = true, true
	s.load.mu.Lock()
	s.load.refusals = append(s.load.refusals, s.judge(x, ev))
	s.load.mu.Unlock()
	s.resumeAt = time.Now().Add(200 * time.Millisecond)
}

// judge reads an error that tells the client to wait (RFC 6120 section 8.3.2).
func (s *xsender) judge(x *text, ev xevent) refusal {
	r := refusal{code: im.CodeInternal, from: x.from, to: x.to, sent: x.sent, at: ev.at, xmpp: true}
	fail := ev.e.Child(xmlstream.NSClient, "error")
	if fail.Attr("type") != "wait" || fail.Child(stanza.NSStanzas, string(stanza.ResourceConstraint)) == nil {
		s.load.violate("%s: text %d was answered with %v", s.label, x.n, ev.e)
		return r
	}
	r.code, r.definite = im.CodeZoneUnavailable, true
	if fail.Child(stanza.NSErrors, "unknown-outcome") != nil {
		r.code, r.definite = im.CodeUnknownOutcome, false
	}
	return r
}

func (s *xsender) retryRefused() {
	if s.resumeAt.IsZero() || len(s.d.sm.out) > 0 || len(s.doubt) > 0 || time.Now().Before(s.resumeAt) {
		return
	}
	s.resumeAt = time.Time{}
	s.again(0)
}
