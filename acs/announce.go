package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// announcer tells the cell which sessions this node has: the node's own table
// at once, the peers over the mesh, the registry for everybody else. Changes of a
// few milliseconds travel together.
type announcer struct {
	srv  *Server
	wake chan struct{}

	mu     sync.Mutex
	up     map[im.SessionID]im.SessionInfo // guarded by mu: not announced yet
	down   map[im.SessionID]im.SessionKey  // guarded by mu: not announced yet
	linger map[im.UserID][]lingering       // guarded by mu: closed, but still shown
	newest []*session                      // guarded by mu: to look at once more in a moment
	fresh  []*session                      // guarded by mu: the same, at the next second
	older  []*session                      // guarded by mu: and at the one after it

	putUp   map[im.SessionID]im.SessionInfo // guarded by mu: not in the registry yet
	putDown map[im.SessionID]im.SessionKey  // guarded by mu: still in the registry
	putting bool                            // guarded by mu: a goroutine is writing to the registry
	stale   bool                            // guarded by mu: the registry has to be given everything again
}

type lingering struct {
	info  im.SessionInfo
	until time.Time
}

const announceEvery = 5 * time.Millisecond

// firstLook is when a peer in the same network has usually heard of a session.
const firstLook = 100 * time.Millisecond

// maxPutDown bounds what is remembered of sessions that ended while the
// registry was away; those beyond stay in it until their user's record expires.
const maxPutDown = 100_000

func newAnnouncer(s *Server) *announcer {
	return &announcer{
		srv: s, wake: make(chan struct{}, 1),
		up:      make(map[im.SessionID]im.SessionInfo),
		down:    make(map[im.SessionID]im.SessionKey),
		linger:  make(map[im.UserID][]lingering),
		putUp:   make(map[im.SessionID]im.SessionInfo),
		putDown: make(map[im.SessionID]im.SessionKey),
	}
}

// announceUp announces an open or changed session, unless it was closed
// meanwhile: then it has been taken back already, or is about to be.
func (a *announcer) announceUp(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.closed.Load() {
		return
	}
	info := s.info()
	a.endLingerLocked(info.User, func(l *lingering) bool { return l.info.Device == info.Device })
	delete(a.down, info.Session)
	a.up[info.Session] = info
	a.applyLocked(im.SessionsUpdate{Up: []im.SessionInfo{info}})
	a.poke()
}

// announceDown takes a closed session back, after linger.
func (a *announcer) announceDown(info im.SessionInfo, linger time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if linger > 0 {
		a.linger[info.User] = append(a.linger[info.User], lingering{info: info, until: a.srv.now().Add(linger)})
		return
	}
	a.endLocked(&info)
	a.poke()
}

// endLocked takes a session back. Its last words, if they have not been announced
// yet, go before.
func (a *announcer) endLocked(info *im.SessionInfo) {
	if up, ok := a.up[info.Session]; ok && !parting(&up.Presence) {
		delete(a.up, info.Session)
	}
	a.down[info.Session] = info.SessionKey
	a.applyLocked(im.SessionsUpdate{Down: []im.SessionKey{info.SessionKey}})
}

// endLingerLocked takes back the lingering sessions of a user that match.
func (a *announcer) endLingerLocked(u im.UserID, match func(*lingering) bool) {
	all := a.linger[u]
	kept := make([]lingering, 0, len(all))
	for i := range all {
		if match(&all[i]) {
			a.endLocked(&all[i].info)
		} else {
			kept = append(kept, all[i])
		}
	}
	if len(kept) == 0 {
		delete(a.linger, u)
		return
	}
	a.linger[u] = kept
}

func (a *announcer) applyLocked(u im.SessionsUpdate) {
	touched, parted := a.srv.table.apply(a.srv.node.ID, a.srv.node.Epoch, &u, a.srv.now())
	a.srv.presence.part(parted)
	a.srv.presence.touchAll(touched)
}

// endLingering takes back at once what k means.
func (a *announcer) endLingering(k im.Kick) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.linger[k.User]) > 0 {
		a.endLingerLocked(k.User, func(l *lingering) bool { return kicks(k, l.info.Device, l.info.DeviceEpoch) })
		a.poke()
	}
}

// young asks for one more look at what a new session may have missed.
func (a *announcer) young(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh, a.newest = append(a.fresh, s), append(a.newest, s)
	if len(a.newest) == 1 {
		a.srv.after(firstLook, a.look)
	}
}

