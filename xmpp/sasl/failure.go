package sasl

import (
	"context"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Condition is why a try failed (RFC 6120 section 6.5).
type Condition string

// The conditions.
const (
	Aborted              Condition = "aborted"
	AccountDisabled      Condition = "account-disabled"
	CredentialsExpired   Condition = "credentials-expired"
	EncryptionRequired   Condition = "encryption-required"
	IncorrectEncoding    Condition = "incorrect-encoding"
	InvalidAuthzid       Condition = "invalid-authzid"
	InvalidMechanism     Condition = "invalid-mechanism"
	MalformedRequest     Condition = "malformed-request"
	MechanismTooWeak     Condition = "mechanism-too-weak"
	NotAuthorized        Condition = "not-authorized"
	TemporaryAuthFailure Condition = "temporary-auth-failure"
)

// conditions is the table from the core's errors. What is not here is no fault
// of the client's and may be over soon.
var conditions = map[im.ErrorCode]Condition{
	im.CodeMalformed:      MalformedRequest,
	im.CodeInvalid:        MalformedRequest,
	im.CodeBadState:       MalformedRequest,
	im.CodeTooLarge:       MalformedRequest,
	im.CodeFrameTooLarge:  MalformedRequest,
	im.CodeUnsupported:    MalformedRequest,
	im.CodeBadCredentials: NotAuthorized,
	im.CodeTokenInvalid:   NotAuthorized,
	im.CodeChannelBinding: NotAuthorized,
	im.CodeNotFound:       NotAuthorized,
	im.CodeRevoked:        CredentialsExpired, // XEP-0484 section 4.2
	im.CodeLoggedOut:      CredentialsExpired,
	im.CodeDisabled:       AccountDisabled,
	im.CodeForbidden:      InvalidAuthzid,
	im.CodeMechanism:      InvalidMechanism,
}

// refusal is a condition with a sentence for the person.
type refusal struct {
	condition Condition
	text      string
}

func (r *refusal) Error() string { return "xmpp: sasl: " + string(r.condition) + ": " + r.text }

func refuse(c Condition, text string) error { return &refusal{c, text} }

// explain turns any error into a refusal.
func explain(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	var e *im.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &refusal{TemporaryAuthFailure, "the login took too long; try again"}
	default:
		return &refusal{TemporaryAuthFailure, ""}
	}
	c, ok := conditions[e.Code]
	if !ok {
		c = TemporaryAuthFailure
	}
	return &refusal{c, e.Detail}
}

// failure renders err for a profile. The conditions keep their namespace in
// XEP-0388 (section 2.6.2).
func (p *profile) failure(err error) *xmlstream.Element {
	r := explain(err)
	e := xmlstream.New(p.space, "failure").Add(xmlstream.New(NS, string(r.condition)))
	if r.text != "" {
		e.Add(xmlstream.NewText(p.space, "text", r.text).SetLang("en"))
	}
	return e
}

// Failure is the answer of XEP-0388 when the login was good but what was asked
// for along with it cannot be, such as one device too many.
func Failure(err error) *xmlstream.Element { return sasl2.failure(err) }
