package xmlstream

import "fmt"

// Condition is the name of a stream error of RFC 6120 section 4.9.3, as it is
// written on the wire. Only those that bytes alone can cause are here.
type Condition string

// The conditions that this package reports.
const (
	BadFormat           Condition = "bad-format"           // 4.9.3.1: text between stanzas, a root that is no stream
	InvalidNamespace    Condition = "invalid-namespace"    // 4.9.3.10: a stream header outside of NSStreams
	NotWellFormed       Condition = "not-well-formed"      // 4.9.3.13: XML 1.0 or Namespaces in XML violated
	PolicyViolation     Condition = "policy-violation"     // 4.9.3.14: a limit crossed
	RestrictedXML       Condition = "restricted-xml"       // 4.9.3.18 and 11.1: DOCTYPE, comment, PI, entity
	UnsupportedEncoding Condition = "unsupported-encoding" // 4.9.3.22 and 11.6: other than UTF-8, or bad UTF-8
)

// Error is why a stream cannot be read on. It is final for its Decoder: every
// later call returns it again.
type Error struct {
	Condition Condition
	Reason    string // one of a closed list of sentences of ours, never the peer's bytes
	Offset    int64  // bytes of the stream before the place where it was noticed
}

func (e *Error) Error() string {
	return fmt.Sprintf("xmlstream: %s at byte %d: %s", e.Condition, e.Offset, e.Reason)
}

// fault is an error that has no place yet.
type fault struct {
	condition Condition
	reason    string
}

func malformed(reason string) *fault { return &fault{NotWellFormed, reason} }

// The reasons. They are values so that nothing is allocated for a bad peer and
// tests can tell them apart.
var (
	errOutsideRoot  = malformed("text outside the root element")
	errBetween      = &fault{BadFormat, "text between stanzas"}
	errControl      = malformed("a character that XML does not allow")
	errUTF8         = &fault{UnsupportedEncoding, "bytes that are not UTF-8"}
	errEncoding     = &fault{UnsupportedEncoding, "the encoding is not UTF-8"}
	errDeclaration  = malformed("the XML declaration is malformed")
	errInstruction  = &fault{RestrictedXML, "a processing instruction, or an XML declaration that is not at the start"}
	errMarkup       = &fault{RestrictedXML, "a comment or document type"}
	errCData        = malformed("a markup declaration that is none, or CDATA outside a stanza")
	errTag          = malformed("a tag that does not start with a name")
	errInTag        = malformed("something in a tag that is no attribute")
	errSpacing      = malformed("no white space before an attribute")
	errEquals       = malformed("an attribute without a value")
	errQuote        = malformed("an attribute value without quotes")
	errLess         = malformed("a '<' in an attribute value")
	errSlash        = malformed("a '/' in a tag that does not end it")
	errName         = malformed("a name with characters that XML does not allow there")
	errColon        = malformed("a name with a misplaced colon")
	errEndName      = malformed("an end tag that does not match its start tag")
	errEndTag       = malformed("an end tag that does not end after its name")
	errUnopened     = malformed("an end tag without a start tag")
	errCDEnd        = malformed("']]>' in text")
	errReference    = malformed("a '&' that starts no reference")
	errCharRef      = malformed("a reference to a character that XML does not allow")
	errEntity       = &fault{RestrictedXML, "a reference to an entity other than the five"}
	errDuplicate    = malformed("an attribute given twice")
	errUndeclared   = malformed("a prefix that is not declared")
	errXMLPrefix    = malformed("the prefix xml or its namespace bound to something else")
	errXMLNSPrefix  = malformed("the prefix xmlns or its namespace used or declared")
	errUnbind       = malformed("a prefix bound to no namespace")
	errURI          = malformed("a namespace that is no URI")
	errAfterEnd     = malformed("bytes after the end of the stream")
	errTruncated    = malformed("the text ends inside an element")
	errNoElement    = malformed("no element, or more than one")
	errStanzaLimit  = &fault{PolicyViolation, "the stanza is over the size limit"}
	errDepthLimit   = &fault{PolicyViolation, "elements are nested too deep"}
	errAttrsLimit   = &fault{PolicyViolation, "an element has too many attributes"}
	errValueLimit   = &fault{PolicyViolation, "an attribute value is too long"}
	errNameLimit    = &fault{PolicyViolation, "a name is too long"}
	errPrefixLimit  = &fault{PolicyViolation, "too many namespace prefixes are in scope"}
	errNodesLimit   = &fault{PolicyViolation, "the stanza has too many elements and texts"}
	errRoot         = &fault{BadFormat, "the root element is no stream"}
	errStreamsSpace = &fault{InvalidNamespace, "the root element is not in the namespace of streams"}
)

func (f *fault) at(offset int64) *Error {
	return &Error{Condition: f.condition, Reason: f.reason, Offset: offset}
}
