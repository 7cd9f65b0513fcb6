package edge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// loop is what belongs to one event loop. Its fields are the loop's own but for
// those that say otherwise.
type loop struct {
	srv     *Server
	el      gnet.EventLoop
	wheel   wheel
	delayed []*tcpConn       // paused until a moment, for the send rate
	blocked map[*tcpConn]int // bytes the network has not taken; or a close that waits
	plain   []byte           // where TLS records are decrypted to
	ticking atomic.Bool      // any goroutine: a tick is on its way
	pollFD  int              // of the engine, to stop reading; -1: not known

	mu      sync.Mutex
	dirty   []*tcpConn // guarded by mu: connections to pass
	spare   []*tcpConn // guarded by mu: the other of two lists in turn
	pending bool       // guarded by mu: a pass is on its way
}

// loops finds the loop of a connection.
type loops struct {
	mu   sync.Mutex
	list []*loop // guarded by mu
}

func (ls *loops) of(s *Server, el gnet.EventLoop) *loop {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.list {
		if l.el == el {
			return l
		}
	}
	l := &loop{srv: s, el: el, blocked: map[*tcpConn]int{}, plain: make([]byte, 16<<10), pollFD: -1}
	l.wheel.tick = s.tick
	l.wheel.now = int64(s.now() / s.tick)
	ls.list = append(ls.list, l)
	return l
}

func (ls *loops) all() []*loop {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return append([]*loop(nil), ls.list...)
}

// execute runs f on the loop later. Everything that other goroutines want of a
// connection goes this way and never by AsyncWrite: the two have different
// queues in the engine, and frames would change their order.
func (l *loop) execute(f func()) error {
	return l.el.Execute(context.Background(), gnet.RunnableFunc(func(context.Context) error {
		f()
		return nil
	}))
}

// add asks for a pass over t. Any goroutine may call it; however many do, the
// loop is woken once.
func (l *loop) add(t *tcpConn) {
	l.mu.Lock()
	l.dirty = append(l.dirty, t)
	wake := !l.pending
	l.pending = true
	l.mu.Unlock()
	if wake {
		// It fails only when the engine stops, and then all connections close.
		_ = l.el.Execute(context.Background(), l)
	}
}

// Run is one pass: every connection that asked for it is flushed once.
// It implements gnet.Runnable.
func (l *loop) Run(context.Context) error {
	l.mu.Lock()
	list := l.dirty
	l.dirty, l.spare, l.pending = l.spare[:0], nil, false
	l.mu.Unlock()
	for i, t := range list {
		list[i] = nil
		t.pass()
	}
	l.mu.Lock()
	if l.spare == nil {
		l.spare = list[:0]
	}
	l.mu.Unlock()
	return nil
}

// onTick looks at deadlines and at connections that make no progress.
func (l *loop) onTick() {
	l.ticking.Store(false)
	now := l.srv.now()
	delayed := l.delayed
	l.delayed = nil
	for _, t := range delayed {
		if t.c.paused.Load() && now < t.c.until {
			l.delayed = append(l.delayed, t)
			continue
		}
		t.delayed = false
		t.pass()
	}
	for t := range l.blocked {
		t.checkProgress(now)
	}
	l.wheel.advance(now, func(t *tcpConn) { t.checkDeadline(now) })
}

// handler receives the events of the engine.
type handler struct {
	gnet.BuiltinEventEngine
	srv *Server
}

// OnOpen implements gnet.EventHandler.
func (h *handler) OnOpen(g gnet.Conn) ([]byte, gnet.Action) {
	t := g.Context().(*tcpConn)
	t.enter(h.srv.loops.of(h.srv, g.EventLoop()), g)
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (h *handler) OnTraffic(g gnet.Conn) gnet.Action {
	if t, ok := g.Context().(*tcpConn); ok {
		t.traffic()
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler.
func (h *handler) OnClose(g gnet.Conn, _ error) gnet.Action {
	if t, ok := g.Context().(*tcpConn); ok {
		t.closed()
	}
	return gnet.None
}

// OnTick implements gnet.EventHandler. It runs on a goroutine of its own and
// only posts work to the loops.
func (h *handler) OnTick() (time.Duration, gnet.Action) {
	for _, l := range h.srv.loops.all() {
		if l.ticking.CompareAndSwap(false, true) {
			_ = l.execute(l.onTick)
		}
	}
	return h.srv.tick, gnet.None
}
