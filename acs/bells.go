package acs

import (
	"context"
	"sync"

	"github.com/cxx-im/cxx/im"
)

// bells sends doorbells through the registry when a link is down: the peer
// learns that an inbox has moved and reads it from the log. Only the newest
// bell of a user counts, so the memory is bounded by the users concerned.
type bells struct {
	srv  *Server
	wake chan struct{}

	mu     sync.Mutex
	due    map[im.NodeID]map[im.UserID]uint64 // guarded by mu: to ring
	unsure map[im.UserID]uint64               // guarded by mu: to look up in the registry first
}

const maxBells = 100_000 // of each kind; beyond, the poll of heads has to do

func newBells(s *Server) *bells {
	return &bells{
		srv: s, wake: make(chan struct{}, 1),
		due: make(map[im.NodeID]map[im.UserID]uint64), unsure: make(map[im.UserID]uint64),
	}
}

// ring tells a node. It never blocks.
func (b *bells) ring(n im.NodeID, bell im.Bell, reason string) {
	b.srv.metrics.doorbells.WithLabelValues(reason).Inc()
	b.mu.Lock()
	m := b.due[n]
	if m == nil {
		m = make(map[im.UserID]uint64)
		b.due[n] = m
	}
	if len(m) < maxBells {
		m[bell.User] = max(m[bell.User], bell.Seq)
	} else {
		b.srv.metrics.doorbells.WithLabelValues(reasonBellsFull).Inc()
	}
	b.mu.Unlock()
	b.poke()
}

// seek tells whichever unlinked nodes the registry knows the user on.
func (b *bells) seek(bell im.Bell) {
	b.mu.Lock()
	if len(b.unsure) < maxBells {
		b.unsure[bell.User] = max(b.unsure[bell.User], bell.Seq)
	}
	b.mu.Unlock()
	b.poke()
}

func (b *bells) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bells) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
			pause(ctx, announceEvery)
			b.flush(ctx)
		}
	}
}

func (b *bells) flush(ctx context.Context) {
	b.mu.Lock()
	due, unsure := b.due, b.unsure
	b.due, b.unsure = make(map[im.NodeID]map[im.UserID]uint64), make(map[im.UserID]uint64)
	b.mu.Unlock()
	b.resolve(ctx, unsure, due)
	for n, users := range due {
		list := make([]im.Bell, 0, len(users))
		for u, seq := range users {
			list = append(list, im.Bell{User: u, Seq: seq})
		}
		if err := b.srv.registry.Ring(ctx, n, list); err != nil {
			// The poll of heads finds these; that is what it is for.
			b.srv.metrics.doorbells.WithLabelValues(reasonRegistry).Add(float64(len(list)))
			return
		}
	}
}

// resolve adds to due the unlinked nodes where the registry knows the users.
func (b *bells) resolve(ctx context.Context, unsure map[im.UserID]uint64, due map[im.NodeID]map[im.UserID]uint64) {
	if len(unsure) == 0 {
		return
	}
	users := make([]im.UserID, 0, len(unsure))
	for u := range unsure {
		users = append(users, u)
	}
	found, err := b.srv.registry.Lookup(ctx, users)
	if err != nil {
		b.srv.metrics.doorbells.WithLabelValues(reasonRegistry).Inc()
		return
	}
	for u, sessions := range found {
		for _, info := range sessions {
			if info.Node == b.srv.node.ID || b.srv.peers.linked(info.Node) {
				continue
			}
			m := due[info.Node]
			if m == nil {
				m = make(map[im.UserID]uint64)
				due[info.Node] = m
			}
			m[u] = max(m[u], unsure[u])
		}
	}
}

// heard carries out bells that rang here.
func (b *bells) heard(ctx context.Context, list []im.Bell) {
	for _, bell := range list {
		if bell.Seq == 0 {
			b.srv.checkDevices(ctx, bell.User)
			continue
		}
		for _, ss := range b.srv.hub.of(bell.User) {
			ss.heard(bell.Seq)
		}
	}
}
