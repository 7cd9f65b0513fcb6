package shard_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
	"github.com/go-sql-driver/mysql"
)

// proxy stands between a zone and its database, and makes trouble.
type proxy struct {
	listener         net.Listener
	network, address string // of the database
	wg               sync.WaitGroup

	mu     sync.Mutex
	cond   *sync.Cond
	conns  map[net.Conn]bool   // guarded by mu
	frozen bool                // guarded by mu: answers are held back
	down   bool                // guarded by mu: connections are refused
	onSeen func(p *proxy) fate // guarded by mu: asked at the next COMMIT
	asked  chan struct{}       // closed when the outcome of a commit was asked for
	once   sync.Once           // closes asked
}

// fate is what becomes of a COMMIT.
type fate int

const (
	passes      fate = iota
	answerLost       // it reaches the server; its answer reaches nobody
	requestLost      // it does not reach the server
	requestLate      // the connection breaks, and the server reads it when its outcome is being asked for
)

// behindProxy puts a proxy before the database of a zone.
func behindProxy(t *testing.T, z *shard.ZoneConfig) *proxy {
	t.Helper()
	c, err := mysql.ParseDSN(z.DSN.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{network: c.Net, address: c.Addr, conns: make(map[net.Conn]bool), asked: make(chan struct{})}
	p.cond = sync.NewCond(&p.mu)
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c.Net, c.Addr = "tcp", p.listener.Addr().String()
	z.DSN = config.Secret(c.FormatDSN())
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		p.listener.Close()
		p.set(func() { p.frozen, p.down = false, true })
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.network, p.address)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		down := p.down
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		if down {
			client.Close()
			server.Close()
			continue
		}
		doomed := make(chan struct{})
		p.wg.Go(func() { p.requests(client, server, doomed) })
		p.wg.Go(func() { p.answers(client, server, doomed) })
	}
}

func (p *proxy) requests(client, server net.Conn, doomed chan struct{}) {
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("COMMIT")) {
			switch p.seen() {
			case answerLost:
				close(doomed)
			case requestLost:
				client.Close()
				return
			case requestLate:
				client.Close()
				<-p.asked
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("FROM commit_mark WHERE writer")) {
			p.once.Do(func() { close(p.asked) })
		}
	}
}

func (p *proxy) seen() fate {
	p.mu.Lock()
	f := p.onSeen
	p.onSeen = nil
	p.mu.Unlock()
	if f == nil {
		return passes
	}
	return f(p)
}

func (p *proxy) answers(client, server net.Conn, doomed chan struct{}) {
	defer client.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		for p.frozen {
			p.cond.Wait()
		}
		p.mu.Unlock()
		select {
		case <-doomed:
			return
		default:
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) set(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	p.cond.Broadcast()
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// logTo is a log whose lines a test can wait for.
type logTo struct{ lines chan string }

func newLog() *logTo { return &logTo{lines: make(chan string, 1000)} }

var _ io.Writer = (*logTo)(nil)

func (l *logTo) Write(b []byte) (int, error) {
	select {
	case l.lines <- string(b):
	default:
	}
	return len(b), nil
}

func (l *logTo) wait(part string) {
	for line := range l.lines {
		if strings.Contains(line, part) {
			return
		}
	}
}
