package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// addrCache remembers the addresses of users; they never change. It is bounded
// by forgetting everything when it is full.
type addrCache struct {
	store AccountStore
	mu    sync.Mutex
	addrs map[im.UserID]im.Addr // guarded by mu
}

const maxAddrs = 100_000

func newAddrCache(store AccountStore) *addrCache {
	return &addrCache{store: store, addrs: make(map[im.UserID]im.Addr)}
}

func (c *addrCache) put(u im.UserID, a im.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.addrs) >= maxAddrs {
		clear(c.addrs)
	}
	c.addrs[u] = a
}

func (c *addrCache) peek(u im.UserID) (im.Addr, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.addrs[u]
	return a, ok
}

func (c *addrCache) get(ctx context.Context, u im.UserID) (im.Addr, error) {
	if a, ok := c.peek(u); ok {
		return a, nil
	}
	acct, err := c.store.AccountByID(ctx, u)
	if err != nil {
		return im.Addr{}, err
	}
	c.put(u, acct.Addr)
	return acct.Addr, nil
}

// nameCache remembers who has an address. An address stays with its user for
// ever, but the user may be removed, so that an answer holds for a moment only;
// what is sent to him meanwhile is refused where it would be stored. Who is not
// there is not remembered: he may register at any time. It is bounded as
// addrCache is.
type nameCache struct {
	srv   *Server
	mu    sync.Mutex
	users map[im.Addr]named // guarded by mu
}

type named struct {
	user im.UserID
	at   time.Time
}

const nameHold = 30 * time.Second

func newNameCache(s *Server) *nameCache { return &nameCache{srv: s, users: make(map[im.Addr]named)} }

func (c *nameCache) get(ctx context.Context, a im.Addr) (im.UserID, error) {
	now := c.srv.now()
	c.mu.Lock()
	n, ok := c.users[a]
	c.mu.Unlock()
	if ok && now.Sub(n.at) < nameHold {
		return n.user, nil
	}
	acct, err := c.srv.store.AccountByAddr(ctx, a)
	if err == nil && acct.Disabled {
		// Of a removed account the address is left, without an inbox.
		_, err = c.srv.headOf(ctx, acct.ID)
	}
	if err != nil {
		return 0, err
	}
	c.srv.addrs.put(acct.ID, acct.Addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.users) >= maxAddrs {
		clear(c.users)
	}
	c.users[a] = named{acct.ID, now}
	return acct.ID, nil
}
