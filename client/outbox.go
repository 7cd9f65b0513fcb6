package client

import (
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	// window is how many sends may be unacknowledged; half of what a server
	// takes before it stops reading.
	window = 64
	// maxUnknown is how often an answer that leaves the outcome open is followed
	// by another try.
	maxUnknown = 8
)

// Pending is a message on its way. It is done when it is acknowledged or
// refused.
type Pending struct {
	im.Outgoing
	done chan struct{}
	ack  im.Ack // set before done is closed
	err  error  // likewise

	stored bool   // guarded by outbox.mu
	req    uint32 // guarded by outbox.mu: the request in flight on the current link; 0: none
	tries  int    // guarded by outbox.mu: answers that left the outcome open
}

// Done is closed when the outcome is known.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Result returns the outcome; call it after Done.
func (p *Pending) Result() (im.Ack, error) { return p.ack, p.err }

// outbox keeps the user's messages in the order of the sends until each is
// acknowledged or refused. After a reconnect all are sent again, under the ids
// they had, and the server recognises those it has.
type outbox struct {
	mu     sync.Mutex
	queue  []*Pending            // guarded by mu
	flying map[uint32]*Pending   // guarded by mu: by request of the current link
	send   func(*Pending) uint32 // guarded by mu: writes to the current link; nil: none
	hold   time.Time             // guarded by mu: nothing is sent before, as the server asked
	later  func(time.Duration)   // guarded by mu: has resume called; set with send
	armed  bool                  // guarded by mu: later was called and resume was not
	idle   chan struct{}         // guarded by mu: closed when nothing flies any more; nil: nobody waits
}

func newOutbox(old []im.Outgoing) *outbox {
	o := &outbox{flying: make(map[uint32]*Pending)}
	for _, m := range old {
		o.queue = append(o.queue, &Pending{Outgoing: m, done: make(chan struct{}), stored: true})
	}
	return o
}

// add queues a message; it is sent once ready was called.
func (o *outbox) add(m im.Outgoing) *Pending {
	p := &Pending{Outgoing: m, done: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, p)
	return p
}

// ready lets p be sent, because it is stored.
func (o *outbox) ready(p *Pending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p.stored = true
	o.pump()
}

// attach gives the outbox a new link, on which everything is sent again.
func (o *outbox) attach(send func(*Pending) uint32, later func(time.Duration)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.send, o.later = send, later
	o.pump()
}

// detach takes the link away: what was in flight has an unknown outcome.
func (o *outbox) detach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.send, o.later, o.armed = nil, nil, false
	for _, p := range o.flying {
		p.req = 0
	}
	clear(o.flying)
	o.settle()
}

// drain stops new sends on the current link; the channel is closed when none
// is in flight any more.
func (o *outbox) drain() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.send = nil
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.settle()
	return idle
}

// settle runs with mu held.
func (o *outbox) settle() {
	if len(o.flying) == 0 && o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// pump runs with mu held: it sends what may be sent, in order.
func (o *outbox) pump() {
	if o.send == nil {
		return
	}
	if wait := time.Until(o.hold); wait > 0 {
		if !o.armed {
			o.armed = true
			o.later(wait)
		}
		return
	}
	for _, p := range o.queue {
		if len(o.flying) >= window || !p.stored {
			return
		}
		if p.req != 0 {
			continue
		}
		if p.req = o.send(p); p.req == 0 {
			return
		}
		o.flying[p.req] = p
	}
}

// resume is pump for timers.
func (o *outbox) resume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed = false
	o.pump()
}

// inFlight returns how many sends wait for an answer.
func (o *outbox) inFlight() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.flying)
}

// acked takes an acknowledgement and returns whose it is.
func (o *outbox) acked(req uint32, ack im.Ack) *Pending {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.flying[req]
	if p == nil {
		return nil
	}
	o.finish(p, ack, nil)
	return p
}

// seen resolves a message whose acknowledgement was lost: it stands in the
// user's own inbox.
func (o *outbox) seen(id im.ClientID, ack im.Ack) *Pending {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.queue, func(p *Pending) bool { return p.ClientID == id })
	if i < 0 || id.IsZero() {
		return nil
	}
	p := o.queue[i]
	o.finish(p, ack, nil)
	return p
}

// failed takes an error. It returns the message when that is the end of it.
func (o *outbox) failed(req uint32, e *im.Error, again time.Duration) (p *Pending, mine bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p = o.flying[req]; p == nil {
		return nil, false
	}
	if !e.Code.Trait().Definite {
		p.tries++
	}
	if retry(e) && p.tries < maxUnknown {
		delete(o.flying, req)
		p.req = 0
		o.hold = time.Now().Add(max(e.RetryAfter, again))
		o.settle()
		o.pump()
		return nil, true
	}
	o.finish(p, im.Ack{}, e)
	return p, true
}

// retry says which errors the outbox deals with by itself.
func retry(e *im.Error) bool {
	switch e.Code {
	case im.CodeRateLimited, im.CodeOverloaded, im.CodeRetryLater, im.CodeGoAway:
		return true
	}
	return !e.Code.Trait().Definite
}

// finish runs with mu held.
func (o *outbox) finish(p *Pending, ack im.Ack, err error) {
	delete(o.flying, p.req)
	if i := slices.Index(o.queue, p); i >= 0 {
		o.queue = slices.Delete(o.queue, i, i+1)
	}
	p.req, p.ack, p.err = 0, ack, err
	close(p.done)
	o.settle()
	o.pump()
}

// giveUp ends p before it was sent, because it could not be stored.
func (o *outbox) giveUp(p *Pending, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finish(p, im.Ack{}, err)
}

// close tells everybody who waits that the client has ended; the messages stay
// in the store.
func (o *outbox) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.queue {
		p.err = err
		close(p.done)
	}
	o.queue = nil
	clear(o.flying)
	o.settle()
}

// sendFrame renders p.
func sendFrame(req uint32, p *Pending) *cxxpb.Send {
	return &cxxpb.Send{
		Id: req, To: uint64(p.To), Group: uint64(p.Group), Mentions: userIDs(p.Mentions), All: p.All,
		ClientId: p.ClientID[:], Text: p.Text, Ext: p.Ext,
	}
}
