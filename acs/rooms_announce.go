package acs

import (
	"context"
	"maps"
	"slices"

	"github.com/cxx-im/cxx/im"
)

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
