package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/internal/socket"
)

// handshake makes the connection one of TLS within the time for it. Whoever
// computes holds one of a limited number of places; a client that is waited for
// holds none, so that slow ones keep nobody out.
func (c *tcpConn) handshake(deadline time.Time) (*tls.Conn, error) {
	w := c.wire
	w.setUntil(deadline)
	conn := tls.Server(w, c.srv.tls)
	w.shakes = true
	w.acquire()
	err := conn.Handshake()
	w.shakes = false
	w.release()
	if err != nil {
		c.srv.metrics.handshakes.WithLabelValues(handshakeReason(err)).Inc()
		return nil, fmt.Errorf("xmpp: TLS handshake: %w", err)
	}
	socket.Trim(conn)
	return conn, nil
}

// acquire takes a place, or goes on without when it would be too late: the
// deadline then ends the handshake.
func (w *wire) acquire() {
	select {
	case w.srv.shakes <- struct{}{}:
		w.placed = true
		return
	default:
	}
	w.mu.Lock()
	left := time.Until(w.until)
	w.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case w.srv.shakes <- struct{}{}:
		w.placed = true
	case <-timer.C:
	}
}

func (w *wire) release() {
	if w.placed {
		w.placed = false
		<-w.srv.shakes
	}
}

// binding is what RFC 9266 and RFC 5929 bind an authentication to.
func (s *Server) binding(state *tls.ConnectionState) (cb im.ChannelBinding) {
	if state == nil {
		return cb
	}
	if b, err := pki.Exporter(*state); err == nil {
		cb.Exporter = b
	}
	if s.deps.ServerEndPoint != nil {
		cb.ServerEnd = s.deps.ServerEndPoint()
	}
	return cb
}

// handshakeReason puts a failed handshake in one of a few classes.
func handshakeReason(err error) string {
	var alert tls.AlertError
	var unverified *tls.CertificateVerificationError
	switch text := err.Error(); {
	case errors.Is(err, errForeign):
		return "not_tls"
	case errors.Is(err, ErrLogin), errors.Is(err, errLeft), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return "closed"
	case errors.As(err, &unverified):
		return "certificate"
	case errors.As(err, &alert), strings.Contains(text, "remote error"):
		return "alert"
	case strings.Contains(text, "application protocol"):
		return "alpn"
	case strings.Contains(text, "version"):
		return "version"
	}
	return "protocol"
}
