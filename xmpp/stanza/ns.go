package stanza

import "github.com/cxx-im/cxx/xmpp/xmlstream"

// Namespaces that more than one package speaks. Those that only one package
// speaks stand there.
const (
	NSClient     = xmlstream.NSClient
	NSStanzas    = "urn:ietf:params:xml:ns:xmpp-stanzas"
	NSStreams    = "urn:ietf:params:xml:ns:xmpp-streams"
	NSRoster     = "jabber:iq:roster"
	NSDelay      = "urn:xmpp:delay"                         // XEP-0203
	NSForward    = "urn:xmpp:forward:0"                     // XEP-0297
	NSSID        = "urn:xmpp:sid:0"                         // XEP-0359
	NSHints      = "urn:xmpp:hints"                         // XEP-0334
	NSCarbons    = "urn:xmpp:carbons:2"                     // XEP-0280
	NSMAM        = "urn:xmpp:mam:2"                         // XEP-0313
	NSRSM        = "http://jabber.org/protocol/rsm"         // XEP-0059
	NSData       = "jabber:x:data"                          // XEP-0004
	NSCaps       = "http://jabber.org/protocol/caps"        // XEP-0115
	NSInfo       = "http://jabber.org/protocol/disco#info"  // XEP-0030
	NSItems      = "http://jabber.org/protocol/disco#items" // XEP-0030
	NSPubsub     = "http://jabber.org/protocol/pubsub"      // XEP-0060
	NSMarkers    = "urn:xmpp:chat-markers:0"                // XEP-0333
	NSReceipts   = "urn:xmpp:receipts"                      // XEP-0184
	NSChatStates = "http://jabber.org/protocol/chatstates"  // XEP-0085
	NSMDS        = "urn:xmpp:mds:displayed:0"               // XEP-0490
	NSBlocking   = "urn:xmpp:blocking"                      // XEP-0191
	NSMUC        = "http://jabber.org/protocol/muc"         // XEP-0045
	NSMUCUser    = "http://jabber.org/protocol/muc#user"
	NSErrors     = "https://github.com/cxx-im/cxx#errors" // ours: application-specific conditions (RFC 6120 section 8.3.4)
)
