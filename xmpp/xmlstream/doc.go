// Package xmlstream reads and writes the XML of XMPP: an incremental push
// parser that turns any chunking of a stream's bytes into stream headers and
// whole stanzas, the element tree the rest of the edge works on, and the
// serialiser that writes it back.
//
// Only the XML of RFC 6120 section 11 is spoken: UTF-8, namespaces, no DOCTYPE,
// comment, processing instruction or entity beyond the five. Whatever is wrong
// ends the stream with an *Error that names the condition of RFC 6120
// section 4.9.3. Every limit counts bytes before a tree exists.
//
// It leaves to others what elements mean, who may send them, the order of
// negotiation and the socket. The packages of xmpp call it: c2s through Reader,
// WebSocket and BOSH through Parse, everything that answers through Append. It
// keeps no global state but pools of buffers and imports nothing of ours.
package xmlstream

// The namespaces this package itself has to know.
const (
	// NSXML is bound to the prefix xml everywhere (Namespaces in XML, section 3).
	NSXML = "http://www.w3.org/XML/1998/namespace"
	// NSXMLNS is the namespace of declarations kept as attributes: xmlns:p='u'
	// is Attr{Space: NSXMLNS, Local: "p", Value: "u"}.
	NSXMLNS = "http://www.w3.org/2000/xmlns/"
	// NSStreams qualifies the stream header, features and error (RFC 6120, 4.8.1).
	NSStreams = "http://etherx.jabber.org/streams"
	// NSClient is the content namespace between client and server (4.8.2).
	NSClient = "jabber:client"
	// NSServer is the content namespace between servers (4.8.2).
	NSServer = "jabber:server"
)
