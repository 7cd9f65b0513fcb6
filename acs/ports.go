package acs

import (
	"github.com/cxx-im/cxx/im"
)

// Registry is the cell's presence.
type Registry = im.Registry

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
