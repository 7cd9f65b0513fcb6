package faults

import (
	crand "crypto/rand"
	"encoding/binary"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// sender writes numbered texts and does not rest until each is acknowledged.
type sender struct {
	writer
	todo     []*text // to transmit (again), in order
	inFlight map[uint32]*text
	lastReq  uint32
	resumeAt time.Time // after a refusal: nothing is sent before
}

func newSender(l *load, p *person) *sender {
	return &sender{writer: writer{load: l, person: p, label: p.name}}
}

func (s *sender) run(k *link) {
	for {
		done := s.work(k)
		if done || s.load.ctx.Err() != nil {
			return
		}
		s.load.reconnects.Add(1)
		var err error
		if k, err = s.connect(s.load.ctx); err != nil {
			return
		}
	}
}

// again says what to transmit on a new connection: everything without an ack,
// behind some texts that have one, to see that the answer is the same.
func (s *sender) again() {
	s.todo, s.inFlight = nil, make(map[uint32]*text)
	first := len(s.texts)
	for i, x := range s.texts {
		if x.acked.IsZero() {
			first = i
			break
		}
	}
	const proofs = 2
	for i := max(0, first-proofs); i < len(s.texts); i++ {
		if i < first || s.texts[i].acked.IsZero() {
			s.todo = append(s.todo, s.texts[i])
		}
	}
}

// work uses one connection. It returns true when all is written.
func (s *sender) work(k *link) (done bool) {
	l := s.load
	l.on(s.name, k.acs)
	s.again()
	pace := time.NewTicker(l.plan.pace)
	defer pace.Stop()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	stopping, leaving := false, time.Time{}
	roam := l.roaming()
	for {
		if err := s.transmit(k, !leaving.IsZero()); err != nil {
			l.ended("write")
			l.leave(k, false)
			return false
		}
		if over := stopping && s.open == 0; len(s.inFlight) == 0 && (!leaving.IsZero() || over) {
			l.leave(k, false)
			return over
		}
		select {
		case <-l.ctx.Done():
			l.leave(k, false)
			return false
		case <-roam:
			l.ended("roamed")
			l.leave(k, false)
			return false
		case e := <-k.events:
			if e.away != nil {
				l.goAways.Add(1)
				leaving = time.Now().Add(time.Duration(e.away.DelayMs) * time.Millisecond)
			}
			s.event(e)
		case <-k.ended:
			l.ended("closed")
			for len(k.events) > 0 {
				s.event(<-k.events)
			}
			l.leave(k, false)
			return false
		case <-pace.C:
			select {
			case <-l.stopping:
				stopping = true
			default:
			}
			if !stopping && leaving.IsZero() && len(s.todo) == 0 && len(s.inFlight) < l.plan.window && time.Now().After(s.resumeAt) {
				s.compose()
			}
			s.retryRefused()
		case <-beat.C:
			if err := k.beat(); err != nil || k.quiet() > l.plan.deaf {
				l.ended("silence")
				l.leave(k, true)
				return false
			}
		}
	}
}

func (s *sender) compose() {
	x := s.writer.compose()
	crand.Read(x.id[:8])
	binary.BigEndian.PutUint64(x.id[8:], uint64(x.n))
	s.todo = append(s.todo, x)
}

func (s *sender) transmit(k *link, leaving bool) error {
	for len(s.todo) > 0 && len(s.inFlight) < s.load.plan.window && !leaving && time.Now().After(s.resumeAt) {
		x := s.todo[0]
		s.todo = s.todo[1:]
		s.lastReq++
		s.inFlight[s.lastReq] = x
		x.sent = time.Now()
		if x.tries++; x.tries == 1 {
			x.invoked = x.sent
		} else {
			s.load.retries.Add(1)
		}
		if err := k.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: s.lastReq, To: uint64(x.to.user), ClientId: x.id[:], Text: x.body}); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) event(e event) {
	switch {
	case e.ack != nil:
		s.ack(e)
	case e.fail != nil && e.fail.Id == 0:
		s.load.ended(im.ErrorCode(e.fail.Code).String())
	case e.fail != nil:
		s.refusal(e)
	}
}

func (s *sender) ack(e event) {
	x := s.inFlight[e.ack.Id]
	if x == nil {
		s.load.violate("%s: an ack names request %d, which waits for none", s.name, e.ack.Id)
		return
	}
	delete(s.inFlight, e.ack.Id)
	if e.ack.Duplicate {
		s.load.duplicates.Add(1)
		if x.tries == 1 {
			s.load.violate("%s: text %d was transmitted once and acknowledged as a duplicate", s.name, x.n)
		}
	}
	if !x.acked.IsZero() {
		if x.msgID != e.ack.MsgId || x.seq != e.ack.Seq || !e.ack.Duplicate {
			s.load.violate("%s: text %d was acknowledged as msg %d seq %d, and again as msg %d seq %d duplicate=%v",
				s.name, x.n, x.msgID, x.seq, e.ack.MsgId, e.ack.Seq, e.ack.Duplicate)
		}
		return
	}
	x.acked, x.msgID, x.seq = e.at, e.ack.MsgId, e.ack.Seq
	s.open--
	s.load.acks.Add(1)
}

// refusal notes an error; the text is transmitted again after a moment, when
// everything in flight has been answered, so that the order stays.
func (s *sender) refusal(e event) {
	x := s.inFlight[e.fail.Id]
	if x == nil {
		s.load.violate("%s: an error names request %d, which waits for none", s.name, e.fail.Id)
		return
	}
	delete(s.inFlight, e.fail.Id)
	x.failed = true
	code := im.ErrorCode(e.fail.Code)
	s.load.mu.Lock()
	s.load.refusals = append(s.load.refusals, refusal{code: code, definite: !e.fail.Indefinite, from: x.from, to: x.to, sent: x.sent, at: e.at})
	s.load.mu.Unlock()
	wait := max(time.Duration(e.fail.RetryAfterMs)*time.Millisecond, 200*time.Millisecond)
	s.resumeAt = time.Now().Add(wait)
}

func (s *sender) retryRefused() {
	if s.resumeAt.IsZero() || len(s.inFlight) > 0 || time.Now().Before(s.resumeAt) {
		return
	}
	s.resumeAt = time.Time{}
	s.again()
}
