// Package memory keeps presence inside the process: for a server without
// Redis, and for tests in which several nodes share one Registry. It does no
// I/O. Package cmd/cxxd makes it; the core and NAS call it.
package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Registry implements presence.Registry. Several nodes may share one.
type Registry struct {
	now func() time.Time

	mu        sync.Mutex                                     // guards all below
	nodes     map[im.NodeID]lease                            // newest incarnation of each node
	sessions  map[im.UserID]map[im.SessionKey]im.SessionInfo // by user
	owned     map[incarnation]map[im.SessionKey]struct{}     // the keys of sessions, by incarnation
	listeners map[im.NodeID]map[*listener]struct{}
}

type lease struct {
	node  im.Node
	until time.Time
}

type incarnation struct {
	id    im.NodeID
	epoch uint64
}

// New returns an empty registry. now tells the time leases are measured by;
// nil means time.Now.
func New(now func() time.Time) *Registry {
	if now == nil {
		now = time.Now
	}
	r := &Registry{now: now, listeners: make(map[im.NodeID]map[*listener]struct{})}
	r.Forget()
	return r
}

// Forget drops nodes and sessions, as a registry that restarts empty does.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = make(map[im.NodeID]lease)
	r.sessions = make(map[im.UserID]map[im.SessionKey]im.SessionInfo)
	r.owned = make(map[incarnation]map[im.SessionKey]struct{})
}

// Announce renews the lease of a node; see presence.Registry.
func (r *Registry) Announce(_ context.Context, n im.Node, d time.Duration) (known bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	old, had := r.nodes[n.ID]
	alive := had && now.Before(old.until)
	if alive && old.node.Epoch > n.Epoch {
		return false, im.Errorf(im.CodeConflict,
			"node id %d belongs to a newer incarnation; give every node its own id, or stop this process", n.ID)
	}
	r.nodes[n.ID] = lease{node: n, until: now.Add(d)}
	return alive && old.node.Epoch == n.Epoch, nil
}

// Withdraw ends the lease of an incarnation and removes its sessions.
func (r *Registry) Withdraw(_ context.Context, id im.NodeID, epoch uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.nodes[id].node.Epoch == epoch {
		delete(r.nodes, id)
	}
	r.dropOwned(incarnation{id, epoch})
	return nil
}

// Nodes returns the nodes with a live lease, in the order of their ids.
func (r *Registry) Nodes(context.Context) ([]im.Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var out []im.Node
	for _, l := range r.nodes {
		if now.Before(l.until) {
			out = append(out, l.node)
		}
	}
	slices.SortFunc(out, func(a, b im.Node) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Put records sessions.
func (r *Registry) Put(_ context.Context, sessions []im.SessionInfo) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sessions {
		if r.sessions[s.User] == nil {
			r.sessions[s.User] = make(map[im.SessionKey]im.SessionInfo, 1)
		}
		r.sessions[s.User][s.SessionKey] = s
		inc := incarnation{s.Node, s.NodeEpoch}
		if r.owned[inc] == nil {
			r.owned[inc] = make(map[im.SessionKey]struct{})
		}
		r.owned[inc][s.SessionKey] = struct{}{}
	}
	return nil
}

// Remove takes sessions out.
func (r *Registry) Remove(_ context.Context, keys []im.SessionKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keys {
		r.drop(k)
		inc := incarnation{k.Node, k.NodeEpoch}
		delete(r.owned[inc], k)
		if len(r.owned[inc]) == 0 {
			delete(r.owned, inc)
		}
	}
	return nil
}

// Lookup returns the sessions of users whose node incarnation is alive.
func (r *Registry) Lookup(_ context.Context, users []im.UserID) (map[im.UserID][]im.SessionInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	out := make(map[im.UserID][]im.SessionInfo, len(users))
	for _, u := range users {
		if _, done := out[u]; done {
			continue
		}
		for k, s := range r.sessions[u] {
			if r.alive(incarnation{k.Node, k.NodeEpoch}, now) {
				out[u] = append(out[u], s)
			}
		}
	}
	return out, nil
}

// Sweep removes the sessions of incarnations without a lease.
func (r *Registry) Sweep(context.Context) (removed []im.SessionInfo, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for inc := range r.owned {
		if !r.alive(inc, now) {
			removed = append(removed, r.dropOwned(inc)...)
		}
	}
	for id, l := range r.nodes {
		if !now.Before(l.until) {
			delete(r.nodes, id)
		}
	}
	return removed, nil
}

// alive is called with mu held.
func (r *Registry) alive(inc incarnation, now time.Time) bool {
	l, ok := r.nodes[inc.id]
	return ok && l.node.Epoch == inc.epoch && now.Before(l.until)
}

// drop is called with mu held.
func (r *Registry) drop(k im.SessionKey) {
	delete(r.sessions[k.User], k)
	if len(r.sessions[k.User]) == 0 {
		delete(r.sessions, k.User)
	}
}

// dropOwned is called with mu held.
func (r *Registry) dropOwned(inc incarnation) []im.SessionInfo {
	gone := make([]im.SessionInfo, 0, len(r.owned[inc]))
	for k := range r.owned[inc] {
		gone = append(gone, r.sessions[k.User][k])
		r.drop(k)
	}
	delete(r.owned, inc)
	return gone
}
