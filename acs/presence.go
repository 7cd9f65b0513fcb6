package acs

import (
	"context"
	"maps"
	"slices"
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
	loading  map[*session][]*loading             // guarded by mu: contact lists that are being read
	owed     []owing                             // guarded by mu: sessions to be told again
	seen     map[im.UserID]time.Time             // guarded by mu: last seen, to be saved
}

// loading is a contact list that is being read: what changed meanwhile, and
// whether it may be seen.
type loading struct{ changed map[im.UserID]bool }

// owing is what a session was answered. What has changed since is told again: a
// notice that went out before the answer is older to the client.
type owing struct {
	to       *session
	answered []im.UserPresence
	all      bool // whether it has changed or not
}

func newPresence(s *Server) *presence {
	return &presence{
		srv: s, wake: make(chan struct{}, 1),
		watchers: make(map[im.UserID]map[*session]struct{}),
		watched:  make(map[*session]map[im.UserID]struct{}),
		told:     make(map[im.UserID]im.UserPresence),
		dirty:    make(map[im.UserID]struct{}),
		loading:  make(map[*session][]*loading),
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

// sawNow notes that users were online until now.
func (p *presence) sawNow(users ...im.UserID) {
	now := p.srv.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range users {
		p.seen[u] = now
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

// flush tells the watchers what has changed.
func (p *presence) flush(ctx context.Context) {
	var out []notice
	p.mu.Lock()
	for u := range p.dirty {
		now, before := visible(u, p.srv.table.of(u)), p.told[u]
		if now == before {
			continue
		}
		p.told[u] = now
		out = append(out, notice{sessionsIn(p.watchers[u]), p.justLeft(now, before)})
	}
	clear(p.dirty)
	for _, o := range p.owed {
		for _, before := range o.answered {
			now := visible(before.User, p.srv.table.of(before.User))
			if o.all || now.Show != before.Show || now.Status != before.Status {
				out = append(out, notice{[]*session{o.to}, p.justLeft(now, before)})
			}
		}
	}
	p.owed = nil
	p.mu.Unlock()
	p.tell(ctx, out)
}

// justLeft gives a user who was there a moment ago the earliest time at which he
// can have left: the node he was on may not have written it yet.
func (p *presence) justLeft(now, before im.UserPresence) im.UserPresence {
	if now.Show == im.ShowOffline && before.Show != im.ShowOffline {
		now.LastSeen = p.srv.now().Add(-p.srv.cfg.Grace.D())
	}
	return now
}

// owe sees to it that flush tells a session again. Only flush asks the storage
// between looking and telling, so that nothing older comes behind.
func (p *presence) owe(o owing) {
	p.mu.Lock()
	p.owed = append(p.owed, o)
	p.mu.Unlock()
	p.poke()
}

// tell pushes notices to those who still watch: the storage was asked in
// between, and who has lost the right meanwhile was told so.
func (p *presence) tell(ctx context.Context, out []notice) {
	list := make([]im.UserPresence, len(out))
	for i := range out {
		list[i] = out[i].what
	}
	p.fillLastSeen(ctx, list)
	for i := range out {
		p.push(out[i].to, list[i])
	}
}

func (p *presence) push(to []*session, what im.UserPresence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range to {
		if _, ok := p.watchers[what.User][s]; ok {
			s.sink.PushPresence(what)
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
// their contacts know. What list holds already is the earliest that it can be.
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
	// Without an answer nobody knows who lets it be known. It is a nicety; offline
	// is what counts.
	profiles, err := p.srv.store.Profiles(ctx, offline)
	if err != nil {
		p.srv.log.Debug("last-seen times could not be read", "err", err)
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
		if list[i].Show != im.ShowOffline {
			continue
		}
		seen, shown := at[list[i].User]
		if !shown {
			list[i].LastSeen = time.Time{}
		} else if seen.After(list[i].LastSeen) {
			list[i].LastSeen = seen
		}
	}
}

// watchLocked makes s hear of u and returns what is known at this moment.
func (p *presence) watchLocked(s *session, u im.UserID) im.UserPresence {
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
// the lock of the session's feed held and does not wait. It pushes under its
// own lock, so that no older notice comes behind.
func (p *presence) contactChanged(s *session, c *im.Contact) {
	p.mu.Lock()
	defer p.mu.Unlock()
	may := c.Sub.Has(im.SubTo)
	for _, l := range p.loading[s] {
		l.changed[c.User] = may
	}
	switch {
	case may:
		s.sink.PushPresence(p.watchLocked(s, c.User))
	case p.dropLocked(s, c.User):
		s.sink.PushPresence(im.UserPresence{User: c.User})
	}
}

// follow reads the contact list of s and makes s watch those whom its user may
// see, and nobody else. It returns how they are.
func (p *presence) follow(ctx context.Context, s *session) ([]im.UserPresence, error) {
	l := &loading{changed: make(map[im.UserID]bool)}
	p.mu.Lock()
	p.loading[s] = append(p.loading[s], l)
	p.mu.Unlock()
	contacts, err := p.srv.store.Contacts(ctx, s.user)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading[s] = slices.DeleteFunc(p.loading[s], func(x *loading) bool { return x == l })
	if len(p.loading[s]) == 0 {
		delete(p.loading, s)
	}
	if err != nil {
		return nil, err
	}
	may := make(map[im.UserID]bool, len(contacts))
	for i := range contacts {
		may[contacts[i].User] = contacts[i].Sub.Has(im.SubTo)
	}
	// What was pushed meanwhile may not be in the list yet.
	maps.Copy(may, l.changed)
	for u := range p.watched[s] {
		if !may[u] && p.dropLocked(s, u) {
			s.sink.PushPresence(im.UserPresence{User: u})
		}
	}
	var out []im.UserPresence
	for u, yes := range may {
		if yes {
			out = append(out, p.watchLocked(s, u))
		}
	}
	return out, nil
}

// rewatch brings a session that had fallen behind up to date.
func (p *presence) rewatch(ctx context.Context, s *session) {
	now, err := p.follow(ctx, s)
	if err != nil {
		if ctx.Err() == nil && !s.closed.Load() {
			p.srv.after(time.Second, func(ctx context.Context) { p.rewatch(ctx, s) })
		}
		return
	}
	p.owe(owing{to: s, answered: now, all: true})
}

// SetPresence implements im.Presences.
func (s *session) SetPresence(ctx context.Context, p im.Presence) error {
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
	if err := s.pace(ctx); err != nil {
		return err
	}
	old := s.presence.Swap(&p)
	if old.Show > im.ShowInvisible && p.Show <= im.ShowInvisible {
		s.srv.presence.sawNow(s.user)
	}
	s.srv.announce.announceUp(s)
	return nil
}

// ContactPresence implements im.Presences. From the first call on the session
// is told of changes.
func (s *session) ContactPresence(ctx context.Context) ([]im.UserPresence, error) {
	p := s.srv.presence
	s.watching.Store(true)
	out, err := p.follow(ctx, s)
	if err != nil {
		return nil, s.srv.public("contact presence", err)
	}
	p.fillLastSeen(ctx, out)
	answered := slices.Clone(out)
	s.srv.after(time.Second, func(context.Context) { p.owe(owing{to: s, answered: answered}) })
	return out, nil
}
