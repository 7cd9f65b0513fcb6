package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Registry is the cell's presence: node leases, sessions, doorbells. Packages
// presence/memory and presence/redis implement it. It may forget everything at
// any moment; nothing but latency depends on it. All methods are safe for any
// goroutine; while the registry is out of reach they fail within a second.
type Registry interface {
	// Announce renews the lease of a node. It answers known=false when the
	// registry does not know this incarnation (first call, or it came back
	// empty): the node then puts all its sessions again.
	Announce(ctx context.Context, n im.Node, lease time.Duration) (known bool, err error)
	// Withdraw ends the lease of an incarnation and removes its sessions.
	Withdraw(ctx context.Context, id im.NodeID, epoch uint64) error
	// Nodes returns the nodes with a live lease.
	Nodes(ctx context.Context) ([]im.Node, error)
	// Put and Remove record sessions of this node; many at once in one round trip.
	Put(ctx context.Context, sessions []im.SessionInfo) error
	Remove(ctx context.Context, keys []im.SessionKey) error
	// Lookup returns the sessions of users whose node incarnation is alive.
	Lookup(ctx context.Context, users []im.UserID) (map[im.UserID][]im.SessionInfo, error)
	// Sweep removes the sessions of node incarnations without a lease. One
	// caller in the cell gets the work; the others get none.
	Sweep(ctx context.Context) (removed []im.SessionInfo, err error)
	// Ring sends doorbells to a node, best effort.
	Ring(ctx context.Context, to im.NodeID, bells []im.Bell) error
	// Listen calls ring for the doorbells of a node until ctx ends. It
	// reconnects by itself.
	Listen(ctx context.Context, id im.NodeID, ring func([]im.Bell)) error
}

// Mesh is the links to the other ACS. Package mesh implements it.
type Mesh interface {
	// Forward queues an envelope for a peer. False: the link is down or its
	// queue is full, and the envelope was not taken. It never blocks.
	Forward(to im.NodeID, e im.Envelope) bool
	// Broadcast queues an envelope for all linked peers.
	Broadcast(e im.Envelope)
	// SetPeers says which nodes are alive; the mesh dials and drops links.
	SetPeers(nodes []im.Node)
}

// MeshHandler is what the mesh calls in the core. Calls for one peer come from
// one goroutine, in the order of the link.
type MeshHandler interface {
	LinkUp(peer im.NodeID, epoch uint64)
	LinkDown(peer im.NodeID, epoch uint64)
	Receive(peer im.NodeID, e im.Envelope)
}
