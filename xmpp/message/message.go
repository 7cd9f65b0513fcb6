// Package message translates between message stanzas and the core's messages:
// what of a stanza is logged, how its extension elements are kept, and how an
// entry of the log reads as a stanza again, live, as a carbon copy or out of the
// archive.
//
// It leaves to c2s who gets what, and to the core everything durable. All
// functions are pure.
package message

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Sort says what becomes of a message stanza.
type Sort uint8

// The sorts.
const (
	Text      Sort = iota // has a body: logged, counted as unread
	Note                  // no body but worth keeping (receipt, marker, reaction, retraction, OMEMO without body …): logged as im.KindNote
	Typing                // nothing but a chat state (XEP-0085): an ephemeral signal
	Displayed             // a read mark (XEP-0333 displayed): moves the mark of the conversation
	Fleeting              // headline, error, no-store (XEP-0334): to sessions that are there, or nobody
	Groupchat             // type groupchat: for a room
	Empty                 // nothing in it: dropped
)

// Classify says what becomes of st, a message from a client.
func Classify(st *xmlstream.Element) Sort { panic("not yet") }

// Clean removes from a client's stanza what only we may say (contract section 4):
// stanza-id by an address of ours, occupant-id, delay from us, carbons, results
// of the archive. own is the bare address of the sender.
func Clean(st *xmlstream.Element, own im.Addr) { panic("not yet") }

// Pack turns a clean stanza of sort Text or Note into what the core logs. from is
// the sender's full address, to as addressed. ClientID is set when the stanza has
// an origin-id of 16 characters or more (contract 1.5).
func Pack(st *xmlstream.Element, from, to im.Addr) (im.Outgoing, error) { panic("not yet") }

// Unpack turns an entry of kind message, note or read mark into the stanza that
// its addressee sees. from and to are the bare addresses of the two sides; their
// resources come out of the entry. It has no stanza-id and no delay.
func Unpack(e *im.Entry, from, to im.Addr) *xmlstream.Element { panic("not yet") }
