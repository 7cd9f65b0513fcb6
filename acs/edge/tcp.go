package edge

import (
	"net/netip"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/cxx-im/cxx/im"
)

// tcpConn is a connection on an event loop. All of it but wake belongs to the
// loop.
type tcpConn struct {
	links links
	c     conn
	loop  *loop
	g     gnet.Conn
	tls   *tlsLink // nil: plaintext

	opened  time.Duration // when
	seen    time.Duration // when the client last sent something
	leaveAt time.Duration // drain: close it then, when nothing is in flight

	written   int           // bytes handed to the engine
	delivered int           // of them taken by the network
	progress  time.Duration // when delivered last grew

	withTLS  bool
	entered  bool // the loop has it
	left     bool // the socket is closed; g is not to be touched
	deaf     bool // the poller does not report what can be read
	delayed  bool // in loop.delayed
	shut     bool // our side of the connection is ended
	notified bool // close_notify is sent
}

func newTCPConn(s *Server, remote netip.AddrPort, withTLS bool) *tcpConn {
	t := &tcpConn{withTLS: withTLS}
	t.c.srv, t.c.tr, t.c.remote = s, t, remote
	t.c.queue.limit = s.cfg.MaxQueued
	return t
}

func (t *tcpConn) kind() int {
	if t.withTLS {
		return overTLS
	}
	return overTCP
}

// enter makes the connection one of the loop's.
func (t *tcpConn) enter(l *loop, g gnet.Conn) {
	s := l.srv
	t.loop, t.g, t.entered = l, g, true
	t.opened = s.now()
	t.seen = t.opened
	s.open[t.kind()].Add(1)
	if t.withTLS {
		t.tls = newTLSLink(t)
		l.wheel.put(t, s.cfg.HandshakeTimeout.D())
		return
	}
	l.wheel.put(t, s.cfg.LoginTimeout.D())
}

// wake implements transport.
func (t *tcpConn) wake() { t.loop.add(t) }

// binding implements transport. It is called by handlers, when the handshake is
// over.
func (t *tcpConn) binding() im.ChannelBinding {
	if t.tls == nil {
		return im.ChannelBinding{}
	}
	return t.tls.binding()
}

// traffic takes what the socket has brought.
func (t *tcpConn) traffic() {
	data, _ := t.g.Peek(-1)
	if len(data) == 0 {
		return
	}
	t.seen = t.loop.srv.now()
	resting := t.c.paused.Load()
	t.c.out.attend()
	switch {
	case t.c.is(closing):
		_, _ = t.g.Discard(len(data))
	case t.tls != nil:
		t.tls.traffic(data)
	default:
		t.plain(data)
		if !t.left {
			_, _ = t.g.Discard(len(data))
		}
	}
	t.pass()
	// More came although we do not read: see to it that no more does. The engine
	// may have set the interest again since we last took it away.
	if resting && !t.left && t.c.paused.Load() && !t.c.is(closing) {
		t.c.srv.metrics.pauses.backlog.Inc()
		t.deaf = t.listen(false)
	}
}

// plain takes bytes of an unencrypted connection.
func (t *tcpConn) plain(data []byte) {
	if t.c.is(fresh) && len(t.c.in) == 0 && foreign(data) {
		t.c.finish(reasonNotCXX, notCXX(data))
		return
	}
	t.c.srv.metrics.bytesIn.Add(float64(len(data)))
	t.c.consume(data)
}

// pass flushes, and goes on reading when it was paused and may.
func (t *tcpConn) pass() {
	if t.left {
		return
	}
	if t.tls != nil && !t.tls.ready() {
		return
	}
	t.c.resume()
	// Asked before the flush: what ends a connection is in the outbox by then.
	last := t.c.is(closing)
	t.flush()
	switch {
	case t.left:
	case last:
		t.shutdown()
	case t.c.paused.Load():
		if t.c.until > 0 && !t.delayed {
			t.delayed = true
			t.loop.delayed = append(t.loop.delayed, t)
		}
	case t.deaf:
		t.deaf = !t.listen(true)
	}
}

// flush writes the outbox.
func (t *tcpConn) flush() {
	b := t.c.out.take()
	if b == nil {
		return
	}
	if len(b) > 0 {
		t.c.srv.metrics.flushes.Inc()
		t.c.srv.metrics.bytesOut.Add(float64(len(b)))
		if t.tls != nil {
			t.tls.write(b)
		} else {
			t.write(b)
		}
	}
	putBuffer(b)
	t.account()
}

// write hands bytes to the engine, which copies what the socket does not take.
// When the write fails the engine calls closed in it.
func (t *tcpConn) write(b []byte) {
	if t.left {
		return
	}
	t.written += len(b)
	_, _ = t.g.Write(b)
}

// account notes what the network has not taken.
func (t *tcpConn) account() {
	if t.left {
		return
	}
	n := t.g.OutboundBuffered()
	if d := t.written - n; d != t.delivered {
		t.delivered, t.progress = d, t.loop.srv.now()
	}
	_, known := t.loop.blocked[t]
	if n == 0 && !known {
		return
	}
	if t.c.out.setUnsent(n) {
		t.wake()
	}
	if n == 0 {
		delete(t.loop.blocked, t)
		return
	}
	if !known {
		t.progress = t.loop.srv.now()
	}
	t.loop.blocked[t] = n
}

// checkProgress is called each tick while bytes are unsent or a close waits.
func (t *tcpConn) checkProgress(now time.Duration) {
	t.account()
	switch {
	case t.left:
	case t.c.is(closing):
		t.pass()
	case t.loop.blocked[t] > 0 && now-t.progress > t.c.srv.cfg.ProgressTimeout.D():
		t.c.slow()
	}
}
