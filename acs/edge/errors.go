package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// The reasons of closed connections beyond the error codes. Together with the
// codes in lower case they are the closed list of metric and log.
const (
	reasonPeer   = "peer"         // the client closed
	reasonTLS    = "tls"          // the TLS handshake or a record was wrong
	reasonNotCXX = "not_cxx"      // another protocol, or TLS where none is spoken or none where it is
	reasonFlood  = "flood"        // too much data before the TLS handshake was over
	reasonProto  = "ws_violation" // a WebSocket frame that the RFC does not allow
)

func reasonOf(code im.ErrorCode) string { return strings.ToLower(code.String()) }

// public is the error as a client may see it. What is not an *im.Error leaves
// as INTERNAL with an id under which the log has the rest.
func (s *Server) public(c *conn, err error) *im.Error {
	var e *im.Error
	switch {
	case errors.As(err, &e) && e.Code != im.CodeInternal:
		out := *e
		out.Detail, out.Err = clip(e.Detail, 512), nil
		return &out
	case errors.Is(err, context.DeadlineExceeded):
		return im.Errorf(im.CodeUnknownOutcome, "the request took too long; it may or may not have had an effect")
	}
	id := errorID()
	s.log.Error("request failed", "id", id, "user", c.user(), "err", err)
	return im.Errorf(im.CodeInternal, "internal error %s; the server's log has the cause under this id", id)
}

func errorID() string {
	var b [5]byte
	_, _ = rand.Read(b[:])
	return im.Code(b[:])
}

// user is for logs; zero before the login.
func (c *conn) user() im.UserID {
	if c.is(loggedIn) {
		return c.session.User()
	}
	return 0
}
