package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cxx-im/cxx/internal/socket"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// tcpConn is a client over TCP, with TLS from the first byte, since STARTTLS,
// or not at all.
type tcpConn struct {
	link
	r     *xmlstream.Reader
	tls   *tls.Conn // the reading goroutine's; nil without
	since time.Time
}

// asXML writes a stream as it stands on TCP.
type asXML struct{}

func (asXML) header(dst []byte, h xmlstream.Header) []byte { return h.Append(dst) }
func (asXML) stanza(dst, st []byte) []byte                 { return append(dst, st...) }
func (asXML) end(dst []byte) []byte                        { return append(dst, xmlstream.StreamEnd...) }

func newTCPConn(s *Server, nc net.Conn) *tcpConn {
	c := &tcpConn{since: time.Now()}
	c.srv, c.mu, c.fr, c.wire = s, newTurn(), asXML{}, newWire(s, nc)
	c.out = c.wire
	remote, local := socket.AddrPort(nc.RemoteAddr()), socket.AddrPort(nc.LocalAddr())
	c.info.Store(&Info{
		Kind: TCP, Remote: remote, Local: local, Resumable: true, TLS: s.tls == nil,
		Secure: s.cfg.AllowPlain && remote.Addr().IsLoopback() && local.Addr().IsLoopback(),
	})
	return c
}

// serve runs the connection on its goroutine.
func (c *tcpConn) serve(direct bool, handle func(Conn)) {
	defer c.drain()
	if !direct {
		c.wire.check = checkPlain
		c.wire.setUntil(c.loginAt())
		c.r = xmlstream.NewReader(c.wire, c.srv.cfg.early())
	} else if !c.directTLS() {
		return
	}
	defer c.r.Close()
	c.srv.guard(c, handle)
}

func (c *tcpConn) loginAt() time.Time { return c.since.Add(c.srv.cfg.LoginTimeout.D()) }

func (c *tcpConn) directTLS() bool {
	c.wire.check = checkTLS
	c.mu.Lock() // whoever closes the connection waits until the handshake fails
	defer c.mu.Unlock()
	err := c.secure(c.since.Add(c.srv.cfg.HandshakeTimeout.D()))
	if err == nil {
		c.r = xmlstream.NewReader(c.tls, c.srv.cfg.early())
		return true
	}
	var foreign *foreignError
	if errors.As(err, &foreign) {
		_, _ = c.wire.Write(foreign.answer)
	}
	c.srv.log.Debug("TLS handshake failed", "err", err)
	// crypto/tls has written its alert; give it a moment to arrive.
	c.wire.leaveAt(time.Now().Add(c.srv.cfg.CloseTimeout.D()))
	c.wire.endWrites()
	c.ended = true
	return false
}

// secure goes on under TLS. It runs with mu held.
func (c *tcpConn) secure(deadline time.Time) error {
	conn, err := c.handshake(deadline)
	if err != nil {
		return err
	}
	c.wire.setUntil(c.loginAt())
	c.tls, c.out = conn, conn
	state := conn.ConnectionState()
	info := c.Info()
	info.Secure, info.TLS, info.Binding = true, true, c.srv.binding(&state)
	if info.Certified, err = certified(&state); err != nil {
		c.srv.log.Debug("certificate names nobody", "remote", info.Remote.String(), "err", err)
	}
	c.info.Store(&info)
	return nil
}

// Next implements Conn.
func (c *tcpConn) Next() (xmlstream.Event, error) {
	if err := c.flush(); err != nil {
		return xmlstream.Event{}, err
	}
	for {
		ev, err := c.r.Next()
		switch {
		case c.closed.Load() && err == nil && ev.Kind != xmlstream.Close:
			continue // said after our end
		case c.closed.Load():
			return xmlstream.Event{}, io.EOF
		case err != nil:
			return xmlstream.Event{}, c.failed(err)
		}
		return ev, nil
	}
}

// failed deals with the ends that are the transport's own business.
func (c *tcpConn) failed(err error) error {
	var foreign *foreignError
	switch {
	case errors.Is(err, ErrIdle):
		if c.tls != nil {
			socket.Trim(c.tls)
		}
	case errors.Is(err, ErrLogin):
		c.Close(errNoLogin)
	case errors.As(err, &foreign):
		c.answer(foreign.answer)
	}
	return err
}

var errNoLogin = Errorf(ConnectionTimeout, "no login within the time for it")

// answer says goodbye in a protocol that is not ours.
func (c *tcpConn) answer(b []byte) {
	if !c.closed.CompareAndSwap(false, true) {
		return
	}
	c.srv.metrics.foreign.Inc()
	c.wire.leaveAt(time.Now().Add(c.srv.cfg.CloseTimeout.D()))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.write(b) == nil {
		c.wire.endWrites()
	}
	c.ended = true
}

// Restart implements Conn.
func (c *tcpConn) Restart() {
	c.restart()
	c.r.Restart()
}

// Authenticated implements Conn.
func (c *tcpConn) Authenticated() {
	c.wire.loggedIn()
	c.r.Decoder().SetLimits(c.srv.cfg.late())
}

// StartTLS implements Conn.
func (c *tcpConn) StartTLS(proceed []byte) error {
	if c.Info().TLS {
		return errors.New("xmpp: TLS cannot be started here")
	}
	if d := c.r.Decoder(); !d.BufferedSpace() {
		// RFC 6120 section 5.4.3.3: they would be taken for what was said under TLS.
		// White space is dropped instead: clients end the line of their request.
		c.Close(Errorf(xmlstream.PolicyViolation, "bytes behind starttls"))
		return fmt.Errorf("xmpp: %d bytes behind starttls", d.Buffered())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return net.ErrClosed
	}
	if err := c.send([][]byte{proceed}); err != nil {
		return err
	}
	deadline := time.Now().Add(c.srv.cfg.HandshakeTimeout.D())
	if login := c.loginAt(); login.Before(deadline) {
		deadline = login
	}
	if err := c.secure(deadline); err != nil {
		c.ended = true
		c.wire.endWrites()
		return err
	}
	c.r.Reset(c.tls)
	c.opened = false
	return nil
}

// Close implements Conn.
func (c *tcpConn) Close(reason *Error) {
	if !c.shut(reason) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.out.(*tls.Conn); ok {
		_ = t.CloseWrite() // close_notify
	}
	c.wire.endWrites()
}
