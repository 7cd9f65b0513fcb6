package proc

import (
	"io"
	"net"
	"sync"
)

// Proxy stands between peers and the listener of one of them, so that the
// network between them can fail. Any goroutine may call its methods.
type Proxy struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup

	mu    sync.Mutex
	state proxyState            // guarded by mu
	thaw  chan struct{}         // guarded by mu: closed when the proxy is not frozen
	conns map[net.Conn]struct{} // guarded by mu
}

type proxyState int

const (
	passing proxyState = iota
	refusing
	frozen
)

// NewProxy listens on loopback and passes connections on to target.
func NewProxy(target string) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{ln: ln, target: target, thaw: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(p.thaw)
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is what peers dial.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Cut resets what passes and refuses what comes.
func (p *Proxy) Cut() { p.turn(refusing) }

// Freeze swallows everything and closes nothing, as a network does whose
// cable was pulled.
func (p *Proxy) Freeze() { p.turn(frozen) }

// Heal lets new connections pass; those that were frozen are reset.
func (p *Proxy) Heal() { p.turn(passing) }

// Close ends the proxy.
func (p *Proxy) Close() {
	p.ln.Close()
	p.turn(refusing)
	p.wg.Wait()
}

func (p *Proxy) turn(to proxyState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasFrozen := p.state == frozen
	if p.state = to; to == frozen {
		if !wasFrozen {
			p.thaw = make(chan struct{})
		}
		return
	}
	if wasFrozen || to == refusing {
		for c := range p.conns {
			c.Close()
		}
	}
	if wasFrozen {
		close(p.thaw)
	}
}

func (p *Proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.join(in) })
	}
}

func (p *Proxy) join(in net.Conn) {
	defer in.Close()
	if !p.keep(in) {
		return
	}
	defer p.drop(in)
	<-p.open()
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.keep(out) {
		return
	}
	defer p.drop(out)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			p.pass(way[0], way[1])
			in.Close()
			out.Close()
		})
	}
	both.Wait()
}

func (p *Proxy) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		<-p.open()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// open returns a channel that is closed while bytes may pass.
func (p *Proxy) open() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.thaw
}

func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == refusing {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
