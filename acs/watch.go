package acs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// watch is one session's interest in one user.
type watch struct {
	told   *im.UserPresence // guarded by presence.mu: what the session knows; nil: nothing yet. What it points to never changes.
	hidden bool             // guarded by presence.mu: and it may know nothing else
}

// loading is a contact list that is being read: what changed meanwhile, and
// whether it may be seen.
type loading struct{ changed map[im.UserID]bool }

// answer is what a session was told of a user in answer to its question.
type answer struct {
	*im.UserPresence
	hidden bool // because of a block: nothing else may be learnt either
}

// watchLocked makes s hear of u.
func (p *presence) watchLocked(s *session, u im.UserID) *watch {
	if w := p.watchers[u][s]; w != nil {
		return w
	}
	w := &watch{}
	if s.closed.Load() {
		return w
	}
	if p.watchers[u] == nil {
		p.watchers[u] = make(map[*session]*watch, 1)
	}
	if p.watched[s] == nil {
		p.watched[s] = make(map[im.UserID]*watch)
	}
	p.watchers[u][s], p.watched[s][u] = w, w
	return w
}

func (p *presence) dropLocked(s *session, u im.UserID) bool {
	if _, ok := p.watchers[u][s]; !ok {
		return false
	}
	delete(p.watched[s], u)
	delete(p.watchers[u], s)
	if len(p.watchers[u]) == 0 {
		delete(p.watchers, u)
		delete(p.dirty, u)
		delete(p.parting, u)
		delete(p.views, u)
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
// the lock of the session's feed held and does not wait. Whom the session may
// not see any more is gone at once, pushed under the lock of presence, so that
// no older notice comes behind; whom it may see from now on, flush shows.
func (p *presence) contactChanged(s *session, c *im.Contact) {
	p.mu.Lock()
	defer p.mu.Unlock()
	may := c.Sub.Has(im.SubTo)
	for _, l := range p.loading[s] {
		l.changed[c.User] = may
	}
	switch {
	case may && p.watchers[c.User][s] == nil:
		p.watchLocked(s, c.User)
		p.dirtyLocked(c.User)
	case !may && p.dropLocked(s, c.User):
		s.sink.PushPresence(im.UserPresence{User: c.User})
	}
}

// follow reads the contact list of s and makes s watch those whom its user may
// see, and nobody else; an XMPP session sees the user's own sessions besides (RFC
// 6121 section 4.2.2). It returns how they are.
func (p *presence) follow(ctx context.Context, s *session) ([]answer, error) {
	l := &loading{changed: make(map[im.UserID]bool)}
	p.mu.Lock()
	p.loading[s] = append(p.loading[s], l)
	p.mu.Unlock()
	version := p.srv.blocks.changes()
	contacts, err := p.srv.store.Contacts(ctx, s.user)
	lists := p.listsFor(ctx, s, contacts)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading[s] = slices.DeleteFunc(p.loading[s], func(x *loading) bool { return x == l })
	if len(p.loading[s]) == 0 {
		delete(p.loading, s)
	}
	if err != nil {
		return nil, err
	}
	may := make(map[im.UserID]bool, len(contacts)+1)
	for i := range contacts {
		may[contacts[i].User] = contacts[i].Sub.Has(im.SubTo) && contacts[i].User.Valid()
	}
	may[s.user] = s.proto == im.ProtocolXMPP
	// What was pushed meanwhile may not be in the list yet.
	maps.Copy(may, l.changed)
	for u := range p.watched[s] {
		if !may[u] && p.dropLocked(s, u) {
			s.sink.PushPresence(im.UserPresence{User: u})
		}
	}
	again := p.srv.blocks.changes() != version
	var out []answer
	for u, yes := range may {
		if !yes {
			continue
		}
		w := p.watchLocked(s, u)
		view := p.viewLocked(u)
		mine, hidden, known := p.seenBy(s, view, lists)
		w.told, w.hidden = mine, hidden
		if again || !known {
			p.dirtyLocked(u)
		}
		out = append(out, answer{mine, hidden})
	}
	return out, nil
}

// listsFor reads the block lists that decide what s sees of its contacts: its
// user's, and theirs.
func (p *presence) listsFor(ctx context.Context, s *session, contacts []im.Contact) map[im.UserID]*blockSet {
	users := []im.UserID{s.user}
	for i := range contacts {
		c := &contacts[i]
		// Of who is away only C-XX sessions learn anything: since when.
		if !c.Sub.Has(im.SubTo) || !c.User.Valid() || s.proto == im.ProtocolXMPP && !seen(p.srv.table.of(c.User)) {
			continue
		}
		users = append(users, c.User)
		if !c.Addr.IsZero() {
			p.srv.addrs.put(c.User, c.Addr)
		}
	}
	lists := p.srv.blocks.many(ctx, users)
	if lists[s.user].size() > 0 {
		p.readAddrs(ctx, users[1:])
	}
	return lists
}

// readAddrs sees to it that addresses of users are known, as far as they can be
// read.
func (p *presence) readAddrs(ctx context.Context, users []im.UserID) {
	for _, u := range users {
		if _, err := p.srv.addrs.get(ctx, u); err != nil {
			p.srv.log.Debug("address could not be read", "user", u, "err", err)
		}
	}
}

// seenBy is what s may know of the user of view. lists holds the block lists of
// both. hidden: not even since when he is away, because of a block or because a
// list is missing. known is false when one is missing of a user who is there.
func (p *presence) seenBy(s *session, view *im.UserPresence, lists map[im.UserID]*blockSet) (mine *im.UserPresence, hidden, known bool) {
	if view.User == s.user {
		return view, false, true
	}
	own, ok := lists[s.user]
	theirs, ok2 := lists[view.User]
	addr := im.Addr{}
	if own.size() > 0 {
		var ok3 bool
		addr, ok3 = p.srv.addrs.peek(view.User)
		ok = ok && ok3
	}
	off := view.Show == im.ShowOffline
	switch {
	case !ok || !ok2 || theirs.covers(s.addr):
		known = off || ok && ok2
		if !off {
			view = &im.UserPresence{User: view.User}
		}
		return view, true, known
	case own.size() == 0 || off && !own.covers(addr):
		return view, false, true
	case own.covers(addr):
		return &im.UserPresence{User: view.User}, true, true
	}
	return withoutBlocked(view, addr, own), false, true
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

// reconsider looks again at whom u sees and who sees u: his block list has
// changed.
func (p *presence) reconsider(u im.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirtyLocked(u)
	for _, s := range p.srv.hub.of(u) {
		for target := range p.watched[s] {
			p.dirtyLocked(target)
		}
	}
}
