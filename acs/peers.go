package acs

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// peers keeps this node's lease and knows the state of the others: alive by
// lease, reachable by link.
type peers struct {
	srv      *Server
	unlinked atomic.Bool // a peer that seems alive has no link to us
	down     atomic.Bool // the registry does not answer
	answered atomic.Bool // the registry has answered once
	fenced   chan error  // cap 1: a newer incarnation of this node is alive

	mu    sync.Mutex
	links map[im.NodeID]uint64  // guarded by mu: epoch of the linked incarnation
	alive map[im.NodeID]im.Node // guarded by mu: by the last answer of the registry
	lost  map[im.NodeID]loss    // guarded by mu: known peers without a link
	rival time.Time             // guarded by mu: since when another process has had our lease; zero: none has
}

// loss is a link that has ended.
type loss struct {
	epoch uint64 // of the incarnation it led to
	since time.Time
}

// forgetAfter is how long a peer without link counts as online when the
// registry cannot say whether it lives. The mesh may take 6 s to find a link
// dead, and 20 s after a crash the sessions have to be offline.
const forgetAfter = 12 * time.Second

func newPeers(s *Server) *peers {
	return &peers{
		srv: s, fenced: make(chan error, 1), links: make(map[im.NodeID]uint64),
		alive: make(map[im.NodeID]im.Node), lost: make(map[im.NodeID]loss),
	}
}

func (p *peers) someUnlinked() bool { return p.unlinked.Load() }

func (p *peers) anyLinked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links) > 0
}

func (p *peers) linked(n im.NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.links[n]
	return ok
}

// unlinkedPeers lists the peers whose link has ended.
func (p *peers) unlinkedPeers() []im.NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.lost))
}

// degraded reports whether there may be peers that neither links nor doorbells
// reach. A node that has never heard the registry knows of no peer.
func (p *peers) degraded() bool {
	return p.down.Load() && (p.unlinked.Load() || !p.answered.Load())
}

func (p *peers) run(ctx context.Context) {
	var listener sync.WaitGroup
	listener.Go(func() { p.listen(ctx) })
	defer listener.Wait()
	p.keep(ctx)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.keep(ctx)
			p.reap()
			if n%3 == 0 {
				p.sweep(ctx)
			}
		}
	}
}

// listen hears doorbells as long as ctx lives.
func (p *peers) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.srv.registry.Listen(ctx, p.srv.node.ID, p.srv.bells.heard)
		if ctx.Err() == nil {
			p.srv.log.Debug("doorbell was interrupted, will listen again", "err", err)
			pause(ctx, time.Second)
		}
	}
}

// Renew renews the lease and looks for peers at once instead of at the next
// second.
func (s *Server) Renew(ctx context.Context) { s.peers.keep(ctx) }

// Peers returns the number of linked peers.
func (s *Server) Peers() int {
	s.peers.mu.Lock()
	defer s.peers.mu.Unlock()
	return len(s.peers.links)
}

// SessionsOf returns how many sessions of a user this node knows of, in the
// whole cell.
func (s *Server) SessionsOf(u im.UserID) int { return len(s.table.of(u)) }

func (p *peers) setAlive(nodes []im.Node) {
	others := make([]im.Node, 0, len(nodes))
	p.mu.Lock()
	clear(p.alive)
	for _, n := range nodes {
		if n.ID != p.srv.node.ID && n.Mesh != "" {
			p.alive[n.ID] = n
			others = append(others, n)
		}
	}
	p.recountLocked()
	p.mu.Unlock()
	p.srv.mesh.SetPeers(others)
}

func (p *peers) recountLocked() {
	for id := range p.alive {
		if _, ok := p.links[id]; !ok {
			p.unlinked.Store(true)
			return
		}
	}
	p.unlinked.Store(len(p.lost) > 0)
}

// up and gone follow the links.
func (p *peers) up(n im.NodeID, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[n] = epoch
	delete(p.lost, n)
	p.recountLocked()
}

func (p *peers) gone(n im.NodeID, epoch uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[n] != epoch {
		return
	}
	delete(p.links, n)
	p.lost[n] = loss{epoch: epoch, since: p.srv.now()}
	p.recountLocked()
}

