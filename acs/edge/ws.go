package edge

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/im"
)

// WebSocketPath is where the handler is mounted.
const WebSocketPath = "/cxx"

// websockets is the open WebSocket connections.
type websockets struct {
	mu    sync.Mutex
	conns map[*wsConn]struct{} // guarded by mu
	done  sync.WaitGroup
}

func (w *websockets) add(c *wsConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns == nil {
		w.conns = map[*wsConn]struct{}{}
	}
	w.conns[c] = struct{}{}
}

func (w *websockets) remove(c *wsConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

func (w *websockets) each(f func(*wsConn)) {
	w.mu.Lock()
	list := make([]*wsConn, 0, len(w.conns))
	for c := range w.conns {
		list = append(list, c)
	}
	w.mu.Unlock()
	for _, c := range list {
		f(c)
	}
}

// wait closes what is left and waits for the goroutines.
func (w *websockets) wait() {
	w.each(func(c *wsConn) { _ = c.net.Close() })
	w.done.Wait()
}

// WebSocket returns the handler that carries C-XX frames in the binary messages
// of WebSocket connections (RFC 6455), for browsers and for networks that let
// nothing else through. A message holds whole frames. Mount it at
// WebSocketPath of the public HTTP listener. It serves while Run does.
func (s *Server) WebSocket() http.Handler {
	return http.HandlerFunc(s.serveWebSocket)
}

func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if status, text := s.refuseWebSocket(r, remote); status != 0 {
		http.Error(w, text, status)
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	defer func() { <-s.slots }()
	s.ws.done.Add(1)
	defer s.ws.done.Done()
	up := ws.HTTPUpgrader{
		Timeout:  s.cfg.HandshakeTimeout.D(),
		Protocol: func(p string) bool { return p == "cxx.v1" },
	}
	nc, rw, _, err := up.Upgrade(r, w)
	if err != nil {
		s.metrics.handshake.WithLabelValues("websocket").Inc()
		return
	}
	s.metrics.accepts.Inc()
	c := newWSConn(s, nc, remote)
	if r.TLS != nil {
		c.cb = bindingOf(s, *r.TLS)
	}
	s.open[overWS].Add(1)
	s.ws.add(c)
	if s.draining.Load() {
		c.c.fail(im.Errorf(im.CodeGoAway, "the server goes down"))
	}
	// What the HTTP server had read already comes first.
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	c.serve(io.MultiReader(strings.NewReader(string(early)), nc))
}

// refuseWebSocket says why a request may not become a connection.
func (s *Server) refuseWebSocket(r *http.Request, remote netip.AddrPort) (status int, text string) {
	switch {
	case s.base.Err() != nil || s.draining.Load():
		return http.StatusServiceUnavailable, "the server goes down"
	case r.TLS == nil && !s.cfg.WebSocketProxied && !remote.Addr().IsLoopback():
		return http.StatusForbidden, "WebSocket is served over TLS only; use wss, or set cxx.websocket_proxied behind a proxy"
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return http.StatusUpgradeRequired, "this path speaks C-XX in WebSocket messages"
	case !s.originAllowed(r):
		return http.StatusForbidden, "pages of this origin may not connect; see cxx.websocket_origins"
	}
	return 0, ""
}

// originAllowed checks the page a browser connects from; other programs send no
// Origin.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.cfg.WebSocketOrigins, "*") {
		return true
	}
	if len(s.cfg.WebSocketOrigins) > 0 {
		return slices.ContainsFunc(s.cfg.WebSocketOrigins, func(o string) bool { return strings.EqualFold(o, origin) })
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// wsConn is one WebSocket connection: a goroutine reads, another writes. They
// are simpler than an event loop, and browsers are few.
type wsConn struct {
	c   conn
	net net.Conn
	cb  im.ChannelBinding

	flush  chan struct{} // cap 1: the outbox has something
	resume chan struct{} // cap 1: the reader may go on

	mu     sync.Mutex
	pongs  []byte    // guarded by mu: control frames to send
	leave  time.Time // guarded by mu: drain: close it then
	opened time.Time
}

func newWSConn(s *Server, nc net.Conn, remote netip.AddrPort) *wsConn {
	w := &wsConn{net: nc, flush: make(chan struct{}, 1), resume: make(chan struct{}, 1), opened: time.Now()}
	w.c.srv, w.c.tr, w.c.remote = s, w, remote
	w.c.queue.limit = s.cfg.MaxQueued
	return w
}

func (w *wsConn) wake() {
	for _, ch := range []chan struct{}{w.flush, w.resume} {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (w *wsConn) binding() im.ChannelBinding { return w.cb }

// goAway asks the client to leave within delay.
func (w *wsConn) goAway(delay, grace time.Duration) {
	if !w.c.is(loggedIn) {
		w.c.fail(im.Errorf(im.CodeGoAway, "the server goes down"))
		return
	}
	w.leaveAt(time.Now().Add(delay + grace))
	w.c.send(goAwayFrame(delay))
}
