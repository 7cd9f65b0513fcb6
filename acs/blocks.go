package acs

import (
	"container/list"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// blocks remembers block lists, so that a message costs no read. Linked peers say
// when a list changes; one that is not linked is followed by reading again.
// Any goroutine may call it.
type blocks struct {
	srv *Server

	mu      sync.Mutex
	lists   map[im.UserID]*list.Element // guarded by mu: of blockList
	recent  *list.List                  // guarded by mu: the last used first
	loading map[im.UserID]*blockLoad    // guarded by mu: lists that are being read
	doubted time.Time                   // guarded by mu: what was read before may have changed unheard
	version uint64                      // guarded by mu: counts what was dropped
	addrs   int                         // guarded by mu: in all lists together
}

type blockList struct {
	user im.UserID
	set  *blockSet
	at   time.Time
}

// blockLoad is one read that others wait for.
type blockLoad struct {
	done  chan struct{}
	set   *blockSet
	err   error
	stale bool // guarded by blocks.mu: the list has changed meanwhile
}

const (
	maxBlockLists = 50_000
	maxBlockAddrs = 500_000 // in all lists together
	// How long a list holds when all peers are linked, and when one may be changing
	// it unheard.
	blocksHold     = time.Minute
	blocksHoldAway = 5 * time.Second
	blocksPatience = 3 * time.Second
)

func newBlocks(s *Server) *blocks {
	return &blocks{srv: s, lists: make(map[im.UserID]*list.Element), recent: list.New(), loading: make(map[im.UserID]*blockLoad)}
}

func (b *blocks) hold() time.Duration {
	if p := b.srv.peers; p.someUnlinked() || p.down.Load() {
		return blocksHoldAway
	}
	return blocksHold
}

// peek returns what is remembered of the list of u, if it still holds.
func (b *blocks) peek(u im.UserID) (_ *blockSet, ok bool) {
	if !u.Valid() {
		return nil, true
	}
	hold, now := b.hold(), b.srv.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.lists[u]
	if e == nil {
		return nil, false
	}
	l := e.Value.(*blockList) //nolint:forcetypeassert // see lists
	if now.Sub(l.at) >= hold || l.at.Before(b.doubted) {
		return nil, false
	}
	b.recent.MoveToFront(e)
	return l.set, true
}

// get returns the list of u. While the storage does not answer, what was known
// last has to do.
func (b *blocks) get(ctx context.Context, u im.UserID) (*blockSet, error) {
	for {
		if l, ok := b.peek(u); ok {
			return l, nil
		}
		b.mu.Lock()
		load, mine := b.loading[u], false
		if load == nil {
			load, mine = &blockLoad{done: make(chan struct{})}, true
			b.loading[u] = load
		}
		b.mu.Unlock()
		if mine {
			b.load(ctx, u, load)
		}
		select {
		case <-load.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case load.err != nil && !mine && ctx.Err() == nil && isContext(load.err):
			continue // who asked first has given up
		case load.err != nil || !load.stale:
			return load.set, load.err
		}
	}
}

func isContext(err error) bool { return err == context.Canceled || err == context.DeadlineExceeded } //nolint:errorlint // as load keeps them

func (b *blocks) load(ctx context.Context, u im.UserID, l *blockLoad) {
	at := b.srv.now()
	found, err := b.srv.store.Blocks(ctx, u)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	b.loaded(u, l, newBlockSet(found), err, at)
}

// loaded ends a read that began at a time.
func (b *blocks) loaded(u im.UserID, l *blockLoad, set *blockSet, err error, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loading[u] == l {
		delete(b.loading, u)
	}
	l.set, l.err = set, err
	switch old := b.lists[u]; {
	case err != nil && old != nil && !l.stale:
		l.set, l.err = old.Value.(*blockList).set, nil //nolint:forcetypeassert // see lists
	case err == nil && !l.stale:
		b.putLocked(&blockList{user: u, set: set, at: at})
	}
	close(l.done)
}

func (b *blocks) putLocked(l *blockList) {
	b.removeLocked(l.user)
	b.lists[l.user] = b.recent.PushFront(l)
	b.addrs += l.set.size()
	for len(b.lists) > maxBlockLists || b.addrs > maxBlockAddrs && len(b.lists) > 1 {
		b.removeLocked(b.recent.Back().Value.(*blockList).user) //nolint:forcetypeassert // see lists
	}
}

func (b *blocks) removeLocked(u im.UserID) {
	if e := b.lists[u]; e != nil {
		b.addrs -= b.recent.Remove(e).(*blockList).set.size() //nolint:forcetypeassert // see lists
		delete(b.lists, u)
	}
}

// drop forgets the list of u, which has changed.
func (b *blocks) drop(u im.UserID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version++
	b.removeLocked(u)
	if l := b.loading[u]; l != nil {
		l.stale = true
		delete(b.loading, u) // who asks from now on reads again
	}
}

// doubt makes every list be read again when it is used next: a link has ended or
// begun, and what the peer said meanwhile was not heard.
func (b *blocks) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version++
	b.doubted = b.srv.now()
	for u, l := range b.loading {
		l.stale = true
		delete(b.loading, u)
	}
}

func (b *blocks) changes() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.version
}

// blocked reports whether owner has blocked a.
func (b *blocks) blocked(ctx context.Context, owner im.UserID, a im.Addr) (bool, error) {
	l, err := b.get(ctx, owner)
	return l.covers(a), err
}

// many returns the lists of users, as far as they can be read: all that are
// missing at once.
func (b *blocks) many(ctx context.Context, users []im.UserID) map[im.UserID]*blockSet {
	ctx, cancel := context.WithTimeout(ctx, blocksPatience)
	defer cancel()
	out := make(map[im.UserID]*blockSet, len(users))
	var missing []im.UserID
	for _, u := range users {
		if l, ok := b.peek(u); ok {
			out[u] = l
		} else {
			missing = append(missing, u)
		}
	}
	mine := b.loadAll(ctx, missing)
	for _, u := range missing {
		if l := mine[u]; l != nil && l.err != nil {
			b.srv.log.Debug("block list could not be read", "user", u, "err", l.err)
			continue
		}
		// Is there now, or is being read for somebody else, or has changed meanwhile.
		if l, err := b.get(ctx, u); err == nil {
			out[u] = l
		}
	}
	return out
}

// loadAll reads lists that nobody reads at the moment.
func (b *blocks) loadAll(ctx context.Context, users []im.UserID) (mine map[im.UserID]*blockLoad) {
	mine = make(map[im.UserID]*blockLoad, len(users))
	b.mu.Lock()
	for _, u := range users {
		if b.loading[u] == nil {
			mine[u] = &blockLoad{done: make(chan struct{})}
			b.loading[u] = mine[u]
		}
	}
	b.mu.Unlock()
	if len(mine) == 0 {
		return nil
	}
	at := b.srv.now()
	found, err := b.srv.store.BlockLists(ctx, slices.Collect(maps.Keys(mine)))
	for u, l := range mine {
		list, ok := found[u]
		if ok {
			b.loaded(u, l, newBlockSet(list), nil, at)
			continue
		}
		if err == nil {
			err = errNoList
		}
		b.loaded(u, l, nil, err, at)
	}
	return mine
}

var errNoList = errors.New("acs: the storage left out a block list")

// recheckAway looks again at whom the users of peers without a link may have
// blocked: they do not say so.
func (s *Server) recheckAway() {
	if !s.peers.someUnlinked() {
		return
	}
	for _, n := range s.peers.unlinkedPeers() {
		for _, info := range s.table.sessionsOf(n) {
			s.presence.reconsider(info.User)
		}
	}
}
