package edge

import (
	"sync"
	"time"
)

// rate is a token bucket in one number: the moment at which the bucket will be
// full again ("theoretical arrival time"). The zero rate is a full bucket.
type rate struct {
	full time.Duration // on the server's clock
}

// take takes one token of a bucket that refills every step and holds burst
// tokens. Without a token it takes nothing and says how long until there is one.
func (r *rate) take(now, step time.Duration, burst int) (wait time.Duration) {
	full := max(r.full, now) + step
	if wait := full - now - time.Duration(burst)*step; wait > 0 {
		return wait
	}
	r.full = full
	return 0
}

// sharedRate is a rate for many goroutines.
type sharedRate struct {
	mu   sync.Mutex
	rate rate // guarded by mu
}

func (s *sharedRate) take(now, step time.Duration, burst int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rate.take(now, step, burst)
}

// perSecond is the time between tokens; zero for no limit.
func perSecond(n int) time.Duration {
	if n <= 0 {
		return 0
	}
	return time.Second / time.Duration(n)
}
