package acs

import (
	"context"
	"sync"

	"github.com/cxx-im/cxx/im"
)

const (
	maxName     = 256
	maxProfiles = 200
)

// ProfileSet implements im.Profiles.
func (s *session) ProfileSet(ctx context.Context, p im.Profile) error {
	if len(p.Name) > maxName {
		return im.Errorf(im.CodeTooLarge, "the name has %d bytes; at most %d are taken", len(p.Name), maxName)
	}
	if p.LastSeen > im.ToEveryone {
		return im.Errorf(im.CodeInvalid, "the setting for last seen is not known")
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	logged, err := s.srv.store.UpdateAccount(ctx, s.user, func(a *im.Account) ([]im.Entry, error) {
		a.Profile.Name, a.Profile.LastSeen = p.Name, p.LastSeen
		after := a.Profile
		after.User, after.Addr = a.ID, a.Addr
		return []im.Entry{{MsgID: s.srv.clock.Next(), Kind: im.KindProfile, From: s.user, Peer: s.user, Profile: &after}}, nil
	})
	if err != nil {
		return s.srv.public("profile", err)
	}
	s.srv.Deliver(s.user, logged)
	return nil
}

// ProfileGet implements im.Profiles.
func (s *session) ProfileGet(ctx context.Context, users []im.UserID) ([]im.Profile, error) {
	if len(users) > maxProfiles {
		return nil, im.Errorf(im.CodeTooMany, "at most %d profiles can be asked for at once", maxProfiles)
	}
	list, err := s.srv.store.Profiles(ctx, users)
	if err != nil {
		return nil, s.srv.public("profiles", err)
	}
	for i := range list {
		if list[i].User != s.user {
			list[i].LastSeen = 0
		}
	}
	return list, nil
}

// Resolve implements im.Profiles.
func (s *session) Resolve(ctx context.Context, a im.Addr) (im.UserID, error) {
	acct, err := s.srv.store.AccountByAddr(ctx, a.Bare())
	if err != nil {
		return 0, s.srv.public("resolve", err)
	}
	s.srv.addrs.put(acct.ID, acct.Addr)
	return acct.ID, nil
}

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

func (c *addrCache) get(ctx context.Context, u im.UserID) (im.Addr, error) {
	c.mu.Lock()
	a, ok := c.addrs[u]
	c.mu.Unlock()
	if ok {
		return a, nil
	}
	acct, err := c.store.AccountByID(ctx, u)
	if err != nil {
		return im.Addr{}, err
	}
	c.put(u, acct.Addr)
	return acct.Addr, nil
}
