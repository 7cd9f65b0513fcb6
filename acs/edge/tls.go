package edge

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/socket"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// maxHandshakeBytes bounds what is kept of a client before its handshake is
// over: the largest ClientHello is far below.
const maxHandshakeBytes = 32 << 10

// tlsLink is TLS on one connection. While the handshake runs, a worker owns
// conn and blocks in wire.Read; when it is over, conn is used on the loop only,
// and wire.Read answers "nothing there" instead of blocking, which crypto/tls
// takes as a timeout that can be retried.
type tlsLink struct {
	t    *tcpConn
	conn *tls.Conn
	hs   *handshake // nil when the handshake is over
	data []byte     // ciphertext that wire.Read hands out; on the loop only
}

func newTLSLink(t *tcpConn) *tlsLink {
	return &tlsLink{t: t, hs: &handshake{}}
}

// pending reports whether the handshake is not over.
func (l *tlsLink) pending() bool { return l.hs != nil }

// traffic takes ciphertext. data is valid during the call only.
func (l *tlsLink) traffic(data []byte) {
	g := l.t.g
	if l.hs == nil {
		l.data = data
		l.pump()
		l.data = nil
		if !l.t.left {
			_, _ = g.Discard(len(data))
		}
		return
	}
	if l.hs.state == idle && l.hs.empty() && data[0] != 0x16 {
		l.refuse(data)
		return
	}
	ok := l.hs.feed(data)
	_, _ = g.Discard(len(data))
	switch {
	case !ok:
		l.abort(reasonFlood)
	case l.hs.state == idle && l.hs.hasRecord():
		l.hs.state = running
		l.conn = tls.Server(&wire{l}, l.t.c.srv.tls)
		l.t.c.srv.handshakes.start(l)
	}
}

// refuse answers what is not TLS.
func (l *tlsLink) refuse(data []byte) {
	answer := func(b []byte) []byte {
		return proto.AppendFrame(b, cxxpb.FrameType_FRAME_ERROR, 0,
			proto.ErrorToPB(0, im.Errorf(im.CodeMalformed, "this port speaks C-XX over TLS; connect with TLS 1.3")))
	}
	if foreign(data) {
		answer = notCXX(data)
	}
	l.t.c.srv.metrics.handshake.WithLabelValues("not_tls").Inc()
	_, _ = l.t.g.Discard(len(data))
	l.t.c.finish(reasonNotCXX, nil)
	l.t.write(answer(nil))
	l.hs, l.t.notified = nil, true
}

// ready is asked at the start of each pass: whether frames can be written. It
// takes over from the worker when that has finished.
func (l *tlsLink) ready() bool {
	if l.hs == nil {
		return true
	}
	out, done, err := l.hs.progress()
	if len(out) > 0 {
		l.t.write(out)
	}
	switch {
	case l.t.left:
		return false
	case err != nil:
		l.t.c.srv.metrics.handshake.WithLabelValues(handshakeReason(err)).Inc()
		l.t.c.srv.log.Debug("TLS handshake failed", "err", err)
		l.t.c.finish(reasonTLS, nil)
		l.hs, l.t.notified = nil, true
		return true
	case l.t.c.is(closing):
		l.abort(*l.t.c.closed.Load())
		return false
	case !done:
		return false
	}
	rest := l.hs.in
	l.hs = nil
	socket.Trim(l.conn)
	l.t.loop.wheel.put(l.t, l.t.c.srv.cfg.LoginTimeout.D())
	l.data = rest
	l.pump()
	l.data = nil
	return !l.t.left
}

// pump decrypts what is there and passes it on.
func (l *tlsLink) pump() {
	c := &l.t.c
	for !l.t.left && !c.is(closing) {
		n, err := l.conn.Read(l.t.loop.plain)
		if n > 0 {
			c.srv.metrics.bytesIn.Add(float64(n))
			c.consume(l.t.loop.plain[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, errNothing):
			return
		case errors.Is(err, io.EOF):
			c.finish(reasonPeer, nil)
			return
		default:
			c.finish(reasonTLS, nil)
			l.t.notified = true // the alert is written
			return
		}
	}
}

// write encrypts frames.
func (l *tlsLink) write(b []byte) {
	if l.hs == nil && !l.t.notified {
		_, _ = l.conn.Write(b)
	}
}

// closeNotify tells the client that nothing follows.
func (l *tlsLink) closeNotify() { _ = l.conn.CloseWrite() }

// abort closes the connection in the middle of a handshake.
func (l *tlsLink) abort(reason string) {
	l.fail(reason)
	l.t.c.finish(reason, nil)
	l.t.close()
}

// fail ends a handshake that runs.
func (l *tlsLink) fail(reason string) {
	l.t.c.srv.metrics.handshake.WithLabelValues(reason).Inc()
	l.hs.end()
}

// closed is called when the socket is gone.
func (l *tlsLink) closed() {
	if l.hs != nil {
		l.hs.end()
	}
}

// binding returns the channel binding of the connection.
func (l *tlsLink) binding() im.ChannelBinding {
	return bindingOf(l.t.c.srv, l.conn.ConnectionState())
}

func bindingOf(s *Server, state tls.ConnectionState) (cb im.ChannelBinding) {
	// RFC 9266. It fails only without TLS 1.3 or extended master secret.
	if b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
		cb.Exporter = b
	}
	if s.deps.ServerEndPoint != nil {
		cb.ServerEnd = s.deps.ServerEndPoint()
	}
	return cb
}

// wire is the net.Conn below crypto/tls.
type wire struct{ l *tlsLink }

// Read blocks during the handshake and never after it.
func (w *wire) Read(p []byte) (int, error) {
	if hs := w.l.hs; hs != nil && !hs.over() {
		return hs.read(p)
	}
	if len(w.l.data) == 0 {
		return 0, errNothing
	}
	n := copy(p, w.l.data)
	w.l.data = w.l.data[n:]
	return n, nil
}

// Write leaves handshake messages to the loop and writes the rest at once.
func (w *wire) Write(p []byte) (int, error) {
	if hs := w.l.hs; hs != nil && !hs.over() {
		hs.write(p)
		w.l.t.wake()
		return len(p), nil
	}
	w.l.t.write(p)
	if w.l.t.left {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(w.l.t.c.remote) }
func (w *wire) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(w.l.t.c.remote) }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// errNothing is what crypto/tls may retry after: a temporary timeout.
var errNothing = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "edge: no more bytes for now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// handshake is what loop and worker share while it runs.
type handshake struct {
	state hsState // the loop's own

	mu   sync.Mutex
	more sync.Cond // something of the below has changed
	in   []byte    // guarded by mu: ciphertext for the worker
	out  []byte    // guarded by mu: ciphertext for the client
	fed  int       // guarded by mu: bytes ever put in
	done bool      // guarded by mu: the worker has finished
	err  error     // guarded by mu: how
	gone bool      // guarded by mu: the connection is closed
}

type hsState uint8

const (
	idle    hsState = iota // the ClientHello is not there yet
	running                // a worker works, or waits for its turn
)
