package edge

import (
	"net/netip"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// lingerTime is how long a connection that the server closes may take to read
// the reason; closing at once could throw it away.
const lingerTime = 2 * time.Second

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
		t.rest()
	case t.deaf:
		t.deaf = !t.listen(true)
	}
}

// rest stops reading for a while.
func (t *tcpConn) rest() {
	if !t.deaf {
		t.c.srv.metrics.pauses.backlog.Inc()
		t.deaf = t.listen(false)
	}
	if t.c.until > 0 && !t.delayed {
		t.delayed = true
		t.loop.delayed = append(t.loop.delayed, t)
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
	t.c.out.setUnsent(n)
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

// shutdown ends our side of the connection once the last frame is out, and
// leaves the client a moment to read it.
func (t *tcpConn) shutdown() {
	if t.shut {
		return
	}
	if t.tls != nil && !t.notified {
		t.notified = true
		t.tls.closeNotify()
		t.account()
		if t.left {
			return
		}
	}
	if t.deaf {
		t.deaf = !t.listen(true)
	}
	if t.leaveAt == 0 || t.leaveAt > t.loop.srv.now()+lingerTime {
		t.leaveAt = t.loop.srv.now() + lingerTime
	}
	t.loop.wheel.put(t, t.leaveAt-t.loop.srv.now())
	if t.g.OutboundBuffered() > 0 {
		return
	}
	t.shut = true
	shutdownWrite(t.g.Fd())
}

// close closes the socket now.
func (t *tcpConn) close() {
	if !t.left {
		_ = t.loop.el.Close(t.g)
	}
}

// closed is called by the engine in any case, once.
func (t *tcpConn) closed() {
	if t.left {
		return
	}
	t.left = true
	delete(t.loop.blocked, t)
	t.loop.wheel.remove(t)
	if t.tls != nil {
		t.tls.closed()
	}
	t.c.gone(reasonPeer, func() {
		t.c.srv.open[t.kind()].Add(-1)
		<-t.c.srv.slots
	})
}

// checkDeadline looks whether the connection has been silent, or without a
// login, for too long.
func (t *tcpConn) checkDeadline(now time.Duration) {
	cfg := &t.c.srv.cfg
	if t.tls != nil && !t.tls.pending() && t.tls.conn != nil {
		trim(t.tls.conn)
	}
	due, code, detail := t.seen+cfg.IdleTimeout.D(), im.CodeIdle, "nothing was heard for too long"
	switch {
	case t.c.is(closing):
		if now >= t.leaveAt {
			t.close()
			return
		}
		due = t.leaveAt
	case t.tls != nil && t.tls.pending():
		due, code, detail = t.opened+cfg.HandshakeTimeout.D(), im.CodeTimeout, "the TLS handshake took too long"
	case !t.c.is(loggedIn):
		due, code, detail = t.opened+cfg.LoginTimeout.D(), im.CodeTimeout, "no login within the time for it"
	case t.c.paused.Load():
		due = now + cfg.IdleTimeout.D() // the silence is ours
	}
	if t.leaveAt > 0 && t.leaveAt < due {
		due, code, detail = t.leaveAt, im.CodeGoAway, "the server goes down"
		if now >= due && t.busy() {
			t.loop.wheel.put(t, t.c.srv.tick)
			return
		}
	}
	if now < due {
		t.loop.wheel.put(t, due-now)
		return
	}
	t.loop.wheel.put(t, lingerTime)
	if t.tls != nil && t.tls.pending() {
		t.tls.fail("timeout")
		t.c.finish(reasonOf(code), nil)
		t.close()
		return
	}
	t.c.fail(im.Errorf(code, "%s", detail))
}

// busy reports whether something of the client is in flight.
func (t *tcpConn) busy() bool { return t.c.unacked.Load() > 0 || !t.c.queue.idle() }

// goAway asks the client to leave within delay.
func (t *tcpConn) goAway(delay, grace time.Duration) {
	if t.left || t.c.is(closing) {
		return
	}
	if !t.c.is(loggedIn) {
		t.c.fail(im.Errorf(im.CodeGoAway, "the server goes down"))
		return
	}
	t.leaveAt = t.loop.srv.now() + delay + grace
	t.loop.wheel.put(t, delay+grace)
	t.c.send(goAwayFrame(delay))
}

// foreign recognises, by the first bytes, what cannot be C-XX: HTTP, a TLS
// handshake, SSH.
func foreign(data []byte) bool {
	for _, start := range []string{"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "PRI ", "SSH-", "<?xm", "<str", "\x16\x03\x01", "\x16\x03\x03"} {
		if len(data) >= len(start) && string(data[:len(start)]) == start {
			return true
		}
	}
	return false
}

// notCXX answers another protocol so that a person can tell what is wrong.
func notCXX(data []byte) func([]byte) []byte {
	switch data[0] {
	case 0x16:
		// A fatal TLS alert, unexpected_message: the client reports an error at once.
		return func(b []byte) []byte { return append(b, 0x15, 3, 3, 0, 2, 2, 10) }
	case 'G', 'P', 'H', 'O', 'C':
		return func(b []byte) []byte {
			return append(b, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks C-XX, not HTTP.\n"...)
		}
	}
	return func(b []byte) []byte {
		e := im.Errorf(im.CodeMalformed, "this port speaks C-XX")
		return proto.AppendFrame(b, cxxpb.FrameType_FRAME_ERROR, 0, proto.ErrorToPB(0, e))
	}
}
