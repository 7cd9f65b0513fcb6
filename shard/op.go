package shard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// op is one change that waits for a zone's writer: a message, or a function
// that runs inside the transaction.
type op struct {
	at   time.Time
	done func(*op) // called once by the zone's goroutine complete

	// A message, when part is not zero.
	part part
	msg  im.Message
	res  im.Committed // result of a message

	// Anything else.
	users []uint64         // whose heads are locked
	run   func(*txn) error // reads first, then writes; may run again

	err   error
	taken atomic.Int32 // one of the states below
}

// part says what of a message belongs in the zone.
type part uint8

const (
	both      part = iota + 1 // both inboxes are here
	recipient                 // the recipient's inbox, before the sender's
	sender                    // the sender's inbox; res.ToSeq is known
	timeline                  // the timeline of its group
)

const (
	waiting int32 = iota
	begun
	given // given up by its caller before it began
)

// submit queues o. The caller gets an answer through o.done unless submit
// returns an error.
func (z *zone) submit(o *op) error {
	if z.breaker.isOpen() {
		return z.down(nil)
	}
	if !z.queue.reserve() {
		return z.full()
	}
	z.queue.put(o)
	return nil
}

func (z *zone) full() error {
	z.met.refused("queue_full")
	e := im.Errorf(im.CodeOverloaded, "zone %d has too much to write; try again in a moment", z.id)
	e.RetryAfter = z.lim.answer / 10
	return e
}

// do runs f inside a transaction under the locks of users' heads, and waits
// for its commit.
func (z *zone) do(ctx context.Context, users []im.UserID, f func(*txn) error) error {
	o := &op{at: time.Now(), run: f, users: make([]uint64, len(users))}
	for i, u := range users {
		o.users[i] = uint64(u)
	}
	finished := make(chan struct{})
	o.done = func(*op) { close(finished) }
	if err := z.submit(o); err != nil {
		return err
	}
	select {
	case <-finished:
		return o.err
	case <-ctx.Done():
	}
	if o.taken.CompareAndSwap(waiting, given) {
		return &im.Error{Code: im.CodeTimeout, Detail: "the caller did not wait for the answer", Err: ctx.Err()}
	}
	// It is being written: the outcome comes within the zone's timeout.
	<-finished
	return o.err
}

// complete tells the callers, in the order of the commits.
func (z *zone) complete() {
	for z.done.wait() {
		for _, o := range z.done.take(0) {
			o.done(o)
		}
	}
}
