package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// event is one call of a Handler, in the words of these tests.
type event struct {
	what  string // up, down, got
	peer  im.NodeID
	epoch uint64
	env   im.Envelope
}

func (e event) String() string {
	if e.what == "got" {
		return fmt.Sprintf("got from %d", e.peer)
	}
	return fmt.Sprintf("%s %d/%d", e.what, e.peer, e.epoch)
}

// recorder is a Handler that tells a channel. gate, when set, is received from
// before each Receive returns.
type recorder struct {
	events chan event
	gate   chan struct{}
	onUp   func(im.NodeID)
}

func newRecorder() *recorder { return &recorder{events: make(chan event, 1<<16)} }

func (r *recorder) LinkUp(p im.NodeID, e uint64) {
	if r.onUp != nil {
		r.onUp(p)
	}
	r.events <- event{what: "up", peer: p, epoch: e}
}

func (r *recorder) LinkDown(p im.NodeID, e uint64) {
	r.events <- event{what: "down", peer: p, epoch: e}
}

func (r *recorder) Receive(p im.NodeID, e im.Envelope) {
	r.events <- event{what: "got", peer: p, env: e}
	if r.gate != nil {
		<-r.gate
	}
}

// next waits for an event; a test that waits for ever is ended by go test.
func (r *recorder) next(t *testing.T, want string) event {
	t.Helper()
	select {
	case e := <-r.events:
		if e.String() != want {
			t.Fatalf("event %q, want %q", e, want)
		}
		return e
	case <-t.Context().Done():
		t.Fatalf("no event, want %q", want)
	}
	return event{}
}

// none fails on any event that has come.
func (r *recorder) none(t *testing.T) {
	t.Helper()
	select {
	case e := <-r.events:
		t.Fatalf("unexpected event %q", e)
	default:
	}
}

// fixture is one running node.
type fixture struct {
	*recorder
	mesh *Mesh
	node im.Node
	log  *logBuffer
	end  context.CancelFunc
	done chan error
}

type options struct {
	id    im.NodeID
	epoch uint64
	tls   *TLS // nil: Plain
	cfg   func(*Config)
	net   *pipes // nil: loopback
	gate  chan struct{}
}

func start(t *testing.T, o options) *fixture {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	cfg.RedialMin = config.Duration(5 * time.Millisecond)
	cfg.RedialMax = config.Duration(20 * time.Millisecond)
	if o.net != nil {
		cfg = DefaultConfig()
		cfg.Listen = fmt.Sprintf("127.0.0.1:%d", 1000+int(o.id))
	}
	if o.cfg != nil {
		o.cfg(&cfg)
	}
	tls := Plain
	if o.tls != nil {
		tls = *o.tls
	}
	if o.epoch == 0 {
		o.epoch = 1
	}
	f := &fixture{recorder: newRecorder(), log: &logBuffer{}, done: make(chan error, 1)}
	f.gate = o.gate
	f.node = im.Node{ID: o.id, Epoch: o.epoch, Role: "acs", Version: "test"}
	var err error
	if f.mesh, err = New(cfg, f.node, tls, f, slog.New(slog.NewTextHandler(f.log, nil)), nil); err != nil {
		t.Fatal(err)
	}
	if o.net != nil {
		f.mesh.listenNet, f.mesh.dialNet = o.net.listen, o.net.dial
	}
	addr, err := f.mesh.Listen()
	if err != nil {
		t.Fatal(err)
	}
	f.node.Mesh = cfg.AdvertiseAddr(addr)
	ctx, cancel := context.WithCancel(context.Background())
	f.end = cancel
	go func() { f.done <- f.mesh.Run(ctx) }()
	t.Cleanup(func() { f.stop(t) })
	return f
}

// stop ends the node and waits for it; safe to call twice.
func (f *fixture) stop(t *testing.T) {
	t.Helper()
	f.end()
	if f.done == nil {
		return
	}
	if err := <-f.done; err != nil {
		t.Errorf("Run of node %d: %v", f.node.ID, err)
	}
	f.done = nil
}

// meet tells all nodes of each other.
func meet(nodes ...*fixture) {
	list := make([]im.Node, len(nodes))
	for i, f := range nodes {
		list[i] = f.node
	}
	for _, f := range nodes {
		f.mesh.SetPeers(list)
	}
}

func message(n int) im.Envelope {
	return im.Envelope{Deliver: &im.Deliver{User: 7, Entry: im.Entry{
		Seq: uint64(n), MsgID: im.MsgID(n), Kind: im.KindMessage, From: 8, Peer: 8, Text: "hello there",
	}}}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu

	until string        // guarded by mu: found is closed when it has been logged
	found chan struct{} // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.buf.Write(p)
	if b.found != nil && strings.Contains(b.buf.String(), b.until) {
		close(b.found)
		b.found = nil
	}
	return n, err
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// pipes is a network without buffers, for tests on the fake clock.
type pipes struct {
	mu    sync.Mutex
	open  map[string]*pipeListener // guarded by mu
	dials int                      // guarded by mu
}

func newPipes() *pipes { return &pipes{open: make(map[string]*pipeListener)} }

type pipeListener struct {
	addr  string
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) listen(addr string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &pipeListener{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
	p.open[addr] = l
	return l, nil
}

var errRefused = errors.New("connection refused")

func (p *pipes) dial(ctx context.Context, addr string) (net.Conn, error) {
	p.mu.Lock()
	l := p.open[addr]
	p.dials++
	p.mu.Unlock()
	if l == nil {
		return nil, errRefused
	}
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
	case <-ctx.Done():
	}
	return nil, errRefused
}

func (p *pipes) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return pipeAddr(l.addr) }

type pipeAddr string

func (a pipeAddr) Network() string { return "pipe" }
func (a pipeAddr) String() string  { return string(a) }

// watch returns a channel that is closed once text has been logged.
func (b *logBuffer) watch(text string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until, b.found = text, make(chan struct{})
	return b.found
}