// reap forgets the sessions of peers that are dead: no link, and no lease of
// that incarnation. When the registry cannot tell, the silence of the link has
// to do.
func (p *peers) reap() {
	now := p.srv.now()
	p.mu.Lock()
	var dead []im.NodeID
	for id, l := range p.lost {
		lease := p.alive[id].Epoch == l.epoch
		if p.down.Load() {
			lease = now.Sub(l.since) < forgetAfter
		}
		if !lease && now.Sub(l.since) >= p.srv.cfg.Lease.D() {
			dead = append(dead, id)
			delete(p.lost, id)
		}
	}
	p.recountLocked()
	p.mu.Unlock()
	for _, id := range dead {
		users, left := p.srv.table.forget(id)
		p.srv.log.Info("peer is gone, its sessions were forgotten", "peer", id, "users", len(users))
		p.srv.presence.touchAll(users)
		p.srv.presence.sawNow(left...)
		p.srv.rooms.forget(id)
	}
	users, left := p.srv.table.prune(now)
	p.srv.presence.touchAll(users)
	p.srv.presence.sawNow(left...)
}

// sweep removes from the registry what dead nodes have left there.
func (p *peers) sweep(ctx context.Context) {
	if p.down.Load() {
		return
	}
	removed, err := p.srv.registry.Sweep(ctx)
	if err != nil {
		p.srv.log.Debug("sweep failed", "err", err)
		return
	}
	if len(removed) > 0 {
		p.srv.log.Info("sessions of dead nodes were swept", "sessions", len(removed))
	}
}

// LinkUp implements MeshHandler.
func (s *Server) LinkUp(peer im.NodeID, epoch uint64) {
	s.peers.up(peer, epoch)
	s.blocks.doubt()
	s.announce.linked(peer)
	s.rooms.linked(peer)
}

// LinkDown implements MeshHandler. What was on the link is lost.
func (s *Server) LinkDown(peer im.NodeID, epoch uint64) {
	s.peers.gone(peer, epoch)
	s.blocks.doubt()
	s.pollSoon.Store(true)
}

// Receive implements MeshHandler.
func (s *Server) Receive(peer im.NodeID, e im.Envelope) {
	switch {
	case e.Deliver != nil:
		s.clock.Observe(e.Deliver.Entry.MsgID)
		for _, ss := range s.hub.of(e.Deliver.User) {
			ss.offer(&e.Deliver.Entry, false)
		}
	case e.Sessions != nil:
		s.peerSessions(peer, e.Sessions)
	case e.Kick != nil:
		s.kickLocal(*e.Kick)
	case e.Signal != nil && e.Signal.Group != 0:
		s.signalHere(e.Signal)
	case e.Signal != nil:
		s.signalLocal(e.Signal)
	case e.Post != nil:
		s.clock.Observe(e.Post.Entry.MsgID)
		if r := s.rooms.of(e.Post.Group); r != nil {
			r.offer(&e.Post.Entry, false)
		}
	case e.Rooms != nil:
		s.rooms.take(peer, e.Rooms)
	case e.Blocks != nil:
		s.blocksChanged(e.Blocks.User)
	case len(e.Bells) > 0:
		s.bells.heard(e.Bells)
	}
}

// peerSessions takes a peer's announcement and settles races: of two sessions
// of one device the one with the higher epoch lives, wherever they are.
func (s *Server) peerSessions(peer im.NodeID, u *im.SessionsUpdate) {
	s.peers.mu.Lock()
	epoch := s.peers.links[peer]
	s.peers.mu.Unlock()
	touched, parted := s.table.apply(peer, epoch, u, s.now())
	s.presence.part(parted)
	s.presence.touchAll(touched)
	if u.Snapshot { // whom they have blocked meanwhile was not heard
		for _, user := range touched {
			s.presence.reconsider(user)
		}
	}
	s.hurry(u.Up)
	for i := range u.Up {
		info := &u.Up[i]
		for _, ss := range s.hub.of(info.User) {
			if ss.device != info.Device {
				continue
			}
			k := im.Kick{User: info.User, Device: info.Device, Below: max(info.DeviceEpoch, ss.epoch), Code: im.CodeReplaced}
			if ss.epoch < info.DeviceEpoch {
				s.kickLocal(k)
			} else if ss.epoch > info.DeviceEpoch {
				s.mesh.Forward(peer, im.Envelope{Kick: &k})
			}
		}
	}
}
