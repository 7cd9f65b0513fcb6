package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/cxx-im/cxx/im"
)

// ErrClosed is what a Client answers after Close.
var ErrClosed = errors.New("client: closed")

// errLinkDown ends calls whose connection ended before the answer.
var errLinkDown = errors.New("client: the connection ended")

// UnreachableError says that no server could be reached, or that none answers.
type UnreachableError struct {
	Addr string // what was dialled last
	Lost bool   // there was a connection, and it ended
	Err  error
}

// Error returns a sentence.
func (e *UnreachableError) Error() string {
	if e.Lost {
		return fmt.Sprintf("the connection to %s ended: %v", e.Addr, e.Err)
	}
	if e.Addr == "" {
		return fmt.Sprintf("no server was reached: %v", e.Err)
	}
	return fmt.Sprintf("%s was not reached: %v", e.Addr, e.Err)
}

// Unwrap returns what was behind it.
func (e *UnreachableError) Unwrap() error { return e.Err }

// TrustError says that the server answered and cannot be trusted: its
// certificate is not known or of another name, or it does not speak TLS.
type TrustError struct {
	Addr string
	Err  error
}

// Error returns a sentence that says what to do.
func (e *TrustError) Error() string {
	var (
		notTLS tls.RecordHeaderError
		host   x509.HostnameError
	)
	switch {
	case errors.As(e.Err, &notTLS):
		return fmt.Sprintf("%s does not speak TLS; see that it is the port of a C-XX server", e.Addr)
	case errors.As(e.Err, &host):
		return fmt.Sprintf("the certificate of %s is for other names (%v); dial it by one of them", e.Addr, e.Err)
	}
	return fmt.Sprintf("the certificate of %s is not trusted (%v); name the CA that signed it", e.Addr, e.Err)
}

// Unwrap returns what was behind it.
func (e *TrustError) Unwrap() error { return e.Err }

// dialError sorts out why a connection was not made.
func dialError(addr string, err error) error {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		notTLS  tls.RecordHeaderError
	)
	if errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &notTLS) {
		return &TrustError{Addr: addr, Err: err}
	}
	return &UnreachableError{Addr: addr, Err: err}
}

// final reports whether err must end the client: trying again by itself would
// only repeat it. online: the client has been connected before, so that a bad
// certificate may be an accident that the operator is repairing.
func final(err error, online bool) bool {
	var e *im.Error
	if errors.As(err, &e) {
		return !e.Code.Trait().Reconnect
	}
	var trust *TrustError
	return errors.As(err, &trust) && !online || errors.Is(err, ErrCredentials)
}

// ErrCredentials is wrapped when there is no token, password or JWT to sign in
// with, or it could not be got.
var ErrCredentials = errors.New("no credentials")
