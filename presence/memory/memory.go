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

	mu        sync.Mutex                     // guards all below
	nodes     map[im.NodeID]lease            // newest incarnation of each node
	sessions  map[im.UserID][]im.SessionInfo // a user has few; a map for each would cost a single node memory per connection
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
	r.sessions = make(map[im.UserID][]im.SessionInfo)
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
	r.dropIf(func(s *im.SessionInfo) bool { return s.Node == id && s.NodeEpoch == epoch })
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
		list := r.sessions[s.User]
		if i := index(list, s.SessionKey); i >= 0 {
			list[i] = s
			continue
		}
		r.sessions[s.User] = append(slices.Clip(list), s)
	}
	return nil
}

// Remove takes sessions out.
func (r *Registry) Remove(_ context.Context, keys []im.SessionKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keys {
		list := r.sessions[k.User]
		if i := index(list, k); i >= 0 {
			r.keep(k.User, slices.Delete(list, i, i+1))
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
		for _, s := range r.sessions[u] {
			if r.alive(incarnation{s.Node, s.NodeEpoch}, now) {
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
	removed = r.dropIf(func(s *im.SessionInfo) bool { return !r.alive(incarnation{s.Node, s.NodeEpoch}, now) })
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

// dropIf removes sessions and returns them. It is called with mu held.
func (r *Registry) dropIf(match func(*im.SessionInfo) bool) (removed []im.SessionInfo) {
	for u, list := range r.sessions {
		if !slices.ContainsFunc(list, func(s im.SessionInfo) bool { return match(&s) }) {
			continue
		}
		kept := list[:0:0]
		for i := range list {
			if match(&list[i]) {
				removed = append(removed, list[i])
			} else {
				kept = append(kept, list[i])
			}
		}
		r.keep(u, kept)
	}
	return removed
}

// keep is called with mu held.
func (r *Registry) keep(u im.UserID, list []im.SessionInfo) {
	if len(list) == 0 {
		delete(r.sessions, u)
		return
	}
	r.sessions[u] = list
}

func index(list []im.SessionInfo, k im.SessionKey) int {
	return slices.IndexFunc(list, func(s im.SessionInfo) bool { return s.SessionKey == k })
}
