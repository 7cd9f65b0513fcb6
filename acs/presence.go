package acs

import (
	"context"
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
	watchers map[im.UserID]map[*session]*watch // guarded by mu: target to sessions
	watched  map[*session]map[im.UserID]*watch // guarded by mu: the reverse
	views    map[im.UserID]*im.UserPresence    // guarded by mu: how targets were last; shared by those who were told
	dirty    map[im.UserID]struct{}            // guarded by mu: targets to look at
	parting  map[im.UserID][]im.SessionInfo    // guarded by mu: last words of sessions, to be told once
	loading  map[*session][]*loading           // guarded by mu: contact lists that are being read
	owed     []owing                           // guarded by mu: sessions to be told again
	seen     map[im.UserID]time.Time           // guarded by mu: last seen, to be saved
}

// owing is what a session was answered. What has changed since is told again: a
// notice that went out before the answer is older to the client.
type owing struct {
	to       *session
	answered []answer
	all      bool // whether it has changed or not
}

func newPresence(s *Server) *presence {
	return &presence{
		srv: s, wake: make(chan struct{}, 1),
		watchers: make(map[im.UserID]map[*session]*watch),
		watched:  make(map[*session]map[im.UserID]*watch),
		views:    make(map[im.UserID]*im.UserPresence),
		dirty:    make(map[im.UserID]struct{}),
		parting:  make(map[im.UserID][]im.SessionInfo),
		loading:  make(map[*session][]*loading),
		seen:     make(map[im.UserID]time.Time),
	}
}

// touch says that the sessions of u have changed.
func (p *presence) touch(u im.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirtyLocked(u)
}

func (p *presence) dirtyLocked(u im.UserID) {
	if _, wanted := p.watchers[u]; wanted {
		p.dirty[u] = struct{}{}
		p.poke()
	}
}

// maxParting is how many last words of a user's sessions are told at once.
const maxParting = 16

// part takes the last words of sessions that were seen.
func (p *presence) part(list []im.SessionInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, info := range list {
		if _, wanted := p.watchers[info.User]; wanted && len(p.parting[info.User]) < maxParting {
			p.parting[info.User] = append(p.parting[info.User], info)
			p.dirtyLocked(info.User)
		}
	}
}

func (p *presence) touchAll(users []im.UserID) {
	for _, u := range users {
		p.touch(u)
	}
	p.srv.rooms.touch(users)
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
			p.srv.recheckAway()
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

// checkPresence refuses what is too large or not known.
func checkPresence(p *im.Presence) error {
	const maxStatus = 1024
	switch {
	case p.Show > im.ShowChat:
		return im.Errorf(im.CodeInvalid, "presence %d is not known", p.Show)
	case len(p.Status) > maxStatus:
		return im.Errorf(im.CodeTooLarge, "the status text has %d bytes; at most %d are taken", len(p.Status), maxStatus)
	case len(p.Ext) > maxExt:
		return im.Errorf(im.CodeTooLarge, "the presence has %d bytes of extensions; at most %d are taken", len(p.Ext), maxExt)
	case len(p.Interests) > maxExt:
		return im.Errorf(im.CodeTooLarge, "the names of the wanted nodes have %d bytes; at most %d are taken", len(p.Interests), maxExt)
	}
	return nil
}

// SetPresence implements im.Presences. Going offline is never held back.
func (s *session) SetPresence(ctx context.Context, p im.Presence) error {
	if err := checkPresence(&p); err != nil {
		return err
	}
	if s.closed.Load() {
		return im.Errorf(im.CodeBadState, "the session has ended")
	}
	if p.Show != im.ShowOffline {
		if err := s.pace(ctx); err != nil {
			return err
		}
	}
	old := s.presence.Swap(&p)
	if *old == p {
		return nil
	}
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
	list, err := p.follow(ctx, s)
	if err != nil {
		return nil, s.srv.public("contact presence", err)
	}
	answered := slices.Clone(list)
	out := make([]im.UserPresence, len(list))
	for i := range list {
		out[i] = *list[i].UserPresence
		list[i].UserPresence = &out[i]
	}
	if s.proto != im.ProtocolXMPP { // which asks for one at a time
		p.fillLastSeen(ctx, list)
	}
	s.srv.after(time.Second, func(context.Context) { p.owe(owing{to: s, answered: answered}) })
	return out, nil
}

// SessionsOf implements im.Presences.
func (s *session) SessionsOf(u im.UserID) []im.SessionInfo {
	entries := s.srv.table.of(u)
	out := make([]im.SessionInfo, len(entries))
	for i, e := range entries {
		out[i] = e.SessionInfo
	}
	return out
}
