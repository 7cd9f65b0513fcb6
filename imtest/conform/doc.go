// Package conform shows over the wire that a node keeps the rules of XMPP: a
// real node on loopback is driven by the bare client of xmpptest, and each test
// is named after the section or the advisory that it is about.
//
// There is nothing here but tests. What single packages show with tables of
// their own is not repeated; docs/XEPS.md says which test proves what.
package conform
