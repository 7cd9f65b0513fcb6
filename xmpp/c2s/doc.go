// Package c2s is the engine of the XMPP edge: it negotiates a client's stream,
// binds a session, and from then on moves stanzas between the client and the
// core. Packages of XEPs do the work of single features; this one knows the
// order of things: who gets a stanza (RFC 6121 section 8), what is acknowledged
// when (XEP-0198), what waits while a client is inactive (XEP-0352).
//
// It leaves the bytes to stream, accounts and SASL to sasl, iq requests to the
// handlers registered with its iq.Mux, and every rule about messages, contacts
// and presence to the core. Package cmd/node puts it together.
//
// Each session has one goroutine that reads its stream and, while there is work,
// one runner, to which everything that happens is an event. The state of a
// session belongs to the runner.
package c2s
