package xmlstream

// Kind says what an Event is.
type Kind uint8

// The kinds of events.
const (
	None   Kind = iota // the bytes are used up: Feed more
	Open               // a stream header (RFC 6120, 4.2)
	Stanza             // a whole first-level element
	Close              // the end tag of the stream (4.4)
)

// Event is one thing that a stream said.
type Event struct {
	Kind Kind
	// Element is the stanza, or the stream header without children. It shares
	// nothing with the decoder and may be kept, changed and passed on.
	Element *Element
	// Content is, for Open, the default namespace of the header (4.8.2).
	Content string
}

// state is where in the grammar the next byte stands.
type state uint8

const (
	inProlog   state = iota // before the root element
	inTarget                // "<?" seen
	inDecl                  // "<?xml " seen
	inLevel                 // between stanzas
	inEnd                   // after the end of the stream
	inTag                   // "<" seen
	inBang                  // "<!" seen
	inStart                 // the name of a start tag
	inAttrs                 // after that name, or after a value
	inAttrName              // the name of an attribute
	inEquals                // after that name
	inQuote                 // after "="
	inValue                 // within quotes
	inSlash                 // "/" seen in a start tag
	inEndStart              // "</" seen
	inEndName               // the name of an end tag
	inEndTail               // after that name
	inText                  // character data
	inCData                 // after "<![CDATA["
)
