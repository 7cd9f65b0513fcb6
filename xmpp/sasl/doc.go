// Package sasl negotiates logins on XMPP streams: SASL as RFC 6120 section 6 has
// it, the profile of XEP-0388 with what can be asked for along with it (XEP-0386,
// XEP-0198, XEP-0484), and the list of channel bindings of XEP-0440.
//
// It turns elements into elements and keeps the state of one stream; it leaves
// bytes and certificates to stream, passwords, tokens and the slowing down of
// guesses to im.Logins, and everything that follows a login (devices, binding,
// resumption) to c2s, which calls it.
package sasl
