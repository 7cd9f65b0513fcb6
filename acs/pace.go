package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// pacer holds a session to a rate of changes that others have to be told:
// contacts, read marks, profile, presence. Each of them writes to logs or goes
// to every node, so that without a limit one client could fill both.
type pacer struct {
	mu   sync.Mutex
	full time.Time // guarded by mu: when all tokens are there again
}

// mostWait is how long a change is held back before it is refused.
const mostWait = time.Second

// take takes a token of a bucket that gets rate of them per second and holds
// burst. It says how long the caller has to wait first; above mostWait it has
// taken none.
func (p *pacer) take(now time.Time, rate, burst int) time.Duration {
	step := time.Second / time.Duration(rate)
	p.mu.Lock()
	defer p.mu.Unlock()
	full := p.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(step)
	wait := full.Sub(now) - time.Duration(burst)*step
	if wait <= mostWait {
		p.full = full
	}
	return max(wait, 0)
}

// pace waits until the session may make one more change, or refuses it.
func (s *session) pace(ctx context.Context) error {
	cfg := &s.srv.cfg
	if cfg.ChangeRate == 0 {
		return nil
	}
	wait := s.changes.take(s.srv.now(), cfg.ChangeRate, cfg.ChangeBurst)
	switch {
	case wait == 0:
		return nil
	case wait > mostWait:
		return &im.Error{Code: im.CodeRateLimited, Detail: "too many changes in a short time", RetryAfter: wait}
	}
	if pause(ctx, wait); ctx.Err() != nil {
		return im.Errorf(im.CodeTimeout, "the request ended before its turn came")
	}
	return nil
}
