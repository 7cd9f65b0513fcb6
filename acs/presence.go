package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// presence tells sessions what they may see of their contacts. A session that
// has asked for it watches the users whose presence it is subscribed to; the
// session table says how those are; changes are gathered for a moment, so that
// flapping costs one notice. Any goroutine may call it.
type presence struct {
	srv  *Server
	wake chan struct{}

	mu       sync.Mutex
	watchers map[im.UserID]map[*session]struct{} // guarded by mu: target to sessions
	watched  map[*session]map[im.UserID]struct{} // guarded by mu: the reverse
	told     map[im.UserID]im.UserPresence       // guarded by mu: what the watchers know
	dirty    map[im.UserID]struct{}              // guarded by mu: targets to look at
	seen     map[im.UserID]time.Time             // guarded by mu: last seen, to be saved
}

func newPresence(s *Server) *presence {
	return &presence{
		srv: s, wake: make(chan struct{}, 1),
		watchers: make(map[im.UserID]map[*session]struct{}),
		watched:  make(map[*session]map[im.UserID]struct{}),
		told:     make(map[im.UserID]im.UserPresence),
		dirty:    make(map[im.UserID]struct{}),
		seen:     make(map[im.UserID]time.Time),
	}
}

// touch says that the sessions of u have changed.
func (p *presence) touch(u im.UserID) {
	p.mu.Lock()
	_, wanted := p.watchers[u]
	if wanted {
		p.dirty[u] = struct{}{}
	}
	p.mu.Unlock()
	if wanted {
		p.poke()
	}
}

func (p *presence) touchAll(users []im.UserID) {
	for _, u := range users {
		p.touch(u)
	}
}

func (p *presence) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// sawNow notes that u was online until now.
func (p *presence) sawNow(u im.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[u] = p.srv.now()
}

// wentOffline notes the same for users whose node has died.
func (p *presence) wentOffline(users []im.UserID) {
	for _, u := range users {
		if len(p.srv.table.of(u)) == 0 {
			p.sawNow(u)
		}
	}
}

func (p *presence) run(ctx context.Context) {
	save := time.NewTicker(5 * time.Second)
	defer save.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			p.saveSeen(ctx)
		case <-p.wake:
			pause(ctx, p.srv.cfg.PresenceSettle.D())
			p.flush(ctx)
		}
	}
}

// saveSeen writes the last-seen times; losing some is harmless.
func (p *presence) saveSeen(ctx context.Context) {
	p.mu.Lock()
	seen := p.seen
	p.seen = make(map[im.UserID]time.Time)
	p.mu.Unlock()
	if len(seen) == 0 {
		return
	}
	if err := p.srv.store.TouchLastSeen(ctx, seen); err != nil {
		p.srv.log.Debug("last-seen times were not saved", "err", err)
	}
}

type notice struct {
	to   []*session
	what im.UserPresence
}

func (p *presence) flush(ctx context.Context) {
	var out []notice
	p.mu.Lock()
	for u := range p.dirty {
		now := visible(u, p.srv.table.of(u))
		if now != p.told[u] {
			p.told[u] = now
			out = append(out, notice{sessionsIn(p.watchers[u]), now})
		}
	}
	clear(p.dirty)
	p.mu.Unlock()
	list := make([]im.UserPresence, len(out))
	for i := range out {
		list[i] = out[i].what
	}
	p.fillLastSeen(ctx, list)
	for i := range out {
		for _, s := range out[i].to {
			s.sink.PushPresence(list[i])
		}
	}
}

func sessionsIn(m map[*session]struct{}) []*session {
	out := make([]*session, 0, len(m))
	for s := range m {
		out = append(out, s)
	}
	return out
}

