package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Tries to register from one address per hour, those that failed included:
// each one tells whether a name is taken or an invitation is good.
const registerTries = 20

// Register implements im.Logins.
func (l *Logins) Register(ctx context.Context, a im.Addr, password, invite string, remote netip.Addr) (im.UserID, error) {
	u, err := l.register(ctx, a, password, invite, remote)
	if err != nil {
		e := asError(err)
		l.metrics.registrations.WithLabelValues(e.Code.String()).Inc()
		l.event(ctx, "registration failed", 0, remote, e.Code)
		return 0, e
	}
	l.metrics.registrations.WithLabelValues("ok").Inc()
	return u, nil
}

func (l *Logins) register(ctx context.Context, a im.Addr, password, invite string, remote netip.Addr) (im.UserID, error) {
	if l.cfg.Registration == RegistrationOff {
		return 0, im.Errorf(im.CodeRegClosed, "accounts on this server are made by its operator")
	}
	if l.cfg.Registration == RegistrationInvite && invite == "" {
		return 0, im.Errorf(im.CodeInviteInvalid, "an invitation code is needed to make an account here")
	}
	if err := l.checkNew(a); err != nil {
		return 0, err
	}
	if _, err := PreparePassword(a, password); err != nil {
		return 0, err
	}
	if wait := l.regs.enter(remote); wait > 0 {
		e := im.Errorf(im.CodeRateLimited, "too many accounts were made; try again later")
		e.RetryAfter = wait
		return 0, e
	}
	u, err := l.admit(ctx, a, password, invite)
	if err != nil {
		l.regs.undo(remote)
	}
	return u, err
}

// admit looks for the name before it uses up the invitation.
func (l *Logins) admit(ctx context.Context, a im.Addr, password, invite string) (im.UserID, error) {
	_, err := l.store.AccountByAddr(ctx, a)
	switch {
	case err == nil:
		return 0, im.Errorf(im.CodeNameTaken, "the name %q is taken; choose another", a.Local)
	case im.CodeOf(err) != im.CodeNotFound:
		return 0, err
	}
	v, err := l.derive(ctx, a, password)
	if err != nil {
		return 0, err
	}
	if l.cfg.Registration == RegistrationInvite {
		if err := l.store.UseInvite(ctx, invite, l.now()); err != nil {
			return 0, err
		}
	}
	return l.create(ctx, a, v)
}

// registrations counts, in hours that begin with their first event, the
// accounts made on this node, and per address the accounts made and the tries.
type registrations struct {
	cfg Config
	now func() time.Time

	mu      sync.Mutex
	node    hour                        // guarded by mu
	sources lru[netip.Prefix, newcomer] // guarded by mu
}

type newcomer struct{ made, tries hour }

// hour counts events; it is a value.
type hour struct {
	since time.Time
	n     int
}

// wait returns how long until another event keeps to limit; zero: now.
func (h hour) wait(now time.Time, limit int) time.Duration {
	if h.n < limit || now.Sub(h.since) >= time.Hour {
		return 0
	}
	return h.since.Add(time.Hour).Sub(now)
}

func (h hour) add(now time.Time) hour {
	if now.Sub(h.since) >= time.Hour {
		h = hour{since: now}
	}
	h.n++
	return h
}

func newRegistrations(cfg Config, now func() time.Time) *registrations {
	return &registrations{cfg: cfg, now: now, sources: newLRU[netip.Prefix, newcomer](throttleKeys)}
}

// enter counts a registration, or returns how long to wait.
func (r *registrations) enter(remote netip.Addr) time.Duration {
	if r.cfg.TestMode {
		return 0
	}
	now, key := r.now(), sourceOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	c, _ := r.sources.get(key)
	wait := max(r.node.wait(now, r.cfg.RegistrationsPerNode),
		c.made.wait(now, r.cfg.RegistrationsPerSource), c.tries.wait(now, max(registerTries, r.cfg.RegistrationsPerSource)))
	if wait > 0 {
		return wait
	}
	r.node, c.made, c.tries = r.node.add(now), c.made.add(now), c.tries.add(now)
	r.sources.put(key, c)
	return 0
}

// undo takes a registration back that made no account; it stays a try.
func (r *registrations) undo(remote netip.Addr) {
	key := sourceOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.node.n = max(r.node.n-1, 0)
	if c, ok := r.sources.get(key); ok {
		c.made.n = max(c.made.n-1, 0)
		r.sources.put(key, c)
	}
}
