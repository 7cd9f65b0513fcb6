package stanza

import (
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Condition is a defined condition of RFC 6120 section 8.3.3.
type Condition string

// The conditions.
const (
	BadRequest            Condition = "bad-request"
	Conflict              Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	Redirect              Condition = "redirect"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
)

// types has the type that RFC 6120 section 8.3.3 gives to each condition.
var types = map[Condition]string{
	BadRequest: "modify", Conflict: "cancel", FeatureNotImplemented: "cancel", Forbidden: "auth",
	Gone: "cancel", InternalServerError: "cancel", ItemNotFound: "cancel", JIDMalformed: "modify",
	NotAcceptable: "modify", NotAllowed: "cancel", NotAuthorized: "auth", PolicyViolation: "modify",
	RecipientUnavailable: "wait", Redirect: "modify", RegistrationRequired: "auth",
	RemoteServerNotFound: "cancel", RemoteServerTimeout: "wait", ResourceConstraint: "wait",
	ServiceUnavailable: "cancel", SubscriptionRequired: "auth", UndefinedCondition: "modify",
	UnexpectedRequest: "wait",
}

// Error is a stanza error that a handler returns. It is immutable.
type Error struct {
	Type      string // "" is what RFC 6120 gives to the condition
	Condition Condition
	Text      string
	App       *xmlstream.Element // application-specific condition, may be nil
	Payload   *xmlstream.Element // what stands before the error in a reply, such as a form to fill in; may be nil
}

func (e *Error) Error() string { return "xmpp: " + string(e.Condition) + ": " + e.Text }

// Errorf is short for an Error with its usual type; text may be empty.
func Errorf(c Condition, text string) *Error { return &Error{Condition: c, Text: text} }

// WithApp returns e with an application-specific condition (section 8.3.4).
func (e *Error) WithApp(app *xmlstream.Element) *Error {
	c := *e
	c.App = app
	return &c
}

// WithPayload returns e with what the client may need to do better.
func (e *Error) WithPayload(payload *xmlstream.Element) *Error {
	c := *e
	c.Payload = payload
	return &c
}

// Element renders e as <error/>.
func (e *Error) Element() *xmlstream.Element {
	typ := e.Type
	if typ == "" {
		typ = types[e.Condition]
	}
	out := xmlstream.New(NSClient, "error").SetAttr("type", typ)
	out.Add(xmlstream.New(NSStanzas, string(e.Condition)))
	if e.Text != "" {
		out.Add(xmlstream.NewText(NSStanzas, "text", e.Text))
	}
	return out.Add(e.App)
}

// Of turns any error into a stanza error: an *Error as it is, an *im.Error by
// the table, anything else is internal-server-error.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var x *im.Error
	if !errors.As(err, &x) {
		return Errorf(InternalServerError, "")
	}
	row, ok := codes[x.Code]
	if !ok {
		row = codes[im.CodeInternal]
	}
	out := &Error{Condition: row, Text: x.Detail}
	if x.RetryAfter > 0 {
		out.Type = "wait"
	}
	switch x.Code {
	case im.CodeBlocked:
		out.Text = "" // XEP-0191 section 3.3: as if he were offline
	case im.CodeOwnBlock:
		out.Type, out.App = "cancel", xmlstream.New(NSBlocking+":errors", "blocked") // XEP-0191 section 3.5
	case im.CodeUnknownOutcome: // every other one that says to wait is definite (contract, clause 6)
		out.App = xmlstream.New(NSErrors, "unknown-outcome")
	}
	return out
}

// Reply returns request as an error (section 8.3.1): with swapped addresses,
// the id, and without the payload, which the sender knows, unless the error has
// one.
func Reply(request *xmlstream.Element, err error) *xmlstream.Element {
	e := Of(err)
	return answer(request, "error").Add(e.Payload, e.Element())
}

// codes is the table from the core's errors to conditions; a test sees that no
// code is missing.
var codes = map[im.ErrorCode]Condition{
	im.CodeMalformed:       BadRequest,
	im.CodeFrameTooLarge:   PolicyViolation,
	im.CodeUnsupported:     FeatureNotImplemented,
	im.CodeVersion:         FeatureNotImplemented,
	im.CodeBadState:        UnexpectedRequest,
	im.CodeTimeout:         ResourceConstraint,
	im.CodeIdle:            ResourceConstraint,
	im.CodeInvalid:         BadRequest,
	im.CodeBadCredentials:  NotAuthorized,
	im.CodeTokenInvalid:    NotAuthorized,
	im.CodeTicketExpired:   NotAuthorized,
	im.CodeTicketReplayed:  NotAuthorized,
	im.CodeTicketForeign:   NotAuthorized,
	im.CodeReplaced:        Conflict,
	im.CodeRevoked:         NotAuthorized,
	im.CodeDisabled:        NotAuthorized,
	im.CodeChannelBinding:  NotAuthorized,
	im.CodeAuthBusy:        ResourceConstraint,
	im.CodeRegClosed:       NotAllowed,
	im.CodeInviteInvalid:   NotAcceptable,
	im.CodeNameTaken:       Conflict,
	im.CodePasswordWeak:    NotAcceptable,
	im.CodeMechanism:       NotAllowed,
	im.CodeTooManyDevices:  ResourceConstraint,
	im.CodeLoggedOut:       NotAuthorized,
	im.CodeRateLimited:     ResourceConstraint,
	im.CodeTooLarge:        PolicyViolation,
	im.CodeTooMany:         ResourceConstraint,
	im.CodeSlowConsumer:    ResourceConstraint,
	im.CodeForbidden:       Forbidden,
	im.CodeBlocked:         ServiceUnavailable, // XEP-0191 section 3.4: as if he were offline
	im.CodeNotFound:        ItemNotFound,
	im.CodeIDReused:        Conflict,
	im.CodeConflict:        Conflict,
	im.CodeOwnBlock:        NotAcceptable,
	im.CodeNotMember:       NotAcceptable, // XEP-0045 sections 7.2 and 7.4, as the next ones
	im.CodeMuted:           Forbidden,
	im.CodeNickTaken:       Conflict,
	im.CodeMembersOnly:     RegistrationRequired,
	im.CodeBanned:          Forbidden,
	im.CodePasswordNeeded:  NotAuthorized,
	im.CodeLastOwner:       Conflict,
	im.CodeZoneUnavailable: ResourceConstraint,
	im.CodeOverloaded:      ResourceConstraint,
	im.CodeRetryLater:      ResourceConstraint,
	im.CodeGoAway:          ResourceConstraint,
	im.CodeRegressed:       ResourceConstraint,
	im.CodeNoACS:           ResourceConstraint,
	im.CodeUnknownOutcome:  ResourceConstraint,
	im.CodeInternal:        InternalServerError,
}
