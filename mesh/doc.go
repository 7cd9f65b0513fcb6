// Package mesh is the links between the ACS of a cell: one TCP connection for
// each pair of nodes, mutual TLS, over which envelopes travel in order.
//
// A link is best effort. What a queue cannot take is refused at once, and what
// a broken link had taken may be lost: the logs are the truth, and the core
// rings a doorbell or reads the log instead. What nodes are alive, what an
// envelope means and what to do without a link is left to the core. Package
// cmd/cxxd puts the two together; the core calls Forward, Broadcast and
// SetPeers, and is called as Handler.
//
// Of two nodes the lower id dials. Each link has one owner, the goroutine of
// its peer, which dials or waits, reads, and alone calls the Handler for that
// peer; a second goroutine writes.
package mesh
