// Package message translates between message stanzas and the core's messages:
// what of a stanza is logged, how its extension elements are kept, how an entry
// of the log reads as a stanza again, live, as a carbon copy or out of the
// archive, and which of a user's clients sees it.
//
// It leaves to c2s the sending, and to the core everything durable. All
// functions are pure.
//
// Extension elements are kept as the serialised stanza (scope stanza.Client)
// without from, to and the body that the core has as text. Three attributes of
// the root are ours: f and t are the resources of sender and recipient, l is
// the language of the body when it is not that of the stanza. Apps that speak
// C-XX may keep something else in the same place; that is not shown here.
package message

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

var sortNames = [...]string{"text", "note", "typing", "displayed", "fleeting", "groupchat", "empty"}

func (s Sort) String() string { return sortNames[s] }
