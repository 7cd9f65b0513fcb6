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
		k.srv.after(unused, func(context.Context) {
			k.mu.RLock()
			still := k.users[r] == 0
			k.mu.RUnlock()
			if still {
				k.drop(r)
			}
		})
	}
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
		k.users[r]++
		go k.release(r)
	}
}

// up announces that a session is in a room.
func (k *rooms) up(o im.Occupant) {
	k.mu.Lock()
	defer k.mu.Unlock()
	mine := k.nodes[k.srv.node.ID]
	if mine.there[o.Group] == nil {
		mine.there[o.Group] = make(map[im.SessionID]im.Occupant)
	}
	mine.there[o.Group][o.Session] = o
	k.due.Up = append(k.due.Up, o)
	k.poke()
}

// down announces that it is not any more.
func (k *rooms) down(o im.OccupantGone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.downLocked(o)
}

func (k *rooms) downLocked(o im.OccupantGone) {
	mine := k.nodes[k.srv.node.ID]
	if _, there := mine.there[o.Group][o.Session]; !there {
		return
	}
	if delete(mine.there[o.Group], o.Session); len(mine.there[o.Group]) == 0 {
		delete(mine.there, o.Group)
	}
	k.due.Up = slices.DeleteFunc(k.due.Up, func(x im.Occupant) bool { return x.Session == o.Session && x.Group == o.Group })
	k.due.Down = append(k.due.Down, o)
	k.poke()
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

// entered reports whether a user has a session in a room, anywhere.
func (s *Server) entered(g im.GroupID, u im.UserID) bool {
	return slices.ContainsFunc(s.rooms.occupants(g), func(o im.Occupant) bool { return o.User == u })
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

// touch says that sessions of users have changed. It does not wait.
func (k *rooms) touch(users []im.UserID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, u := range users {
		if len(k.member[u]) > 0 {
			k.dirty[u] = struct{}{}
		}
	}
	if len(k.dirty) > 0 {
		k.poke()
	}
}

func (k *rooms) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run announces what has changed, until ctx ends.
func (k *rooms) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
			pause(ctx, announceEvery)
			k.flush()
		}
	}
}

// flush tells the peers, and works out who is there with C-XX now.
func (k *rooms) flush() {
	k.mu.Lock()
	due, dirty := k.due, k.dirty
	k.due, k.dirty = im.RoomsUpdate{}, make(map[im.UserID]struct{})
	if len(due.Want) > 0 {
		due.Number = k.numberLocked(due.Want)
	}
	if len(due.Want)+len(due.Lost)+len(due.Up)+len(due.Down) > 0 {
		k.srv.mesh.Broadcast(im.Envelope{Rooms: &due}) // under mu, so that no later one overtakes it
	}
	where := make(map[im.UserID][]*room, len(dirty))
	for u := range dirty {
		where[u] = slices.Collect(maps.Keys(k.member[u]))
	}
	k.mu.Unlock()
	for u, list := range where {
		for _, r := range list {
			r.mu.Lock()
			if !r.gone && r.group != nil {
				r.seen(u)
			}
			r.mu.Unlock()
		}
	}
}

// numberLocked returns the number of an announcement, under which its groups are
// remembered until it is echoed.
func (k *rooms) numberLocked(groups []im.GroupID) uint64 {
	k.number++
	k.unsure[k.number] = groups
	delete(k.unsure, k.number-maxUnsure)
	return k.number
}

// maxUnsure is how many announcements are remembered; the poll of heads does for
// the others.
const maxUnsure = 1000

// linked sends a peer all there is.
func (k *rooms) linked(peer im.NodeID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	mine := k.nodes[k.srv.node.ID]
	u := im.RoomsUpdate{Snapshot: true, Want: slices.Collect(maps.Keys(mine.want))}
	for _, list := range mine.there {
		u.Up = slices.AppendSeq(u.Up, maps.Values(list))
	}
	u.Number = k.numberLocked(u.Want)
	k.srv.mesh.Forward(peer, im.Envelope{Rooms: &u})
}

// take is what a peer has announced.
func (k *rooms) take(peer im.NodeID, u *im.RoomsUpdate) {
	if u.Echo > 0 {
		k.echoed(u.Echo)
		return
	}
	changed := k.record(peer, u)
	if u.Snapshot {
		k.srv.lostOccupants(slices.DeleteFunc(slices.Clone(changed), func(o occupancy) bool { return o.up != nil }))
	}
	for _, what := range changed {
		r := k.of(what.group)
		if r == nil {
			continue
		}
		r.mu.Lock()
		if r.group != nil && !r.gone {
			if what.up != nil {
				r.remote(*what.up)
			} else if what.by <= r.last { // else the event will tell it
				r.leave(occupantKey{node: peer, session: what.session}, what.presence)
			}
		}
		r.mu.Unlock()
	}
	if u.Number > 0 {
		k.srv.mesh.Forward(peer, im.Envelope{Rooms: &im.RoomsUpdate{Echo: u.Number}})
	}
}

