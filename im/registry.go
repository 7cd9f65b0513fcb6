package im

import (
	"context"
	"time"
)

// Registry is the cell's presence: node leases, sessions, doorbells. Packages
// presence/memory and presence/redis implement it. It may forget everything at
// any moment; nothing but latency depends on it. All methods are safe for any
// goroutine; while the registry is out of reach they fail within a second.
type Registry interface {
	// Announce renews the lease of a node. It answers known=false when the
	// registry does not know this incarnation (first call, or it came back
	// empty): the node then puts all its sessions again.
	Announce(ctx context.Context, n Node, lease time.Duration) (known bool, err error)
	// Withdraw ends the lease of an incarnation and removes its sessions.
	Withdraw(ctx context.Context, id NodeID, epoch uint64) error
	// Nodes returns the nodes with a live lease.
	Nodes(ctx context.Context) ([]Node, error)
	// Put and Remove record sessions of this node; many at once in one round trip.
	Put(ctx context.Context, sessions []SessionInfo) error
	Remove(ctx context.Context, keys []SessionKey) error
	// Lookup returns the sessions of users whose node incarnation is alive.
	Lookup(ctx context.Context, users []UserID) (map[UserID][]SessionInfo, error)
	// Sweep removes the sessions of node incarnations without a lease. One
	// caller in the cell gets the work; the others get none.
	Sweep(ctx context.Context) (removed []SessionInfo, err error)
	// Ring sends doorbells to a node, best effort.
	Ring(ctx context.Context, to NodeID, bells []Bell) error
	// Listen calls ring for the doorbells of a node until ctx ends. It
	// reconnects by itself.
	Listen(ctx context.Context, id NodeID, ring func([]Bell)) error
}
