package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	throttleKeys   = 100_000          // most accounts, and most addresses, remembered
	throttleForget = 15 * time.Minute // quiet time after which wrong passwords are forgotten
	throttleHeld   = 256              // most logins held at once
)

// throttle slows down guessing. It counts by account, whether the account
// exists or not, and by address. Memory is bounded: the entry that was used
// longest ago makes room.
type throttle struct {
	cfg   Config
	now   func() time.Time
	after func(time.Duration) <-chan time.Time
	held  chan struct{} // one token per login that is being held

	mu       sync.Mutex
	accounts lru[im.Addr, guesses]     // guarded by mu
	sources  lru[netip.Prefix, source] // guarded by mu
}

// guesses is what is known of one account.
type guesses struct {
	failed int       // tries since the last right password; one under way counts as wrong
	last   time.Time // of the latest try
	next   time.Time // not before this may the next one be checked
}

// source is what is known of one address.
type source struct {
	failed int
	since  time.Time // start of the running minute
	until  time.Time // shut out until then
}

func newThrottle(cfg Config, now func() time.Time, after func(time.Duration) <-chan time.Time) *throttle {
	return &throttle{
		cfg: cfg, now: now, after: after, held: make(chan struct{}, throttleHeld),
		accounts: newLRU[im.Addr, guesses](throttleKeys), sources: newLRU[netip.Prefix, source](throttleKeys),
	}
}

// enter must precede the check of a password. It waits if the account has had
// too many wrong ones, or answers AUTH_BUSY when that would take too long. A
// try that got in counts as wrong until right or void is called, so that many
// at once gain nothing.
func (t *throttle) enter(ctx context.Context, a im.Addr) error {
	if t.cfg.TestMode {
		return nil
	}
	wait := t.reserve(a)
	if wait == 0 {
		return nil
	}
	if wait > t.cfg.FailedHold.D() {
		return busy(wait)
	}
	select {
	case t.held <- struct{}{}:
		defer func() { <-t.held }()
	default:
		t.void(a)
		return busy(wait)
	}
	select {
	case <-t.after(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err() // stays counted: whoever hangs up early has no advantage
	}
}

// reserve takes the account's next place. A place further away than a login is
// held is not taken.
func (t *throttle) reserve(a im.Addr) time.Duration {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	g, _ := t.accounts.get(a)
	if now.Sub(g.last) > throttleForget && now.After(g.next) {
		g = guesses{}
	}
	wait := max(g.next.Sub(now), 0)
	if wait > t.cfg.FailedHold.D() {
		return wait
	}
	g.failed++
	g.last = now
	if over := g.failed - t.cfg.FailedFree; over >= 0 {
		g.next = now.Add(wait + t.delay(over))
	}
	t.accounts.put(a, g)
	return wait
}

func (t *throttle) delay(n int) time.Duration {
	if n > 20 {
		return t.cfg.FailedMaxDelay.D()
	}
	return min(time.Second<<n, t.cfg.FailedMaxDelay.D())
}

// right forgets the wrong passwords of an account.
func (t *throttle) right(a im.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accounts.remove(a)
}

// void takes back a try in which no password was checked.
func (t *throttle) void(a im.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.accounts.get(a)
	if !ok || g.failed == 0 {
		return
	}
	g.failed--
	if g.failed < t.cfg.FailedFree {
		g.next = time.Time{}
	}
	t.accounts.put(a, g)
}

// open answers AUTH_BUSY while an address is shut out.
func (t *throttle) open(remote netip.Addr) error {
	if t.cfg.TestMode || !remote.IsValid() {
		return nil
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.sources.get(sourceOf(remote))
	if wait := s.until.Sub(now); wait > 0 {
		return busy(wait)
	}
	return nil
}

// failed counts a failed login from an address. True: the address has just
// been shut out.
func (t *throttle) failed(remote netip.Addr) bool {
	if t.cfg.TestMode || !remote.IsValid() {
		return false
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sourceOf(remote)
	s, _ := t.sources.get(key)
	if now.Sub(s.since) >= time.Minute {
		s.failed, s.since = 0, now
	}
	s.failed++
	shut := s.failed >= t.cfg.FailedSource && !now.Before(s.until)
	if shut {
		s.until = now.Add(t.cfg.FailedBlock.D())
	}
	t.sources.put(key, s)
	return shut
}

func busy(wait time.Duration) *im.Error {
	e := im.Errorf(im.CodeAuthBusy, "too many failed logins; try again later")
	e.RetryAfter = wait
	return e
}

// sourceOf is what counts as one address: an IPv4 address or an IPv6 /64.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// network is what an ordinary log shows of an address.
func network(a netip.Addr) string {
	if !a.IsValid() {
		return "local"
	}
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p.String()
}