// fillLastSeen adds when offline users were last online, as far as they let
// their contacts know. Users just gone are not written yet: for them it is now.
func (p *presence) fillLastSeen(ctx context.Context, list []im.UserPresence) {
	var offline []im.UserID
	for i := range list {
		if list[i].Show == im.ShowOffline {
			offline = append(offline, list[i].User)
		}
	}
	if len(offline) == 0 {
		return
	}
	profiles, err := p.srv.store.Profiles(ctx, offline)
	if err != nil {
		return // last seen is a nicety; offline is what counts
	}
	at := make(map[im.UserID]time.Time, len(profiles))
	p.mu.Lock()
	for i := range profiles {
		if f := &profiles[i]; f.LastSeen != im.ToNobody {
			at[f.User] = f.SeenAt
			if t, ok := p.seen[f.User]; ok {
				at[f.User] = t
			}
		}
	}
	p.mu.Unlock()
	for i := range list {
		if list[i].Show == im.ShowOffline {
			list[i].LastSeen = at[list[i].User]
		}
	}
}

// watch makes s hear of u and returns what is known at this moment.
func (p *presence) watch(s *session, u im.UserID) im.UserPresence {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := visible(u, p.srv.table.of(u))
	if s.closed.Load() {
		return now
	}
	if p.watchers[u] == nil {
		p.watchers[u] = make(map[*session]struct{}, 1)
		p.told[u] = now
	}
	if p.watched[s] == nil {
		p.watched[s] = make(map[im.UserID]struct{})
	}
	p.watchers[u][s] = struct{}{}
	p.watched[s][u] = struct{}{}
	return now
}

func (p *presence) dropLocked(s *session, u im.UserID) bool {
	if _, ok := p.watchers[u][s]; !ok {
		return false
	}
	delete(p.watched[s], u)
	delete(p.watchers[u], s)
	if len(p.watchers[u]) == 0 {
		delete(p.watchers, u)
		delete(p.told, u)
		delete(p.dirty, u)
	}
	return true
}

// unwatch forgets a session.
func (p *presence) unwatch(s *session) {
	p.mu.Lock()
	for u := range p.watched[s] {
		p.dropLocked(s, u)
	}
	delete(p.watched, s)
	p.mu.Unlock()
	if s.presence.Load().Show > im.ShowInvisible {
		p.sawNow(s.user)
	}
}

// contactChanged follows the contact list of a watching session. It runs with
// the lock of the session's feed held and does not wait.
func (p *presence) contactChanged(s *session, c *im.Contact) {
	if c.Sub.Has(im.SubTo) {
		s.sink.PushPresence(p.watch(s, c.User))
		return
	}
	p.mu.Lock()
	had := p.dropLocked(s, c.User)
	p.mu.Unlock()
	if had {
		s.sink.PushPresence(im.UserPresence{User: c.User})
	}
}

// SetPresence implements im.Presences.
func (s *session) SetPresence(_ context.Context, p im.Presence) error {
	const maxStatus = 1024
	if p.Show > im.ShowChat {
		return im.Errorf(im.CodeInvalid, "presence %d is not known", p.Show)
	}
	if len(p.Status) > maxStatus {
		return im.Errorf(im.CodeTooLarge, "the status text has %d bytes; at most %d are taken", len(p.Status), maxStatus)
	}
	if s.closed.Load() {
		return im.Errorf(im.CodeBadState, "the session has ended")
	}
	old := s.presence.Swap(&p)
	if old.Show > im.ShowInvisible && p.Show <= im.ShowInvisible {
		s.srv.presence.sawNow(s.user)
	}
	s.srv.announce.announceUp(s.info())
	return nil
}

// ContactPresence implements im.Presences. From the first call on the session
// is told of changes.
func (s *session) ContactPresence(ctx context.Context) ([]im.UserPresence, error) {
	s.watching.Store(true)
	contacts, err := s.srv.store.Contacts(ctx, s.user)
	if err != nil {
		return nil, s.srv.public("contact presence", err)
	}
	var out []im.UserPresence
	for i := range contacts {
		if contacts[i].Sub.Has(im.SubTo) {
			out = append(out, s.srv.presence.watch(s, contacts[i].User))
		}
	}
	s.srv.presence.fillLastSeen(ctx, out)
	return out, nil
}
