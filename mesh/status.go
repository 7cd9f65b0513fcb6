package mesh

import (
	"time"

	"github.com/cxx-im/cxx/im"
)

// LinkStatus is what a node knows of the link to a peer.
type LinkStatus struct {
	Peer     im.NodeID `json:"peer"`
	Up       bool      `json:"up"`
	Alive    bool      `json:"alive"`           // it has a lease
	Epoch    uint64    `json:"epoch,omitempty"` // of the linked incarnation
	Version  string    `json:"version,omitempty"`
	Address  string    `json:"address,omitempty"` // as dialled, or where it came from
	Dialled  bool      `json:"dialled"`           // by this node
	Since    time.Time `json:"since,omitzero"`
	Queued   int       `json:"queued_bytes"`
	Sent     uint64    `json:"sent_bytes"`
	Received uint64    `json:"received_bytes"`
	Problem  string    `json:"problem,omitempty"` // why it is not up
}

// Links returns the peers, linked or not, by id. Nodes that have neither a
// link nor a lease any more are left out.
func (m *Mesh) Links() []LinkStatus {
	var list []LinkStatus
	for _, p := range m.allPeers() {
		if s := p.status(); s.Up || s.Alive {
			list = append(list, s)
		}
	}
	return list
}

func (p *peer) status() LinkStatus {
	p.mu.Lock()
	s := LinkStatus{Peer: p.id, Alive: p.missing.IsZero(), Address: p.node.Mesh, Problem: p.lastErr}
	p.mu.Unlock()
	l := p.live.Load()
	if l == nil {
		return s
	}
	s.Up, s.Problem = true, ""
	s.Epoch, s.Version, s.Dialled, s.Since = l.epoch, l.version, l.dialled, l.since
	s.Address = l.raw.RemoteAddr().String()
	s.Queued, s.Sent, s.Received = l.queue.size(), l.out.Load(), l.frames.bytes.Load()
	return s
}