// look reads the heads of sessions whose announcement has just spread.
func (a *announcer) look(ctx context.Context) {
	a.mu.Lock()
	due := a.newest
	a.newest = nil
	a.mu.Unlock()
	a.srv.compareHeads(ctx, usersOf(nil, due))
}

func (a *announcer) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// linked sends a peer all there is; what changes later follows on the same link.
func (a *announcer) linked(peer im.NodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.srv.table.sessionsOf(a.srv.node.ID)
	if !a.srv.mesh.Forward(peer, im.Envelope{Sessions: &im.SessionsUpdate{Snapshot: true, Up: all}}) {
		a.srv.log.Warn("sessions were not announced, the link is gone again", "peer", peer)
	}
}

// lacking says that the registry has lost what it knew of this node.
func (a *announcer) lacking() {
	a.mu.Lock()
	a.stale = true
	a.mu.Unlock()
	a.poke()
}

func (a *announcer) run(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			a.expire()
			a.recheck()
			a.flush()
		case <-a.wake:
			pause(ctx, announceEvery)
			a.flush()
		}
	}
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// expire takes back sessions whose grace is over.
func (a *announcer) expire() {
	now := a.srv.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for u := range a.linger {
		a.endLingerLocked(u, func(l *lingering) bool { return !now.Before(l.until) })
	}
}

// recheck looks at new sessions twice: within a second whether the login was
// right at all, since it may rest on what was read before; and when the peers
// must have heard of them whether it still is, and how far their inboxes are.
func (a *announcer) recheck() {
	a.mu.Lock()
	fresh, due := a.fresh, a.older
	a.older, a.fresh = fresh, nil
	a.mu.Unlock()
	if len(fresh)+len(due) == 0 {
		return
	}
	a.srv.after(0, func(ctx context.Context) {
		settled := usersOf(nil, due)
		a.srv.verify(ctx, usersOf(settled, fresh))
		a.srv.compareHeads(ctx, settled)
	})
}

// usersOf appends the users of those sessions that are still open.
func usersOf(out []im.UserID, list []*session) []im.UserID {
	for _, s := range list {
		if !s.closed.Load() {
			out = append(out, s.user)
		}
	}
	return out
}

// flush tells the peers, and hands the same to the goroutine that tells the
// registry: a slow Redis must not delay the peers.
func (a *announcer) flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	var u im.SessionsUpdate
	for id, info := range a.up {
		u.Up = append(u.Up, info)
		a.putUp[id] = info
		delete(a.putDown, id)
	}
	for id, key := range a.down {
		u.Down = append(u.Down, key)
		delete(a.putUp, id)
		if len(a.putDown) < maxPutDown {
			a.putDown[id] = key
		}
	}
	clear(a.up)
	clear(a.down)
	if len(u.Up)+len(u.Down) > 0 {
		a.srv.mesh.Broadcast(im.Envelope{Sessions: &u})
	}
	if !a.putting && !a.srv.peers.down.Load() && (a.stale || len(a.putUp)+len(a.putDown) > 0) {
		a.putting = true
		a.srv.after(0, a.register)
	}
}

// register writes to the registry what it lacks. One at a time runs. While the
// registry is away nobody tries; the lease loop finds out when it is back, and
// everything is put again.
func (a *announcer) register(ctx context.Context) {
	for {
		a.mu.Lock()
		up, down := values(a.putUp), values(a.putDown)
		clear(a.putUp)
		clear(a.putDown)
		if a.stale {
			up, a.stale = a.srv.table.sessionsOf(a.srv.node.ID), false
		}
		if len(up)+len(down) == 0 {
			a.putting = false
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
		if err := a.put(ctx, up, down); err != nil {
			a.srv.log.Debug("registry did not take sessions, will put all again", "err", err)
			a.failed(down)
			return
		}
	}
}

// failed keeps what was not taken: the sessions that are open can be read from
// the table again, those that have ended cannot.
func (a *announcer) failed(down []im.SessionKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.putting, a.stale = false, true
	for _, k := range down {
		a.putDown[k.Session] = k
	}
}

func values[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func (a *announcer) put(ctx context.Context, up []im.SessionInfo, down []im.SessionKey) error {
	if len(down) > 0 {
		if err := a.srv.registry.Remove(ctx, down); err != nil {
			return err
		}
	}
	const chunk = 1000
	for len(up) > 0 {
		n := min(chunk, len(up))
		if err := a.srv.registry.Put(ctx, up[:n]); err != nil {
			return err
		}
		up = up[n:]
	}
	return nil
}
