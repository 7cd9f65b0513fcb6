package im

import (
	"errors"
	"fmt"
	"time"
)

// ErrorCode is one word of the closed list of errors. The thousands digit is the
// class: 1 protocol, 2 login, 3 limit, 4 permission, 5 availability. The list
// is append-only: a number never changes its meaning.
type ErrorCode uint16

// The list. docs/PROTOCOL.md has the sentence for each.
const (
	CodeMalformed       ErrorCode = 1001
	CodeFrameTooLarge   ErrorCode = 1002
	CodeUnsupported     ErrorCode = 1003
	CodeVersion         ErrorCode = 1004
	CodeBadState        ErrorCode = 1005
	CodeTimeout         ErrorCode = 1006
	CodeIdle            ErrorCode = 1007
	CodeInvalid         ErrorCode = 1008
	CodeBadCredentials  ErrorCode = 2001
	CodeTokenInvalid    ErrorCode = 2002
	CodeTicketExpired   ErrorCode = 2003
	CodeTicketReplayed  ErrorCode = 2004
	CodeTicketForeign   ErrorCode = 2005
	CodeReplaced        ErrorCode = 2006
	CodeRevoked         ErrorCode = 2007
	CodeDisabled        ErrorCode = 2008
	CodeChannelBinding  ErrorCode = 2009
	CodeAuthBusy        ErrorCode = 2010
	CodeRegClosed       ErrorCode = 2011
	CodeInviteInvalid   ErrorCode = 2012
	CodeNameTaken       ErrorCode = 2013
	CodePasswordWeak    ErrorCode = 2014
	CodeMechanism       ErrorCode = 2015
	CodeTooManyDevices  ErrorCode = 2016
	CodeLoggedOut       ErrorCode = 2017
	CodeRateLimited     ErrorCode = 3001
	CodeTooLarge        ErrorCode = 3002
	CodeTooMany         ErrorCode = 3003
	CodeSlowConsumer    ErrorCode = 3007
	CodeForbidden       ErrorCode = 4001
	CodeBlocked         ErrorCode = 4003
	CodeNotFound        ErrorCode = 4004
	CodeIDReused        ErrorCode = 4009
	CodeConflict        ErrorCode = 4010
	CodeOwnBlock        ErrorCode = 4011
	CodeNotMember       ErrorCode = 4012
	CodeMuted           ErrorCode = 4013
	CodeNickTaken       ErrorCode = 4014
	CodeMembersOnly     ErrorCode = 4015
	CodeBanned          ErrorCode = 4016
	CodePasswordNeeded  ErrorCode = 4017
	CodeLastOwner       ErrorCode = 4018
	CodeZoneUnavailable ErrorCode = 5001
	CodeOverloaded      ErrorCode = 5002
	CodeRetryLater      ErrorCode = 5003
	CodeGoAway          ErrorCode = 5004
	CodeRegressed       ErrorCode = 5005
	CodeNoACS           ErrorCode = 5006
	CodeUnknownOutcome  ErrorCode = 5007
	CodeInternal        ErrorCode = 5999
)

// Trait says what a client may conclude from a code.
type Trait struct {
	Code ErrorCode
	Name string // the word in logs, metrics, traces and documents
	// Definite: the request had no effect and never will. Otherwise its outcome
	// is unknown and a retry with the same client id is the way to learn it.
	Definite bool
	// Reconnect: when the code closes a connection, the client may come back by
	// itself (with jitter). Otherwise a person or a program has to act first.
	Reconnect bool
}

