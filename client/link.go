package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	heartbeatEvery = 30 * time.Second
	deadAfter      = 75 * time.Second
	dialTimeout    = 5 * time.Second
	loginTimeout   = 30 * time.Second
	writeTimeout   = 20 * time.Second
	// maxReply is what is read from a server: a page of entries is bounded by
	// its texts, and the frame around it is larger.
	maxReply = proto.MaxFrameFromServer
)

// link is one connection: frames in, frames out. During login one goroutine
// reads and writes; afterwards one reads, and run writes what any goroutine
// has queued.
type link struct {
	nc   net.Conn
	addr string
	in   []byte // belongs to the reader
	used int    // bytes of in that were handed out

	mu     sync.Mutex
	out    []byte // guarded by mu
	closed bool   // guarded by mu: nothing more is taken
	wake   chan struct{}
}

func newLink(nc net.Conn, addr string) *link {
	return &link{nc: nc, addr: addr, wake: make(chan struct{}, 1)}
}

// dial connects to addr, with TLS unless the options say plaintext.
func (o *Options) dial(ctx context.Context, addr string) (*link, error) {
	if err := o.checkTarget(addr); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := o.Dialer
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	nc, err := dial(ctx, addr)
	if err != nil {
		return nil, dialError(addr, err)
	}
	if o.Plaintext {
		return newLink(nc, addr), nil
	}
	cfg := o.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, dialError(addr, err)
	}
	return newLink(tc, addr), nil
}

// read returns the next frame; its body is valid until the next call.
func (l *link) read() (proto.Frame, error) {
	for {
		f, n, err := proto.Parse(l.in[l.used:], maxReply)
		if err != nil {
			return f, err
		}
		if n > 0 {
			l.used += n
			return f, nil
		}
		if err := l.fill(); err != nil {
			return f, err
		}
	}
}

func (l *link) fill() error {
	const chunk = 4 << 10
	l.in = append(l.in[:0], l.in[l.used:]...)
	l.used = 0
	if cap(l.in)-len(l.in) < chunk {
		l.in = append(make([]byte, 0, 2*cap(l.in)+chunk), l.in...)
	}
	n, err := l.nc.Read(l.in[len(l.in):cap(l.in)])
	l.in = l.in[:len(l.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

// queue adds a frame to what is written next. It never blocks. False: the link
// has ended.
func (l *link) queue(t cxxpb.FrameType, m proto.Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.out = proto.AppendFrame(l.out, t, 0, m)
	l.poke()
	return true
}

func (l *link) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// send writes a frame at once; it is for the login.
func (l *link) send(frames ...[]byte) error {
	var out []byte
	for _, f := range frames {
		out = append(out, f...)
	}
	_, err := l.nc.Write(out)
	return err
}

// finish lets the writer write what is queued and close the connection.
func (l *link) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.poke()
}

// writeLoop writes what is queued, many frames at a time, and a heartbeat when
// there has been nothing else. It returns when finish was called or a write
// failed, with the connection closed.
func (l *link) writeLoop() {
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	defer l.finish()
	defer l.nc.Close()
	var spare []byte
	for {
		quiet := false
		select {
		case <-l.wake:
		case <-beat.C:
			quiet = true
		}
		l.mu.Lock()
		out, closed := l.out, l.closed
		l.out = spare[:0]
		l.mu.Unlock()
		if quiet && len(out) == 0 {
			out = append(out, proto.Heartbeat)
		}
		if !l.flush(out, closed) {
			return
		}
		if spare = out; cap(spare) > 64<<10 {
			spare = nil
		}
	}
}

func (l *link) flush(out []byte, last bool) (goOn bool) {
	limit := writeTimeout
	if last {
		limit = time.Second
	}
	if len(out) > 0 {
		_ = l.nc.SetWriteDeadline(time.Now().Add(limit))
		if _, err := l.nc.Write(out); err != nil {
			return false
		}
	}
	return !last
}

// decode unpacks the body of a frame into m.
func decode(f proto.Frame, m proto.Message) error {
	body, err := proto.Inflate(f)
	if err != nil {
		return err
	}
	return proto.Unmarshal(body, m)
}

// hangUp makes an error of the network readable.
func hangUp(addr string, err error) error {
	var e *im.Error
	if errors.As(err, &e) {
		return err
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return &UnreachableError{Addr: addr, Lost: true, Err: fmt.Errorf("no sign of life for %v", deadAfter)}
	}
	return &UnreachableError{Addr: addr, Lost: true, Err: err}
}
