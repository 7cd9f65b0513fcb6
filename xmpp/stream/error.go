package stream

import (
	"errors"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Error is a stream error (RFC 6120 section 4.9). It is immutable.
type Error struct {
	Condition xmlstream.Condition
	Text      string
	Content   string             // of see-other-host
	App       *xmlstream.Element // application-specific condition, may be nil
}

// NSErrors qualifies conditions of stream errors.
const NSErrors = "urn:ietf:params:xml:ns:xmpp-streams"

// The conditions of section 4.9.3 that bytes alone do not cause; xmlstream has
// the others.
const (
	BadNamespacePrefix     xmlstream.Condition = "bad-namespace-prefix"
	Conflict               xmlstream.Condition = "conflict"
	ConnectionTimeout      xmlstream.Condition = "connection-timeout"
	HostGone               xmlstream.Condition = "host-gone"
	HostUnknown            xmlstream.Condition = "host-unknown"
	ImproperAddressing     xmlstream.Condition = "improper-addressing"
	InternalServerError    xmlstream.Condition = "internal-server-error"
	InvalidFrom            xmlstream.Condition = "invalid-from"
	InvalidXML             xmlstream.Condition = "invalid-xml"
	NotAuthorized          xmlstream.Condition = "not-authorized"
	RemoteConnectionFailed xmlstream.Condition = "remote-connection-failed"
	Reset                  xmlstream.Condition = "reset"
	ResourceConstraint     xmlstream.Condition = "resource-constraint"
	SeeOtherHost           xmlstream.Condition = "see-other-host"
	SystemShutdown         xmlstream.Condition = "system-shutdown"
	UndefinedCondition     xmlstream.Condition = "undefined-condition"
	UnsupportedFeature     xmlstream.Condition = "unsupported-feature"
	UnsupportedStanzaType  xmlstream.Condition = "unsupported-stanza-type"
	UnsupportedVersion     xmlstream.Condition = "unsupported-version"
)

func (e *Error) Error() string { return "xmpp: stream error " + string(e.Condition) + ": " + e.Text }

// Errorf is short for an Error with a text, which may be empty.
func Errorf(c xmlstream.Condition, text string) *Error { return &Error{Condition: c, Text: text} }

// Element renders e as <stream:error/>.
func (e *Error) Element() *xmlstream.Element {
	out := xmlstream.New(xmlstream.NSStreams, "error")
	out.Add(xmlstream.NewText(NSErrors, string(e.Condition), e.Content))
	if e.Text != "" {
		out.Add(xmlstream.NewText(NSErrors, "text", e.Text).SetLang("en"))
	}
	return out.Add(e.App)
}

// FromXML turns what Next has returned into the stream error that tells the
// client: an *xmlstream.Error by its condition, an *Error as it is. It is nil
// for others: a connection that broke can be told nothing.
func FromXML(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var x *xmlstream.Error
	if !errors.As(err, &x) {
		return nil
	}
	return Errorf(x.Condition, x.Reason)
}
