package client

import (
	"context"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// names remembers which user has which address; both never change. Of groups it
// keeps the title too, as it was seen last.
type names struct {
	mu    sync.RWMutex
	user  map[im.Addr]im.UserID     // guarded by mu
	addr  map[im.UserID]im.Addr     // guarded by mu
	group map[im.GroupID]GroupLabel // guarded by mu
}

func newNames() *names {
	return &names{user: make(map[im.Addr]im.UserID), addr: make(map[im.UserID]im.Addr), group: make(map[im.GroupID]GroupLabel)}
}

func (n *names) put(u im.UserID, a im.Addr) {
	if u == 0 || a.Local == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.user[a.Bare()], n.addr[u] = u, a.Bare()
}

func (n *names) userOf(a im.Addr) (im.UserID, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	u, ok := n.user[a.Bare()]
	return u, ok
}

func (n *names) addrOf(u im.UserID) (im.Addr, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	a, ok := n.addr[u]
	return a, ok
}

// Resolve returns the id of a user. A name without a domain is taken in the
// domain of the account. It answers CodeNotFound for an unknown user.
func (c *Client) Resolve(ctx context.Context, who string) (im.UserID, error) {
	if !strings.Contains(who, "@") {
		who += "@" + c.addr.Domain
	}
	a, err := im.ParseAddr(who)
	if err != nil {
		return 0, err
	}
	if u, ok := c.names.userOf(a); ok {
		return u, nil
	}
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Resolve{Resolve: &cxxpb.ResolveCall{Addr: a.Bare().String()}}})
	if err != nil {
		return 0, err
	}
	u := im.UserID(r.GetResolve().GetUser())
	if u == 0 {
		return 0, im.Errorf(im.CodeNotFound, "there is no user %s", a.Bare())
	}
	c.names.put(u, a)
	return u, nil
}

// AddrOf returns the address of a user. It asks the server once for each user;
// the zero Addr means that there is no such user any more.
func (c *Client) AddrOf(ctx context.Context, u im.UserID) (im.Addr, error) {
	if a, ok := c.KnownAddr(u); ok {
		return a, nil
	}
	if _, err := c.Profiles(ctx, u); err != nil {
		return im.Addr{}, err
	}
	a, _ := c.names.addrOf(u)
	return a, nil
}

// KnownAddr returns the address of a user when it is known without asking.
func (c *Client) KnownAddr(u im.UserID) (im.Addr, bool) {
	if me, _, _ := c.Me(); u == me && u != 0 {
		return c.addr, true
	}
	return c.names.addrOf(u)
}

// Profiles returns the profiles of users that exist, in any order.
func (c *Client) Profiles(ctx context.Context, users ...im.UserID) ([]im.Profile, error) {
	ask := &cxxpb.ProfilesCall{Users: make([]uint64, len(users))}
	for i, u := range users {
		ask.Users[i] = uint64(u)
	}
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Profiles{Profiles: ask}})
	if err != nil {
		return nil, err
	}
	profiles := fromPB(r.GetProfiles().GetProfiles(), proto.ProfileFromPB)
	for _, p := range profiles {
		c.names.put(p.User, p.Addr)
	}
	return profiles, nil
}

func fromPB[P, V any](in []P, f func(P) *V) []V {
	out := make([]V, len(in))
	for i := range in {
		out[i] = *f(in[i])
	}
	return out
}
