package web

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/cxx-im/cxx/im"
)

// statusOf is the one table from the list of errors to HTTP.
var statusOf = map[im.ErrorCode]int{
	im.CodeMalformed:       http.StatusBadRequest,
	im.CodeFrameTooLarge:   http.StatusRequestEntityTooLarge,
	im.CodeUnsupported:     http.StatusNotImplemented,
	im.CodeVersion:         http.StatusBadRequest,
	im.CodeBadState:        http.StatusConflict,
	im.CodeTimeout:         http.StatusGatewayTimeout,
	im.CodeIdle:            http.StatusRequestTimeout,
	im.CodeInvalid:         http.StatusBadRequest,
	im.CodeBadCredentials:  http.StatusUnauthorized,
	im.CodeTokenInvalid:    http.StatusUnauthorized,
	im.CodeTicketExpired:   http.StatusUnauthorized,
	im.CodeTicketReplayed:  http.StatusUnauthorized,
	im.CodeTicketForeign:   http.StatusUnauthorized,
	im.CodeReplaced:        http.StatusConflict,
	im.CodeRevoked:         http.StatusForbidden,
	im.CodeDisabled:        http.StatusForbidden,
	im.CodeChannelBinding:  http.StatusUnauthorized,
	im.CodeAuthBusy:        http.StatusServiceUnavailable,
	im.CodeRegClosed:       http.StatusForbidden,
	im.CodeInviteInvalid:   http.StatusForbidden,
	im.CodeNameTaken:       http.StatusConflict,
	im.CodePasswordWeak:    http.StatusUnprocessableEntity,
	im.CodeMechanism:       http.StatusBadRequest,
	im.CodeTooManyDevices:  http.StatusConflict,
	im.CodeLoggedOut:       http.StatusForbidden,
	im.CodeRateLimited:     http.StatusTooManyRequests,
	im.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	im.CodeTooMany:         http.StatusConflict,
	im.CodeSlowConsumer:    http.StatusServiceUnavailable,
	im.CodeForbidden:       http.StatusForbidden,
	im.CodeBlocked:         http.StatusForbidden,
	im.CodeNotFound:        http.StatusNotFound,
	im.CodeIDReused:        http.StatusConflict,
	im.CodeConflict:        http.StatusConflict,
	im.CodeOwnBlock:        http.StatusConflict,
	im.CodeNotMember:       http.StatusForbidden,
	im.CodeMuted:           http.StatusForbidden,
	im.CodeNickTaken:       http.StatusConflict,
	im.CodeMembersOnly:     http.StatusForbidden,
	im.CodeBanned:          http.StatusForbidden,
	im.CodePasswordNeeded:  http.StatusForbidden,
	im.CodeLastOwner:       http.StatusConflict,
	im.CodeZoneUnavailable: http.StatusServiceUnavailable,
	im.CodeOverloaded:      http.StatusServiceUnavailable,
	im.CodeRetryLater:      http.StatusServiceUnavailable,
	im.CodeGoAway:          http.StatusServiceUnavailable,
	im.CodeRegressed:       http.StatusConflict,
	im.CodeNoACS:           http.StatusServiceUnavailable,
	im.CodeUnknownOutcome:  http.StatusBadGateway,
	im.CodeInternal:        http.StatusInternalServerError,
}

// HTTPStatus returns the status for a code; one that is not in the table is an
// internal error.
func HTTPStatus(c im.ErrorCode) int {
	if s, ok := statusOf[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// problem is the body of every answer that is no success.
type problem struct {
	Error problemBody `json:"error"`
}

type problemBody struct {
	Code       string `json:"code"`   // the word from the list of errors
	Number     uint16 `json:"number"` // its number
	Detail     string `json:"detail,omitempty"`
	RetryAfter int64  `json:"retry_after_ms,omitempty"`
}

// public turns err into what may leave; what nobody foresaw leaves as an id
// that is in the log.
func (a *Admin) public(err error) *im.Error {
	var known *im.Error
	if errors.As(err, &known) && known.Code != im.CodeInternal {
		return known
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return im.Errorf(im.CodeTooLarge, "the request is larger than %d bytes", tooLarge.Limit)
	}
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	id := im.Code(b[:])
	a.log.Error("admin request failed", "id", id, "err", err)
	return im.Errorf(im.CodeInternal, "something went wrong that is in the log under %s", id)
}

func writeError(w http.ResponseWriter, e *im.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter.Seconds() + 0.999))))
	}
	writeJSON(w, HTTPStatus(e.Code), problem{problemBody{e.Code.String(), uint16(e.Code), e.Detail, e.RetryAfter.Milliseconds()}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader has gone away
}
