package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/cxx-im/cxx/im"
)

// asError makes err fit to be shown: an im.Error stays, an ended context is a
// timeout, anything else becomes internal with an id to find it in the log.
func asError(err error) *im.Error {
	var e *im.Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &im.Error{Code: im.CodeTimeout, Detail: "the login took too long; try again", Err: err}
	}
	var id [6]byte
	_, _ = rand.Read(id[:])
	return &im.Error{Code: im.CodeInternal, Detail: "something went wrong in the server; quote " + hex.EncodeToString(id[:]), Err: err}
}
