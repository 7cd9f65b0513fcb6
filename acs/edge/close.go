package edge

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/socket"
)

// lingerTime is how long a connection that the server closes may take to read
// the reason; closing at once could throw it away.
const lingerTime = 2 * time.Second

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
		socket.Trim(t.tls.conn)
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
