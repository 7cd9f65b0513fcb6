package stream

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// ErrIdle is what Next returns after a silence of Deps.Idle. The connection
// goes on: call Next again.
var ErrIdle error = &lateError{"xmpp: the client has been silent"}

// ErrLogin is what Next returns when the time for the login is over. The stream
// has been closed.
var ErrLogin error = &lateError{"xmpp: no login within the time for it"}

// errLeft ends the wait for a client after the stream has been closed.
var errLeft error = &lateError{"xmpp: the client did not end its stream"}

// lateError is temporary, so that crypto/tls lets a read be repeated after it.
type lateError struct{ text string }

func (e *lateError) Error() string { return e.text }
func (*lateError) Timeout() bool   { return true }
func (*lateError) Temporary() bool { return true }

// wire is the socket with the deadlines of its connection's state. Reads wait
// for the one that is armed, and only when it fires is looked whether it was
// the right one: a read costs no timer. Writes end when nothing moves.
type wire struct {
	net.Conn
	srv    *Server
	pieces int // most bytes of one write, where a late one cannot be continued; 0: any

	// The reading goroutine's own.
	heard  time.Time // last byte
	check  checkFunc // looks at the first bytes; nil: done
	shakes bool      // a TLS handshake runs: computing takes a place, waiting gives it back
	placed bool      // it has one

	mu    sync.Mutex
	until time.Time // guarded by mu: handshake or login are late then; zero: logged in
	leave time.Time // guarded by mu: the stream is closed; everything ends then
	armed time.Time // guarded by mu: the deadline that was set for a write
}

// checkFunc judges the first bytes of a connection.
type checkFunc func(first []byte) error

func newWire(srv *Server, nc net.Conn) *wire {
	return &wire{Conn: nc, srv: srv, heard: time.Now()}
}

// setUntil sets when the present stage is late.
func (w *wire) setUntil(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = t
	if w.leave.IsZero() {
		_ = w.Conn.SetReadDeadline(t)
	}
}

// loggedIn ends the deadline of the login.
func (w *wire) loggedIn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = time.Time{}
	if w.leave.IsZero() {
		_ = w.Conn.SetReadDeadline(w.idleAt(time.Now()))
	}
}

// idleAt is when a silence since t is too long; zero: never.
func (w *wire) idleAt(t time.Time) time.Time {
	if w.srv.deps.Idle <= 0 {
		return time.Time{}
	}
	return t.Add(w.srv.deps.Idle)
}

// leaveAt bounds what is left of the connection. The first call counts.
func (w *wire) leaveAt(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leave.IsZero() {
		w.leave = t
		_ = w.Conn.SetDeadline(t)
	}
}

// leaveAgain gives the connection another moment.
func (w *wire) leaveAgain(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave = t
	_ = w.Conn.SetDeadline(t)
}

// Read waits for bytes. Only one goroutine may.
func (w *wire) Read(p []byte) (int, error) {
	if w.shakes {
		w.release()
		defer w.acquire()
	}
	for {
		n, err := w.Conn.Read(p)
		if n > 0 {
			w.heard = time.Now()
			if err := w.judge(p[:n]); err != nil {
				return 0, err
			}
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := w.late(); err != nil {
			return 0, err
		}
	}
}

// judge looks at the first bytes, once.
func (w *wire) judge(first []byte) error {
	if w.check == nil {
		return nil
	}
	check := w.check
	w.check = nil
	return check(first)
}

// late says what a deadline that has fired means; nil: nothing, it was an old one.
func (w *wire) late() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	due, err := w.idleAt(w.heard), ErrIdle
	switch {
	case !w.leave.IsZero():
		due, err = w.leave, errLeft
	case !w.until.IsZero():
		due, err = w.until, ErrLogin
	}
	if due.IsZero() || now.Before(due) {
		_ = w.Conn.SetReadDeadline(due)
		return nil
	}
	if err == ErrIdle {
		w.heard = now // the next silence begins
		_ = w.Conn.SetReadDeadline(w.idleAt(now))
	}
	return err
}

// Write returns when all is taken, or nothing moved for the progress timeout.
func (w *wire) Write(p []byte) (n int, err error) {
	moved := time.Now()
	for {
		due := w.armWrite(moved)
		part := p[n:]
		if w.pieces > 0 && len(part) > w.pieces {
			part = part[:w.pieces]
		}
		m, err := w.Conn.Write(part)
		n += m
		fired := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case err == nil && n == len(p):
			return n, nil
		case m > 0 && (err == nil || fired):
			moved = time.Now()
		case fired && time.Now().Before(due): // it was an older one
		default:
			return n, err
		}
	}
}

// armWrite returns when a write is late in which nothing has moved since. To set a
// deadline costs a timer, so one that was set for a write before stays for as long as
// it leaves half of the time; when that fires, the write is armed again.
func (w *wire) armWrite(since time.Time) (due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	timeout := w.srv.cfg.ProgressTimeout.D()
	due = w.leave
	if due.IsZero() {
		due = since.Add(timeout)
		if time.Until(w.armed) >= timeout/2 {
			return due
		}
	}
	w.armed = due
	_ = w.Conn.SetWriteDeadline(due)
	return due
}

// endWrites tells the peer that nothing follows.
func (w *wire) endWrites() {
	if c, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

// drop closes the socket and forgets what the peer has not taken: it does not
// take it.
func (w *wire) drop() {
	if c, ok := w.Conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = w.Conn.Close()
}

// The deadlines are set here alone; crypto/tls would set its own.

// SetDeadline does nothing.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