// occupancy is one occupant that has come or gone.
type occupancy struct {
	group    im.GroupID
	session  im.SessionID
	up       *im.Occupant
	presence im.Presence
	by       uint64      // see im.OccupantGone
	was      im.Occupant // of one who has gone with his node
}

// record remembers an announcement and returns what it changes in rooms.
func (k *rooms) record(peer im.NodeID, u *im.RoomsUpdate) (out []occupancy) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.nodes[peer]
	if n == nil || u.Snapshot {
		if n != nil {
			out = k.forgetLocked(peer, u.Up)
		}
		n = newNodeRooms()
		k.nodes[peer] = n
	}
	for _, g := range u.Want {
		n.want[g] = struct{}{}
		if !slices.Contains(k.wanted[g], peer) {
			k.wanted[g] = append(slices.Clone(k.wanted[g]), peer)
		}
	}
	for _, g := range u.Lost {
		delete(n.want, g)
		k.unwantLocked(g, peer)
	}
	for i := range u.Up {
		o := u.Up[i]
		o.Node = peer
		if n.there[o.Group] == nil {
			n.there[o.Group] = make(map[im.SessionID]im.Occupant)
		}
		n.there[o.Group][o.Session] = o
		out = append(out, occupancy{group: o.Group, session: o.Session, up: &o})
	}
	for _, o := range u.Down {
		if delete(n.there[o.Group], o.Session); len(n.there[o.Group]) == 0 {
			delete(n.there, o.Group)
		}
		out = append(out, occupancy{group: o.Group, session: o.Session, presence: o.Presence, by: o.By})
	}
	return out
}

func (k *rooms) unwantLocked(g im.GroupID, peer im.NodeID) {
	rest := slices.DeleteFunc(slices.Clone(k.wanted[g]), func(n im.NodeID) bool { return n == peer })
	if len(rest) == 0 {
		delete(k.wanted, g)
		return
	}
	k.wanted[g] = rest
}

// forgetLocked drops what a peer has announced and returns who has gone with it, but
// for those who stay.
func (k *rooms) forgetLocked(peer im.NodeID, stay []im.Occupant) (out []occupancy) {
	n := k.nodes[peer]
	if n == nil {
		return nil
	}
	for g := range n.want {
		k.unwantLocked(g, peer)
	}
	for g, list := range n.there {
		for id, o := range list {
			if !slices.ContainsFunc(stay, func(x im.Occupant) bool { return x.Group == g && x.Session == id }) {
				out = append(out, occupancy{group: g, session: id, was: o})
			}
		}
	}
	delete(k.nodes, peer)
	return out
}

// forget drops all of a peer that is dead.
func (k *rooms) forget(peer im.NodeID) {
	k.mu.Lock()
	gone := k.forgetLocked(peer, nil)
	k.mu.Unlock()
	for _, what := range gone {
		if r := k.of(what.group); r != nil {
			r.mu.Lock()
			r.leave(occupantKey{node: peer, session: what.session}, im.Presence{})
			r.mu.Unlock()
		}
	}
	k.srv.lostOccupants(gone)
}

// echoed compares the heads of groups that a peer knows now that we follow: what it
// had committed before is in the log.
func (k *rooms) echoed(number uint64) {
	k.mu.RLock()
	groups := k.unsure[number]
	k.mu.RUnlock()
	if len(groups) > 0 {
		k.srv.after(0, func(ctx context.Context) { k.compareHeads(ctx, groups) })
	}
}

// compareAll compares the heads of all groups that are followed here.
func (k *rooms) compareAll(ctx context.Context) {
	k.mu.RLock()
	groups := slices.Collect(maps.Keys(k.byID))
	k.mu.RUnlock()
	k.compareHeads(ctx, groups)
}

func (k *rooms) compareHeads(ctx context.Context, groups []im.GroupID) {
	for chunk := range slices.Chunk(groups, headBatch) {
		logs := make([]im.UserID, len(chunk))
		for i, g := range chunk {
			logs[i] = g.Log()
		}
		heads, err := k.srv.store.Heads(ctx, logs)
		if err != nil {
			k.srv.log.Debug("heads of groups could not be read", "err", err)
		}
		for _, h := range heads {
			if r := k.of(im.GroupID(h.User)); r != nil {
				r.heard(h.Seq)
			}
		}
	}
}
