package acs

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// rooms is the groups that this node follows, what the peers want to hear of
// groups, and who is there by MUC through which node. A room's mu is taken before
// this one's, never behind it.
type rooms struct {
	srv  *Server
	wake chan struct{}

	mu     sync.RWMutex
	byID   map[im.GroupID]*room             // guarded by mu
	users  map[*room]int                    // guarded by mu: who holds a room: followers, and callers of get
	of1    map[*session]map[*room]struct{}  // guarded by mu: what a session follows
	member map[im.UserID]map[*room]struct{} // guarded by mu: in which rooms of byID somebody is
	nodes  map[im.NodeID]*nodeRooms         // guarded by mu: the peers, and this node
	wanted map[im.GroupID][]im.NodeID       // guarded by mu: peers that follow; slices are replaced, never changed
	due    im.RoomsUpdate                   // guarded by mu: not announced yet
	dirty  map[im.UserID]struct{}           // guarded by mu: their sessions have changed
	number uint64                           // guarded by mu: of the newest announcement
	unsure map[uint64][]im.GroupID          // guarded by mu: what was announced, until a peer echoes it
}

// nodeRooms is what a node has announced.
type nodeRooms struct {
	want  map[im.GroupID]struct{}
	there map[im.GroupID]map[im.SessionID]im.Occupant
}

func newNodeRooms() *nodeRooms {
	return &nodeRooms{want: make(map[im.GroupID]struct{}), there: make(map[im.GroupID]map[im.SessionID]im.Occupant)}
}

func newRooms(s *Server) *rooms {
	return &rooms{
		srv: s, wake: make(chan struct{}, 1), byID: make(map[im.GroupID]*room), users: make(map[*room]int),
		of1: make(map[*session]map[*room]struct{}), member: make(map[im.UserID]map[*room]struct{}),
		nodes:  map[im.NodeID]*nodeRooms{s.node.ID: newNodeRooms()},
		wanted: make(map[im.GroupID][]im.NodeID), dirty: make(map[im.UserID]struct{}), unsure: make(map[uint64][]im.GroupID),
	}
}

// of returns the room of a group that this node follows, or nil.
func (k *rooms) of(g im.GroupID) *room {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byID[g]
}

// wantedBy returns the peers that follow a group. The slice must not be changed.
func (k *rooms) wantedBy(g im.GroupID) []im.NodeID {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.wanted[g]
}

// get returns the room of a group, following it when nobody here does yet. The
// caller has to release it.
func (k *rooms) get(ctx context.Context, g im.GroupID) (*room, error) {
	k.mu.Lock()
	r, known := k.byID[g]
	if !known {
		r = newRoom(k.srv, g)
		k.byID[g] = r
		k.nodes[k.srv.node.ID].want[g] = struct{}{}
		k.due.Want = append(k.due.Want, g)
	}
	k.users[r]++
	k.mu.Unlock()
	if !known {
		k.poke()
		r.failed = r.load(context.WithoutCancel(ctx))
		k.index(r)
		close(r.ready)
	}
	select {
	case <-r.ready:
	case <-ctx.Done():
		k.release(r)
		return nil, ctx.Err()
	}
	if r.failed != nil {
		k.drop(r)
		return nil, r.failed
	}
	return r, nil
}

// index notes who is in a room that was loaded.
func (k *rooms) index(r *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	for u := range r.members {
		k.indexLocked(u, r)
	}
}

// has notes that somebody is in a room now. It runs with the room's mu held.
func (k *rooms) has(r *room, u im.UserID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[r.id] == r {
		k.indexLocked(u, r)
	}
}

func (k *rooms) indexLocked(u im.UserID, r *room) {
	if k.member[u] == nil {
		k.member[u] = make(map[*room]struct{})
	}
	k.member[u][r] = struct{}{}
}

// unused is how long a room that nobody follows is kept.
const unused = 10 * time.Second

// release gives back what get returned.
func (k *rooms) release(r *room) {
	k.mu.Lock()
	k.users[r]--
	idle := k.users[r] == 0
	k.mu.Unlock()
	if idle {
		k.dropLater(r)
	}
}

// dropLater forgets a room that is still unused then. It does not wait.
func (k *rooms) dropLater(r *room) {
	k.srv.after(unused, func(context.Context) {
		k.mu.RLock()
		still := k.users[r] == 0
		k.mu.RUnlock()
		if still {
			k.drop(r)
		}
	})
}

// drop forgets a room.
func (k *rooms) drop(r *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byID[r.id] != r || k.users[r] > 0 && r.failed == nil && !r.gone {
		return
	}
	r.gone = true
	r.state, r.early = feedClosed, nil
	delete(k.byID, r.id)
	delete(k.users, r)
	for u := range r.members {
		if delete(k.member[u], r); len(k.member[u]) == 0 {
			delete(k.member, u)
		}
	}
	delete(k.nodes[k.srv.node.ID].want, r.id)
	k.due.Want = slices.DeleteFunc(k.due.Want, func(g im.GroupID) bool { return g == r.id })
	k.due.Lost = append(k.due.Lost, r.id)
	k.poke()
}

// joined notes that a session follows a room. It runs with the room's mu held.
func (k *rooms) joined(ss *session, r *room) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of1[ss] == nil {
		k.of1[ss] = make(map[*room]struct{})
	}
	k.of1[ss][r] = struct{}{}
	k.users[r]++
	k.indexLocked(ss.user, r)
}

// left notes that a session follows a room no longer; by is the seq of the event that
// has ended it, or zero. It runs with the room's mu held.
func (k *rooms) left(r *room, ss *session, s *sub, by uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.of1[ss][r]; !ok {
		return
	}
	if delete(k.of1[ss], r); len(k.of1[ss]) == 0 {
		delete(k.of1, ss)
	}
	k.users[r]--
	if s.inside != nil {
		k.downLocked(im.OccupantGone{Group: r.id, User: ss.user, Session: ss.id, By: by})
	}
	if k.users[r] == 0 {
		k.dropLater(r)
	}
}

// occupants lists the sessions that are in a room, in the whole cell.
func (k *rooms) occupants(g im.GroupID) (out []im.Occupant) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, n := range k.nodes {
		for _, o := range n.there[g] {
			out = append(out, o)
		}
	}
	return out
}

// people counts the users who have entered a room.
func (k *rooms) people(g im.GroupID) int {
	users := make(map[im.UserID]struct{})
	for _, o := range k.occupants(g) {
		users[o.User] = struct{}{}
	}
	return len(users)
}

// someone reports whether one of the sessions that are in a room, in the whole cell, is as
// it is asked for.
func (k *rooms) someone(g im.GroupID, is func(*im.Occupant) bool) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, n := range k.nodes {
		for _, o := range n.there[g] {
			if is(&o) {
				return true
			}
		}
	}
	return false
}

// entered reports whether a user has a session in a room, anywhere.
func (s *Server) entered(g im.GroupID, u im.UserID) bool {
	return s.rooms.someone(g, func(o *im.Occupant) bool { return o.User == u })
}

// follows lists the rooms of a session.
func (k *rooms) follows(ss *session) []*room {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Collect(maps.Keys(k.of1[ss]))
}

// closed takes a session out of all its rooms.
func (k *rooms) closed(ss *session) {
	for _, r := range k.follows(ss) {
		ss.leaveRoom(r, im.Presence{})
	}
}
