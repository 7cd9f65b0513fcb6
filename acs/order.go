package acs

import (
	"sync"

	"github.com/cxx-im/cxx/im"
)

// sendOrder keeps the messages of one session in the order of its sends. The
// storage keeps the order of what goes to one zone; so sends run side by side
// as long as their recipients share a zone, and a send to another zone waits
// until those before it are done.
type sendOrder struct {
	mu      sync.Mutex
	queue   []*pendingSend // guarded by mu
	running int            // guarded by mu: handed to the storage, not done
	zone    im.ZoneID      // guarded by mu: of those that run
	pumping bool           // guarded by mu: a goroutine is in pump
}

type pendingSend struct {
	m    im.Message
	zone im.ZoneID
	done func(im.Committed, error)
}

// add queues a message. next gives it its id, under the lock, so that ids grow
// in the order of sends.
func (o *sendOrder) add(p *pendingSend, next func() im.MsgID, store func(im.Message, func(im.Committed, error))) {
	o.mu.Lock()
	p.m.MsgID = next()
	o.queue = append(o.queue, p)
	o.mu.Unlock()
	o.pump(store)
}

// pump hands over what may run now. The storage may call done at once, or
// later from its own goroutine; both come back here, and only one pump runs.
func (o *sendOrder) pump(store func(im.Message, func(im.Committed, error))) {
	for {
		o.mu.Lock()
		if o.pumping || len(o.queue) == 0 || o.running > 0 && o.zone != o.queue[0].zone {
			o.mu.Unlock()
			return
		}
		p := o.queue[0]
		o.queue[0] = nil
		o.queue = o.queue[1:]
		if len(o.queue) == 0 {
			o.queue = nil
		}
		o.running, o.zone, o.pumping = o.running+1, p.zone, true
		o.mu.Unlock()

		store(p.m, func(c im.Committed, err error) {
			p.done(c, err)
			o.mu.Lock()
			o.running--
			o.mu.Unlock()
			o.pump(store)
		})

		o.mu.Lock()
		o.pumping = false
		o.mu.Unlock()
	}
}
