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

// notice is one thing to tell to sessions.
type notice struct {
	to     []told
	what   im.UserPresence
	hidden bool // nothing may be learnt of when the user was there
}

type told struct {
	s *session
	w *watch
}

// flush tells the watchers what has changed. One call at a time runs.
func (p *presence) flush(ctx context.Context) {
	p.mu.Lock()
	dirty := p.dirty
	p.dirty = make(map[im.UserID]struct{})
	users := p.concernedLocked(dirty)
	p.mu.Unlock()
	lists := p.lists(ctx, users)
	var out []notice
	missing := false
	p.mu.Lock()
	for u := range dirty {
		some, known := p.noticesLocked(u, lists)
		out = append(out, some...)
		if !known {
			p.dirty[u] = struct{}{}
			missing = true
		}
	}
	for _, o := range p.owed {
		for _, before := range o.answered {
			w := p.watched[o.to][before.User]
			if w != nil && w.told != nil && (o.all || differs(before.UserPresence, w.told, o.to.proto)) {
				out = append(out, notice{[]told{{o.to, w}}, p.justLeft(*w.told, before.UserPresence), w.hidden})
			}
		}
	}
	p.owed = nil
	p.mu.Unlock()
	p.tell(ctx, out)
	if missing { // a list could not be read, or has become necessary since
		p.srv.after(blocksAgain, func(context.Context) { p.poke() })
	}
}

// blocksAgain is how soon a block list that could not be read is tried again.
const blocksAgain = 200 * time.Millisecond

// concernedLocked lists whose block lists a flush needs: those of the users that
// have changed, and of who watches them.
func (p *presence) concernedLocked(dirty map[im.UserID]struct{}) []im.UserID {
	users := make(map[im.UserID]struct{})
	for u := range dirty {
		users[u] = struct{}{}
		for s := range p.watchers[u] {
			users[s.user] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(users))
}

// viewLocked is how u is now. What has not changed is not made again.
func (p *presence) viewLocked(u im.UserID) *im.UserPresence {
	now := visible(u, p.srv.table.of(u))
	if old := p.views[u]; old != nil && old.Show == now.Show && old.Status == now.Status && slices.Equal(old.Resources, now.Resources) {
		return old
	}
	if len(p.watchers[u]) > 0 {
		p.views[u] = &now
	}
	return &now
}

// noticesLocked works out who has to be told what of u. known: all that it takes
// was in lists.
func (p *presence) noticesLocked(u im.UserID, lists map[im.UserID]*blockSet) (out []notice, known bool) {
	view := p.viewLocked(u)
	last := slices.DeleteFunc(p.parting[u], func(i im.SessionInfo) bool {
		return slices.ContainsFunc(view.Resources, func(r im.SessionInfo) bool { return r.SessionKey == i.SessionKey })
	})
	delete(p.parting, u)
	type group struct {
		view                 *im.UserPresence
		left, parted, hidden bool
	}
	groups := make(map[group][]told)
	nothing := &im.UserPresence{User: u}
	known = true
	for s, w := range p.watchers[u] {
		mine, hidden, ok := p.seenBy(s, view, lists)
		if !ok { // came in between, or cannot be read: what it was told stays for now
			known = false
			continue
		}
		if hidden {
			mine = nothing
		}
		parted := len(last) > 0 && s.proto == im.ProtocolXMPP && !hidden
		if !parted && !differs(w.told, mine, s.proto) {
			continue
		}
		g := group{mine, w.told != nil && w.told.Show != im.ShowOffline, parted, hidden}
		w.told, w.hidden = mine, hidden
		groups[g] = append(groups[g], told{s, w})
	}
	for g, to := range groups {
		n := notice{to: to, what: *g.view, hidden: g.hidden}
		if g.left && !g.hidden && n.what.Show == im.ShowOffline {
			n.what.LastSeen = p.srv.now().Add(-p.srv.cfg.Grace.D())
		}
		if g.parted {
			n.what.Resources = append(slices.Clone(n.what.Resources), last...)
		}
		out = append(out, n)
	}
	return out, known
}

// justLeft gives a user who was there a moment ago the earliest time at which he
// can have left: the node he was on may not have written it yet.
func (p *presence) justLeft(now im.UserPresence, before *im.UserPresence) im.UserPresence {
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
	list := make([]answer, len(out))
	for i := range out {
		list[i] = answer{&out[i].what, out[i].hidden}
	}
	p.fillLastSeen(ctx, list)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range out {
		for _, t := range out[i].to {
			if p.watchers[out[i].what.User][t.s] == t.w {
				t.s.sink.PushPresence(out[i].what)
			}
		}
	}
}

// fillLastSeen adds when offline users were last online, as far as they let
// their contacts know. What list holds already is the earliest that it can be.
func (p *presence) fillLastSeen(ctx context.Context, list []answer) {
	var offline []im.UserID
	for i := range list {
		if list[i].hidden {
			list[i].LastSeen = time.Time{}
		} else if list[i].Show == im.ShowOffline && list[i].User.Valid() {
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
		if list[i].hidden || list[i].Show != im.ShowOffline {
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

// LastSeen implements im.Presences. Who may not know gets the same answer for a
// user that does not exist.
func (s *session) LastSeen(ctx context.Context, u im.UserID) (time.Time, error) {
	if !u.Valid() {
		return time.Time{}, errNotYours()
	}
	list, err := s.srv.store.Profiles(ctx, []im.UserID{u})
	if err != nil {
		return time.Time{}, s.srv.public("last seen", err)
	}
	if len(list) == 0 {
		return time.Time{}, errNotYours()
	}
	if err := s.mayKnow(ctx, u, list[0].LastSeen); err != nil {
		return time.Time{}, err
	}
	if there := s.srv.table.of(u); seen(there) || u == s.user && len(there) > 0 {
		return time.Time{}, nil
	}
	p := s.srv.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.seen[u]; ok {
		return at, nil
	}
	return list[0].SeenAt, nil
}

func errNotYours() *im.Error {
	return im.Errorf(im.CodeForbidden, "you may not learn when that user was online")
}

// mayKnow refuses those from whom u keeps when he was online.
func (s *session) mayKnow(ctx context.Context, u im.UserID, who im.Visibility) error {
	if u == s.user {
		return nil
	}
	own, theirs, err := s.shutOut(ctx, s.addr, u, im.Addr{})
	switch {
	case err != nil:
		return err
	case own:
		return errOwnBlock()
	case theirs || who == im.ToNobody:
		return errNotYours()
	case who == im.ToEveryone:
		return nil
	}
	c, err := s.ContactOf(ctx, u)
	if err == nil && !c.Sub.Has(im.SubFrom) {
		return errNotYours()
	}
	return err
}
