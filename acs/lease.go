package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Claim takes the node's lease and looks for peers, before the edges take
// sessions. While another process has the lease, at another address or with a
// later epoch, it waits for it to run out, as that of a process that has just
// died does; of one that lives it answers im.CodeConflict. A registry that does
// not answer is no error.
func (s *Server) Claim(ctx context.Context) error {
	p, began := s.peers, s.now()
	for {
		err := p.holder(ctx)
		if err == nil {
			err = p.renew(ctx)
		}
		if im.CodeOf(err) != im.CodeConflict {
			return nil
		}
		if s.now().Sub(began) > s.cfg.Lease.D()+time.Second || ctx.Err() != nil {
			return err
		}
		pause(ctx, 200*time.Millisecond)
	}
}

// holder answers im.CodeConflict when the lease is that of another process. Who
// had our address is gone, since we listen there.
func (p *peers) holder(ctx context.Context) error {
	nodes, err := p.srv.registry.Nodes(ctx)
	if err != nil {
		return nil //nolint:nilerr // renew tells what is wrong
	}
	for _, n := range nodes {
		if self := p.srv.node; n.ID == self.ID && n.Epoch != self.Epoch && n.Mesh != self.Mesh {
			return im.Errorf(im.CodeConflict, "node id %d is in use by the process at %s; give every ACS an id of its own, or stop that process", n.ID, n.Mesh)
		}
	}
	return nil
}

// keep renews the lease, and ends the node when another process has had it for
// as long as it lasts: two with one node id would give out the same message ids,
// and peers would know only one of them.
func (p *peers) keep(ctx context.Context) {
	err := p.renew(ctx)
	now := p.srv.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case im.CodeOf(err) != im.CodeConflict:
		p.rival = time.Time{}
	case p.rival.IsZero():
		p.rival = now
	case now.Sub(p.rival) >= p.srv.cfg.Lease.D():
		select {
		case p.fenced <- err:
		default:
		}
	}
}

// renew tells the registry that this node lives and asks who else does.
func (p *peers) renew(ctx context.Context) error {
	n := p.srv.node
	n.Sessions, n.Draining = p.srv.Sessions(), p.srv.draining.Load()
	known, err := p.srv.registry.Announce(ctx, n, p.srv.cfg.Lease.D())
	if err != nil {
		return p.outage(err)
	}
	nodes, err := p.srv.registry.Nodes(ctx)
	if err != nil {
		return p.outage(err)
	}
	p.answered.Store(true)
	if p.down.Swap(false) {
		p.srv.log.Info("registry answered again", "node", n.ID)
		known = false
	}
	if !known {
		p.srv.announce.lacking()
	}
	p.setAlive(nodes)
	return nil
}

func (p *peers) outage(err error) error {
	if !p.down.Swap(true) {
		p.srv.log.Warn("registry was of no use; sessions go on without it", "node", p.srv.node.ID, "err", err)
	}
	return err
}
