package c2s

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// sink is the core's way to a session. Nothing here waits.
type sink struct{ s *session }

// Push implements im.Sink. A session that does not keep up reads the log itself
// when it has caught up with what it has.
func (k sink) Push(e *im.Entry) bool {
	s := k.s
	if s.queue.postWithin(int(s.srv.cfg.SoftOutbound), event{kind: evEntry, entry: e}) {
		return true
	}
	if s.behind.CompareAndSwap(false, true) {
		s.srv.metrics.behind.Inc()
		s.queue.post(event{kind: evCall, call: s.catchUp})
	}
	return false
}

// PushPresence implements im.Sink. What is dropped here is not repeated until
// the contact changes again, so presence has the whole budget, and the session
// looks at all its contacts when it has not been enough.
func (k sink) PushPresence(p im.UserPresence) {
	s := k.s
	if s.queue.postWithin(2*int(s.srv.cfg.SoftOutbound), event{kind: evPresence, presence: &p}) {
		return
	}
	s.srv.metrics.dropped.Inc()
	if s.missed.CompareAndSwap(false, true) {
		s.queue.post(event{kind: evCall, call: s.lookAgain})
	}
}

// PushSignal implements im.Sink.
func (k sink) PushSignal(sig im.Signal) {
	if !k.s.queue.postWithin(int(k.s.srv.cfg.SoftOutbound), event{kind: evSignal, signal: &sig}) {
		k.s.srv.metrics.dropped.Inc()
	}
}

// Close implements im.Sink.
func (k sink) Close(reason *im.Error) {
	k.s.queue.post(event{kind: evCall, call: func(context.Context) { k.s.end(streamError(reason), false) }})
}
