package nas

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/nas/ticket"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// alloc returns an Allocator over nodes, and a checker for tickets of the first.
func newAlloc(t testing.TB, cfg Config, list ...im.Node) (*Allocator, *ticket.Checker) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := ticket.NewIssuer(key)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPicker(cfg, &fakeNodes{list: list}, slog.New(slog.DiscardHandler), nil)
	p.Refresh(t.Context())
	var checker *ticket.Checker
	if len(list) > 0 {
		if checker, err = ticket.NewChecker(list[0].ID, list[0].Epoch, []ed25519.PublicKey{pub}, true); err != nil {
			t.Fatal(err)
		}
	}
	return NewAllocator(cfg, p, tickets), checker
}

// pipes is a listener whose connections are pipes, for a bubble of synctest.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// serve starts a server and returns the way to stop it and wait.
func serve(t *testing.T, s *Server, ln net.Listener) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
}

// client speaks frames over a connection.
type client struct {
	t   *testing.T
	nc  net.Conn
	buf []byte
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// next reads a frame; io.EOF when the server has closed.
func (c *client) next() (proto.Frame, error) {
	for {
		f, n, err := proto.Parse(c.buf, proto.MaxFrameAfterLogin)
		if err != nil {
			return f, err
		}
		if n > 0 {
			c.buf = c.buf[n:]
			return f, nil
		}
		more := make([]byte, 4096)
		n, err = c.nc.Read(more)
		c.buf = append(c.buf, more[:n]...)
		if n == 0 && err != nil {
			return f, err
		}
	}
}

func (c *client) expect(want cxxpb.FrameType, m proto.Message) {
	c.t.Helper()
	f, err := c.next()
	if err != nil || f.Type != want {
		c.t.Fatalf("got frame %s, %v; want %s", f.Type, err, want)
	}
	if m == nil {
		return
	}
	if err := proto.Unmarshal(f.Body, m); err != nil {
		c.t.Fatal(err)
	}
}

// expectError reads an Error frame; id 0 means that the connection ends too.
func (c *client) expectError(id uint32, code im.ErrorCode) *cxxpb.Error {
	c.t.Helper()
	var e cxxpb.Error
	c.expect(cxxpb.FrameType_FRAME_ERROR, &e)
	if e.Id != id || e.Code != uint32(code) || !strings.Contains(e.Detail, " ") {
		c.t.Fatalf("got error %d %s %q for request %d, want %s for %d", e.Code, im.ErrorCode(e.Code), e.Detail, e.Id, code, id)
	}
	if id == 0 {
		c.expectEnd()
	}
	return &e
}

func (c *client) expectEnd() {
	c.t.Helper()
	if f, err := c.next(); err == nil || !isEnd(err) {
		c.t.Fatalf("got frame %s, %v; want the end", f.Type, err)
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) }

var (
	helloFrame = proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{Version: 9, Features: 1})
	askFrame   = proto.AppendFrame(nil, cxxpb.FrameType_FRAME_ALLOCATE, 0, &cxxpb.Allocate{Id: 7, Addr: "alice@example.org"})
)

// bubble runs a conversation over a plaintext pipe under a fake clock.
func bubble(t *testing.T, cfg Config, list []im.Node, talk func(t *testing.T, p *pipes, s *Server, c *client)) {
	synctest.Test(t, func(t *testing.T) {
		cfg.Plaintext = true
		alloc, _ := newAlloc(t, cfg, list...)
		s, err := NewServer(cfg, alloc, nil, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		p := newPipes()
		defer serve(t, s, p)()
		c := &client{t: t, nc: p.dial()}
		defer c.nc.Close()
		talk(t, p, s, c)
	})
}
