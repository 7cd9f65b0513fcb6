package c2s

import (
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// gate holds logins to a rate (contract section 3): when all clients come back at
// once, those that the server cannot take yet learn it before it has worked for
// them.
type gate struct {
	rate, burst int

	mu   sync.Mutex
	full time.Time // guarded by mu: when all tokens are there again
}

// admit takes a token, or says when there will be one.
func (g *gate) admit() error {
	if g.rate == 0 {
		return nil
	}
	step := time.Second / time.Duration(g.rate)
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	full := g.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(step)
	if wait := full.Sub(now) - time.Duration(g.burst)*step; wait > 0 {
		return &im.Error{Code: im.CodeRetryLater, Detail: "too many clients log in at the moment; try again in a while", RetryAfter: wait}
	}
	g.full = full
	return nil
}
