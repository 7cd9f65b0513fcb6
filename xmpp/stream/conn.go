// Package stream is the transports of the XMPP edge: TCP with STARTTLS, direct
// TLS (XEP-0368), WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206). Each gives
// package c2s a Conn, on which a stream is the same thing: a header, whole
// stanzas, an end.
//
// It leaves to c2s what is negotiated and what stanzas mean. A Server accepts on
// all transports and gives each Conn a goroutine, the only one that may call
// Next, Restart, Authenticated and StartTLS. Any goroutine may write.
package stream

import (
	"net/netip"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Conn is one client on one transport.
type Conn interface {
	// Next waits for what the client says: an Open, a Stanza, a Close. It returns
	// an *xmlstream.Error for bytes that cannot be read (close with FromXML of it),
	// io.EOF when Close was called here, ErrIdle after a silence, whereupon it may
	// be called again, ErrLogin when there was no login in time and the stream was
	// closed for it, another error when the connection broke.
	// Transports translate: <open/> of WebSocket and the first <body/> of BOSH come
	// as Open events whose element is a stream header.
	Next() (xmlstream.Event, error)
	// Open answers a stream header. It leaves with the first Send, or when Next is
	// called.
	Open(h xmlstream.Header) error
	// Send writes stanzas, each rendered for stanza.Client, at once. It waits until
	// the transport has taken them, and fails when nothing moves for 10 seconds;
	// the connection is broken then. BOSH takes them when they wait for the client's
	// next request.
	Send(stanzas ...[]byte) error
	// Restart expects a new stream on the same connection (RFC 6120 section 4.3.3).
	// Call it before the answer that lets the client go on is sent.
	Restart()
	// StartTLS sends proceed and goes on under TLS. It fails, and the connection
	// with it, when the client had sent bytes behind its request (section 5.4.3.3).
	StartTLS(proceed []byte) error
	// Authenticated raises the size limit of stanzas and ends the deadline of the
	// login.
	Authenticated()
	// Close ends the stream: reason (nil: none) as a stream error, in a stream that
	// is opened for it when need be, and the end tag. It waits no longer than
	// Config.CloseTimeout for a client that does not read. The transport ends when
	// the handler has returned and the client has ended its side or had the time
	// for it. Any goroutine may call it; the first call counts.
	Close(reason *Error)

	// Info tells about the transport; after StartTLS it is another.
	Info() Info
}

// Info is what a Conn knows of its transport.
type Info struct {
	Kind      Kind
	Remote    netip.AddrPort
	Local     netip.AddrPort
	Secure    bool              // TLS, or a proxy that ends it, or loopback by explicit flag
	TLS       bool              // STARTTLS cannot be offered any more
	Binding   im.ChannelBinding // empty where TLS ends elsewhere
	Certified []im.Addr         // of the client's certificate, which was verified; nil without Config.ClientCA
	Resumable bool              // stream management can hand the session to another Conn
}

// Kind names a transport.
type Kind uint8

// The transports.
const (
	TCP Kind = iota
	WebSocket
	BOSH
)