var traits = []Trait{
	{CodeMalformed, "MALFORMED", true, false},
	{CodeFrameTooLarge, "FRAME_TOO_LARGE", true, false},
	{CodeUnsupported, "UNSUPPORTED", true, false},
	{CodeVersion, "VERSION", true, false},
	{CodeBadState, "BAD_STATE", true, false},
	{CodeTimeout, "TIMEOUT", true, true},
	{CodeIdle, "IDLE", true, true},
	{CodeInvalid, "INVALID", true, false},
	{CodeBadCredentials, "BAD_CREDENTIALS", true, false},
	{CodeTokenInvalid, "TOKEN_INVALID", true, false},
	{CodeTicketExpired, "TICKET_EXPIRED", true, true},
	{CodeTicketReplayed, "TICKET_REPLAYED", true, true},
	{CodeTicketForeign, "TICKET_FOREIGN", true, true},
	{CodeReplaced, "REPLACED", true, false},
	{CodeRevoked, "REVOKED", true, false},
	{CodeDisabled, "DISABLED", true, false},
	{CodeChannelBinding, "CHANNEL_BINDING", true, false},
	{CodeAuthBusy, "AUTH_BUSY", true, true},
	{CodeRegClosed, "REGISTRATION_CLOSED", true, false},
	{CodeInviteInvalid, "INVITE_INVALID", true, false},
	{CodeNameTaken, "NAME_TAKEN", true, false},
	{CodePasswordWeak, "PASSWORD_WEAK", true, false},
	{CodeMechanism, "MECHANISM", true, false},
	{CodeTooManyDevices, "TOO_MANY_DEVICES", true, false},
	{CodeLoggedOut, "LOGGED_OUT", true, false},
	{CodeRateLimited, "RATE_LIMITED", true, true},
	{CodeTooLarge, "TOO_LARGE", true, false},
	{CodeTooMany, "TOO_MANY", true, false},
	{CodeSlowConsumer, "SLOW_CONSUMER", true, true},
	{CodeForbidden, "FORBIDDEN", true, false},
	{CodeBlocked, "BLOCKED", true, false},
	{CodeNotFound, "NOT_FOUND", true, false},
	{CodeIDReused, "ID_REUSED", true, false},
	{CodeConflict, "CONFLICT", true, false},
	{CodeOwnBlock, "OWN_BLOCK", true, false},
	{CodeNotMember, "NOT_MEMBER", true, false},
	{CodeMuted, "MUTED", true, false},
	{CodeNickTaken, "NICK_TAKEN", true, false},
	{CodeMembersOnly, "MEMBERS_ONLY", true, false},
	{CodeBanned, "BANNED", true, false},
	{CodePasswordNeeded, "PASSWORD_NEEDED", true, false},
	{CodeLastOwner, "LAST_OWNER", true, false},
	{CodeZoneUnavailable, "ZONE_UNAVAILABLE", true, true},
	{CodeOverloaded, "OVERLOADED", true, true},
	{CodeRetryLater, "RETRY_LATER", true, true},
	{CodeGoAway, "GO_AWAY", true, true},
	{CodeRegressed, "HISTORY_REGRESSED", true, true},
	{CodeNoACS, "NO_ACS", true, true},
	{CodeUnknownOutcome, "UNKNOWN_OUTCOME", false, true},
	{CodeInternal, "INTERNAL", false, true},
}

var traitOf = func() map[ErrorCode]Trait {
	m := make(map[ErrorCode]Trait, len(traits))
	for _, t := range traits {
		m[t.Code] = t
	}
	return m
}()

// Traits returns the whole list in the order of the numbers.
func Traits() []Trait { return append([]Trait(nil), traits...) }

// Trait returns what is known of c; a code from a newer peer is taken as
// indefinite and as permission to reconnect.
func (c ErrorCode) Trait() Trait {
	if t, ok := traitOf[c]; ok {
		return t
	}
	return Trait{Code: c, Name: fmt.Sprintf("CODE_%d", uint16(c)), Reconnect: true}
}

// Passes reports whether an error goes away by itself: a zone or a node cannot answer
// now.
func (c ErrorCode) Passes() bool { return c >= CodeZoneUnavailable && c != CodeInternal }

// String returns the name of c.
func (c ErrorCode) String() string { return c.Trait().Name }

// Error is the one error type that leaves the core. Detail is a sentence for
// people, which names what is wrong and what to do, and never holds a secret.
type Error struct {
	Code       ErrorCode
	Detail     string
	RetryAfter time.Duration // zero: the client's own backoff
	Err        error         // what was behind it; stays in the log
}

// Errorf returns an Error with a formatted detail.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Error returns name and detail, and what was behind it.
func (e *Error) Error() string {
	s := e.Code.String()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns what was behind the error.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf returns the code of err: that of the Error in its chain, else
// CodeInternal. A nil error has no code and gives zero.
func CodeOf(err error) ErrorCode {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
