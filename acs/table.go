package acs

import (
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// table is the replicated session table: what every node of the cell has
// announced, this one included. The message path asks it where a user is, so a
// message needs no look-up in Redis. Any goroutine may call it.
type table struct {
	mu    sync.RWMutex
	users map[im.UserID][]*tableEntry // guarded by mu; slices are replaced, never changed
	nodes map[im.NodeID]*tableNode    // guarded by mu
}

type tableEntry struct {
	im.SessionInfo
	generation uint64
}

type tableNode struct {
	generation uint64    // of the newest snapshot
	pruneAt    time.Time // when sessions of older generations are forgotten; zero: nothing to do
	users      map[im.UserID]int
}

func newTable() *table {
	return &table{users: make(map[im.UserID][]*tableEntry), nodes: make(map[im.NodeID]*tableNode)}
}

// apply takes what node has announced and returns the users it concerns, and the
// last words of sessions that others saw until now. A
// snapshot may come in several pieces, of which only the first says so: what
// it does not mention is forgotten a little later, by prune, so that nobody
// seems offline in between.
func (t *table) apply(node im.NodeID, epoch uint64, u *im.SessionsUpdate, now time.Time) (touched []im.UserID, parted []im.SessionInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[node]
	if n == nil {
		n = &tableNode{users: make(map[im.UserID]int)}
		t.nodes[node] = n
	}
	if u.Snapshot {
		n.generation++
		n.pruneAt = now.Add(2 * time.Second)
	}
	touched = make([]im.UserID, 0, len(u.Up)+len(u.Down))
	for i := range u.Up {
		e := &tableEntry{SessionInfo: u.Up[i], generation: n.generation}
		e.Node, e.NodeEpoch = node, epoch
		if was := t.put(n, e); was > im.ShowInvisible && parting(&e.Presence) {
			parted = append(parted, e.SessionInfo)
		}
		touched = append(touched, e.User)
	}
	for _, k := range u.Down {
		t.drop(n, k.User, func(e *tableEntry) bool { return e.Node == node && e.Session == k.Session })
		touched = append(touched, k.User)
	}
	return touched, parted
}

// put returns how the session was shown before.
func (t *table) put(n *tableNode, e *tableEntry) (was im.Show) {
	old := t.users[e.User]
	list := make([]*tableEntry, 0, len(old)+1)
	for _, o := range old {
		if o.Node != e.Node || o.Session != e.Session {
			list = append(list, o)
		} else {
			was = o.Presence.Show
		}
	}
	if len(list) == len(old) {
		n.users[e.User]++
	}
	t.users[e.User] = append(list, e)
	return was
}

// drop reports whether the user has left: he could be seen before, and cannot
// any more.
func (t *table) drop(n *tableNode, u im.UserID, match func(*tableEntry) bool) (left bool) {
	old := t.users[u]
	list := make([]*tableEntry, 0, len(old))
	for _, o := range old {
		if !match(o) {
			list = append(list, o)
		}
	}
	left = seen(old) && !seen(list)
	if n.users[u] -= len(old) - len(list); n.users[u] <= 0 {
		delete(n.users, u)
	}
	if len(list) == 0 {
		delete(t.users, u)
		return left
	}
	t.users[u] = list
	return left
}

// prune forgets what snapshots did not mention and returns the users, and
// those of them who cannot be seen any more.
func (t *table) prune(now time.Time) (touched, left []im.UserID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, n := range t.nodes {
		if n.pruneAt.IsZero() || now.Before(n.pruneAt) {
			continue
		}
		n.pruneAt = time.Time{}
		for u := range n.users {
			before := len(t.users[u])
			if t.drop(n, u, func(e *tableEntry) bool { return e.Node == id && e.generation < n.generation }) {
				left = append(left, u)
			}
			if len(t.users[u]) != before {
				touched = append(touched, u)
			}
		}
	}
	return touched, left
}

// forget drops all of a node and returns its users, and those of them who
// cannot be seen any more.
func (t *table) forget(node im.NodeID) (touched, left []im.UserID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[node]
	if n == nil {
		return nil, nil
	}
	touched = make([]im.UserID, 0, len(n.users))
	for u := range n.users {
		touched = append(touched, u)
	}
	for _, u := range touched {
		if t.drop(n, u, func(e *tableEntry) bool { return e.Node == node }) {
			left = append(left, u)
		}
	}
	delete(t.nodes, node)
	return touched, left
}

// of returns the sessions of u in the cell. The slice must not be changed.
func (t *table) of(u im.UserID) []*tableEntry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.users[u]
}

// sessionsOf returns what is known of one node's sessions.
func (t *table) sessionsOf(node im.NodeID) []im.SessionInfo {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.nodes[node]
	if n == nil {
		return nil
	}
	var out []im.SessionInfo
	for u := range n.users {
		for _, e := range t.users[u] {
			if e.Node == node {
				out = append(out, e.SessionInfo)
			}
		}
	}
	return out
}

// nodesOf lists the other nodes on which u has a session, each once: the pure
// part of routing. self is left out. buf is reused.
func nodesOf(entries []*tableEntry, self im.NodeID, buf []im.NodeID) []im.NodeID {
	buf = buf[:0]
next:
	for _, e := range entries {
		if e.Node == self {
			continue
		}
		for _, n := range buf {
			if n == e.Node {
				continue next
			}
		}
		buf = append(buf, e.Node)
	}
	return buf
}
