package redis

import (
	"fmt"
	"sync"
	"time"

	"github.com/cxx-im/cxx/presence"
)

const (
	breakerFailures = 3           // in a row, that open it
	breakerPause    = time.Second // between attempts while it is open
)

// breaker makes calls fail at once while Redis does not answer, except for one
// attempt per pause.
type breaker struct {
	now    func() time.Time
	turned func(open bool) // told of changes, outside of the lock

	mu       sync.Mutex // guards all below
	failures int
	open     bool
	next     time.Time // the next attempt while open
}

func newBreaker(now func() time.Time, turned func(bool)) *breaker {
	return &breaker{now: now, turned: turned}
}

// allow admits a call, or says why not. An admitted call is reported.
func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return nil
	}
	now := b.now()
	if now.Before(b.next) {
		return fmt.Errorf("%w: it did not answer %d times", presence.ErrUnavailable, b.failures)
	}
	b.next = now.Add(breakerPause)
	return nil
}

// report tells how an admitted call ended.
func (b *breaker) report(ok bool) {
	b.mu.Lock()
	was := b.open
	if ok {
		b.failures, b.open = 0, false
	} else {
		b.failures++
		if b.failures >= breakerFailures {
			b.open = true
			b.next = b.now().Add(breakerPause)
		}
	}
	is := b.open
	b.mu.Unlock()
	if was != is {
		b.turned(is)
	}
}

// abandon tells that an admitted call ended without saying anything about
// Redis: the next caller may try.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = b.now()
}
