package imtest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/internal/testenv/env"
)

// proxy stands in front of a node's mesh listener, so that a test can cut the
// links that lead to it.
type proxy struct {
	ln net.Listener

	mu     sync.Mutex
	target string                // guarded by mu
	closed bool                  // guarded by mu: links are cut
	conns  map[net.Conn]struct{} // guarded by mu
	wg     sync.WaitGroup
}

func newProxy(t testing.TB) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, conns: make(map[net.Conn]struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.cut(true)
		p.wg.Wait()
	})
	return p
}

// Addr is what peers dial.
func (p *proxy) Addr() string { return p.ln.Addr().String() }

// reserve finds a free address for the node behind the proxy.
func (p *proxy) reserve(t testing.TB) string {
	t.Helper()
	addr, err := env.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
	return addr
}

func (p *proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target, closed := p.target, p.closed
		p.mu.Unlock()
		if closed {
			in.Close()
			continue
		}
		p.wg.Go(func() { p.join(in, target) })
	}
}

func (p *proxy) join(in net.Conn, target string) {
	defer in.Close()
	out, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.keep(in) || !p.keep(out) {
		return
	}
	defer p.drop(in, out)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			in.Close()
			out.Close()
		})
	}
	both.Wait()
}

func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

func (p *proxy) cut(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = closed
	if !closed {
		return
	}
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
