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
	"errors"

	"github.com/cxx-im/cxx/im"
)

// ErrUnavailable is in the chain of every error that says: the registry cannot
// be reached now. The caller goes on without it.
var ErrUnavailable = errors.New("the presence registry is out of reach")

// Registry is what both implementations are.
type Registry = im.Registry
