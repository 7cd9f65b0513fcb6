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
	due    map[im.NodeID]rings // guarded by mu: to ring
	unsure rings               // guarded by mu: to look up in the registry first
}

// ringing is all that the bells of one user say: how far his inbox has come,
// and whether his devices have to be looked at. Neither may hide the other.
type ringing struct {
	seq    uint64
	verify bool
}

type rings map[im.UserID]ringing

func (r rings) add(u im.UserID, more ringing) {
	old := r[u]
	r[u] = ringing{seq: max(old.seq, more.seq), verify: old.verify || more.verify}
}

// bellOf reads a bell: one without a seq asks to look at the user's devices.
func bellOf(b im.Bell) ringing { return ringing{seq: b.Seq, verify: b.Seq == 0} }

func (r rings) bells() []im.Bell {
	list := make([]im.Bell, 0, len(r))
	for u, ringing := range r {
		if ringing.seq > 0 {
			list = append(list, im.Bell{User: u, Seq: ringing.seq})
		}
		if ringing.verify {
			list = append(list, im.Bell{User: u})
		}
	}
	return list
}

const maxBells = 100_000 // of each kind; beyond, the poll of heads has to do

func newBells(s *Server) *bells {
	return &bells{
		srv: s, wake: make(chan struct{}, 1),
		due: make(map[im.NodeID]rings), unsure: make(rings),
	}
}

// ring tells a node. It never blocks.
func (b *bells) ring(n im.NodeID, bell im.Bell, reason string) {
	b.srv.metrics.doorbells.WithLabelValues(reason).Inc()
	b.mu.Lock()
	m := b.due[n]
	if m == nil {
		m = make(rings)
		b.due[n] = m
	}
	if len(m) < maxBells {
		m.add(bell.User, bellOf(bell))
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
		b.unsure.add(bell.User, bellOf(bell))
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
	b.due, b.unsure = make(map[im.NodeID]rings), make(rings)
	b.mu.Unlock()
	b.resolve(ctx, unsure, due)
	for n, users := range due {
		list := users.bells()
		if err := b.srv.registry.Ring(ctx, n, list); err != nil {
			// The poll of heads finds these; that is what it is for.
			b.srv.metrics.doorbells.WithLabelValues(reasonRegistry).Add(float64(len(list)))
		}
	}
}

// resolve adds to due the unlinked nodes where the registry knows the users.
func (b *bells) resolve(ctx context.Context, unsure rings, due map[im.NodeID]rings) {
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
				m = make(rings)
				due[info.Node] = m
			}
			m.add(u, unsure[u])
		}
	}
}

// heard carries out bells that rang here. It does not wait.
func (b *bells) heard(list []im.Bell) {
	var verify []im.UserID
	for _, bell := range list {
		local := b.srv.hub.of(bell.User)
		if bell.Seq == 0 && len(local) > 0 {
			verify = append(verify, bell.User)
			continue
		}
		for _, ss := range local {
			ss.heard(bell.Seq)
		}
		if r := b.srv.rooms.of(im.GroupID(bell.User)); r != nil {
			r.heard(bell.Seq)
		}
	}
	if len(verify) > 0 {
		b.srv.after(0, func(ctx context.Context) { b.srv.verify(ctx, verify) })
	}
}
