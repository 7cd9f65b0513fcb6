package acs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

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
	lists := p.srv.blocks.many(ctx, users)
	p.readAddrs(ctx, p.mayBeBlocked(dirty, lists))
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

// mayBeBlocked lists those of users whom a watcher has blocked, if he has blocked
// anybody: their addresses are needed to tell.
func (p *presence) mayBeBlocked(users map[im.UserID]struct{}, lists map[im.UserID]*blockSet) (out []im.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for u := range users {
		for s := range p.watchers[u] {
			if s.user != u && lists[s.user].size() > 0 {
				out = append(out, u)
				break
			}
		}
	}
	return out
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
