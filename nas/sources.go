package nas

import (
	"net/netip"
	"sync"
	"time"
)

// maxSources bounds the addresses that are remembered in each generation.
const maxSources = 100_000

// sources limits the requests of each address: an IPv4 address, or the /64 of
// an IPv6 address. An address that has been quiet until its bucket is full
// again is as good as unknown, so two generations of buckets are kept, and the
// older one is dropped when that much time has passed.
type sources struct {
	rate, burst float64
	life        time.Duration // in which any bucket fills up
	max         int

	mu         sync.Mutex // guards all below
	young, old map[netip.Addr]bucket
	turned     time.Time
	rest       bucket // shared by the addresses beyond max
}

// newSources returns a limiter; rate 0 sets no limit.
func newSources(rate float64, burst, limit int) *sources {
	s := &sources{rate: rate, burst: float64(burst), max: limit, young: make(map[netip.Addr]bucket)}
	if rate > 0 {
		s.life = time.Duration(s.burst/rate*float64(time.Second)) + time.Second
	}
	return s
}

// take admits a request (zero), or says when to come back.
func (s *sources) take(from netip.Addr, now time.Time) time.Duration {
	if s.rate == 0 {
		return 0
	}
	key := sourceOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	b, known := s.young[key]
	if !known {
		if b, known = s.old[key]; !known {
			b = fullBucket(s.burst, now)
		}
	}
	if !known && len(s.young) >= s.max {
		return s.charge(&s.rest, now)
	}
	wait := s.charge(&b, now)
	s.young[key] = b
	return wait
}

func (s *sources) charge(b *bucket, now time.Time) time.Duration {
	b.refill(s.rate, s.burst, now)
	wait := b.wait(s.rate)
	if wait == 0 {
		b.tokens--
	}
	return wait
}

// turn is called with mu held.
func (s *sources) turn(now time.Time) {
	switch passed := now.Sub(s.turned); {
	case passed < 0:
		s.turned = now
	case passed >= s.life:
		s.old, s.young = s.young, make(map[netip.Addr]bucket)
		s.turned = now
	}
}

func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
