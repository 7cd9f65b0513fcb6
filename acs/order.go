package acs

import (
	"sync"

	"github.com/cxx-im/cxx/im"
)

// sendOrder keeps the messages of one session in the order of its sends. The
// storage keeps the order of what goes to one zone; so sends run side by side
// as long as their recipients share a zone, and a send to another zone waits
// until those before it are done. A send that is not known yet to be allowed
// holds up those behind it.
type sendOrder struct {
	mu      sync.Mutex
	queue   []*pendingSend // guarded by mu
	running int            // guarded by mu: handed to the storage, not done
	zone    im.ZoneID      // guarded by mu: of those that run
	pumping bool           // guarded by mu: a goroutine is in pump
}

type pendingSend struct {
	m       im.Message
	zone    im.ZoneID
	done    func(im.Committed, error)
	unsure  bool  // guarded by sendOrder.mu: settle will say whether it may be sent
	refused error // guarded by sendOrder.mu: it may not
}

type storeFunc = func(im.Message, func(im.Committed, error))

// add queues a message. next gives it its id, under the lock, so that ids grow
// in the order of sends.
func (o *sendOrder) add(p *pendingSend, next func() im.MsgID, store storeFunc) {
	o.mu.Lock()
	p.m.MsgID = next()
	o.queue = append(o.queue, p)
	o.mu.Unlock()
	o.pump(store)
}

// settle says whether an unsure message may be sent.
func (o *sendOrder) settle(p *pendingSend, refused error, store storeFunc) {
	o.mu.Lock()
	p.unsure, p.refused = false, refused
	o.mu.Unlock()
	o.pump(store)
}

// pump hands over what may run now. The storage may call done at once, or
// later from its own goroutine; both come back here, and only one pump runs.
func (o *sendOrder) pump(store storeFunc) {
	for {
		o.mu.Lock()
		if o.pumping || len(o.queue) == 0 || o.queue[0].unsure || o.queue[0].refused == nil && o.running > 0 && o.zone != o.queue[0].zone {
			o.mu.Unlock()
			return
		}
		p := o.queue[0]
		o.queue[0] = nil
		o.queue = o.queue[1:]
		if len(o.queue) == 0 {
			o.queue = nil
		}
		o.pumping = true
		refused := p.refused
		if refused == nil {
			o.running, o.zone = o.running+1, p.zone
		}
		o.mu.Unlock()

		if refused != nil {
			p.done(im.Committed{}, refused)
		} else {
			store(p.m, func(c im.Committed, err error) {
				p.done(c, err)
				o.mu.Lock()
				o.running--
				o.mu.Unlock()
				o.pump(store)
			})
		}

		o.mu.Lock()
		o.pumping = false
		o.mu.Unlock()
	}
}
