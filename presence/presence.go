// Package presence is who is online where in the cell: leases of nodes, their
// sessions, and doorbells. Packages memory and redis below it implement
// Registry, presencetest holds the contract that both pass, and Batcher puts
// many small writes and reads of a node into few round trips.
//
// It decides nothing about who may see whom, stores no message, and may forget
// everything at any moment: nothing but latency depends on it. The core
// (package acs) and NAS call it.
package presence

import (
	"context"
	"errors"
	"time"

	"github.com/cxx-im/cxx/im"
)

// ErrUnavailable is in the chain of every error that says: the registry cannot
// be reached now. The caller goes on without it.
var ErrUnavailable = errors.New("the presence registry is out of reach")

// Registry is the presence of a cell. All methods are safe for any goroutine;
// while the registry is out of reach they fail within a second, most at once.
type Registry interface {
	// Announce renews the lease of a node. It answers known=false when the
	// registry does not know this incarnation, or may have lost some of its
	// sessions: the caller then owes a Put of all of them, also when that fails
	// the first time. It answers im.CodeConflict when a newer incarnation of
	// the node is alive.
	Announce(ctx context.Context, n im.Node, lease time.Duration) (known bool, err error)
	// Withdraw ends the lease of an incarnation and removes its sessions. Other
	// incarnations of the node are left alone.
	Withdraw(ctx context.Context, id im.NodeID, epoch uint64) error
	// Nodes returns the nodes with a live lease, in the order of their ids.
	Nodes(ctx context.Context) ([]im.Node, error)
	// Put records sessions; what was known of a session is replaced. Remove
	// takes them out; unknown ones are no error. Many cost one round trip.
	Put(ctx context.Context, sessions []im.SessionInfo) error
	Remove(ctx context.Context, keys []im.SessionKey) error
	// Lookup returns the sessions of users whose node incarnation has a live
	// lease. Users without any are absent.
	Lookup(ctx context.Context, users []im.UserID) (map[im.UserID][]im.SessionInfo, error)
	// Sweep removes the sessions of node incarnations without a lease. One
	// caller in the cell gets the work; the others get none. On an error,
	// removed holds what was removed before it.
	Sweep(ctx context.Context) (removed []im.SessionInfo, err error)
	// Ring sends doorbells to a node, best effort.
	Ring(ctx context.Context, to im.NodeID, bells []im.Bell) error
	// Listen calls ring, one call at a time, for the doorbells of a node until
	// ctx ends, and then returns nil. It reconnects by itself.
	Listen(ctx context.Context, id im.NodeID, ring func([]im.Bell)) error
}
