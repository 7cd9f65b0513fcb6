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
	linger map[im.SessionID]lingering      // guarded by mu: closed, but still shown
	fresh  []*session                      // guarded by mu: heads to look at once more
	older  []*session                      // guarded by mu: the same, at the next second

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

func newAnnouncer(s *Server) *announcer {
	return &announcer{
		srv: s, wake: make(chan struct{}, 1),
		up:      make(map[im.SessionID]im.SessionInfo),
		down:    make(map[im.SessionID]im.SessionKey),
		linger:  make(map[im.SessionID]lingering),
		putUp:   make(map[im.SessionID]im.SessionInfo),
		putDown: make(map[im.SessionID]im.SessionKey),
	}
}

// announceUp announces an open or changed session.
func (a *announcer) announceUp(info im.SessionInfo) {
	a.mu.Lock()
	for id, l := range a.linger {
		if l.info.User == info.User && l.info.Device == info.Device {
			a.endLocked(id, l.info)
		}
	}
	delete(a.down, info.Session)
	a.up[info.Session] = info
	a.applyLocked(im.SessionsUpdate{Up: []im.SessionInfo{info}})
	a.mu.Unlock()
	a.poke()
}

// announceDown takes a session back, after linger.
func (a *announcer) announceDown(info im.SessionInfo, linger time.Duration) {
	a.mu.Lock()
	if linger > 0 {
		a.linger[info.Session] = lingering{info: info, until: a.srv.now().Add(linger)}
	} else {
		a.endLocked(info.Session, info)
	}
	a.mu.Unlock()
	a.poke()
}

func (a *announcer) endLocked(id im.SessionID, info im.SessionInfo) {
	delete(a.linger, id)
	delete(a.up, id)
	a.down[id] = info.SessionKey
	a.applyLocked(im.SessionsUpdate{Down: []im.SessionKey{info.SessionKey}})
}

func (a *announcer) applyLocked(u im.SessionsUpdate) {
	for _, user := range a.srv.table.apply(a.srv.node.ID, a.srv.node.Epoch, &u, a.srv.now()) {
		a.srv.presence.touch(user)
	}
}

// endLingering takes back at once what k means.
func (a *announcer) endLingering(k im.Kick) {
	a.mu.Lock()
	for id, l := range a.linger {
		if l.info.User == k.User && kicks(k, l.info.Device, l.info.DeviceEpoch) {
			a.endLocked(id, l.info)
		}
	}
	a.mu.Unlock()
	a.poke()
}

// young asks for one more look at the head of a new session's inbox.
func (a *announcer) young(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh = append(a.fresh, s)
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
	for id, l := range a.linger {
		if !now.Before(l.until) {
			a.endLocked(id, l.info)
		}
	}
}

// recheck reads the heads of sessions that are one to two seconds old.
func (a *announcer) recheck() {
	a.mu.Lock()
	due := a.older
	a.older, a.fresh = a.fresh, nil
	a.mu.Unlock()
	if len(due) > 0 {
		a.srv.after(0, func(ctx context.Context) { a.srv.compareHeads(ctx, usersOf(due)) })
	}
}

func usersOf(list []*session) []im.UserID {
	out := make([]im.UserID, 0, len(list))
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
		a.putDown[id] = key
		delete(a.putUp, id)
	}
	clear(a.up)
	clear(a.down)
	if len(u.Up)+len(u.Down) > 0 {
		a.srv.mesh.Broadcast(im.Envelope{Sessions: &u})
	}
	if !a.putting && (a.stale || len(a.putUp)+len(a.putDown) > 0) {
		a.putting = true
		a.srv.after(0, a.register)
	}
}

// register writes to the registry what it lacks. One at a time runs; after a
// failure the lease loop finds out when the registry is back, and everything
// is put again.
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
			a.mu.Lock()
			a.putting, a.stale = false, true
			a.mu.Unlock()
			return
		}
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
