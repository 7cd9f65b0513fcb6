package stream

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/internal/socket"
)

// The paths where the handlers are mounted.
const (
	WebSocketPath = "/ws"
	BOSHPath      = "/bosh"
)

// WebSocket returns the handler of XMPP over WebSocket (RFC 7395). Mount it at
// WebSocketPath of the public HTTP listener. It serves while Run does.
func (s *Server) WebSocket() http.Handler { return http.HandlerFunc(s.serveWebSocket) }

func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	info := s.webInfo(r)
	info.Kind, info.Resumable = WebSocket, true
	if status, text := s.refuseWebSocket(r, info); status != 0 {
		http.Error(w, text, status)
		return
	}
	if !s.take() {
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	up := ws.HTTPUpgrader{
		Timeout:  s.cfg.HandshakeTimeout.D(),
		Protocol: func(p string) bool { return p == "xmpp" },
	}
	nc, rw, _, err := up.Upgrade(r, w)
	if err != nil {
		s.metrics.handshakes.WithLabelValues("websocket").Inc()
		<-s.slots
		return
	}
	// What the HTTP server had read already comes first.
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	c := newWSConn(s, nc, info, bytes.Clone(early))
	if !s.start(c, WebSocket, func() { c.serve(s.handle) }) {
		_ = nc.Close()
		<-s.slots
	}
}

// take takes a slot without waiting.
func (s *Server) take() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// webInfo is what a request tells about its client. Loopback counts as secure:
// there a proxy of this machine ends TLS, or nobody listens in.
func (s *Server) webInfo(r *http.Request) Info {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if s.cfg.Proxied {
		remote = forwarded(r, remote)
	}
	info := Info{Remote: remote, TLS: true, Binding: s.binding(r.TLS)}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		info.Local = socket.AddrPort(local)
	}
	info.Secure = r.TLS != nil || s.cfg.Proxied || remote.Addr().IsLoopback()
	return info
}

// forwarded is the client that a proxy names: the last of the list, which the
// proxy has added; what stands before it anybody may have written.
func forwarded(r *http.Request, proxy netip.AddrPort) netip.AddrPort {
	lines := r.Header.Values("X-Forwarded-For")
	if len(lines) == 0 {
		return proxy
	}
	last := lines[len(lines)-1]
	addr, err := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndex(last, ",")+1:]))
	if err != nil {
		return proxy
	}
	return netip.AddrPortFrom(addr.Unmap(), 0)
}

// refuseWebSocket says why a request may not become a connection.
func (s *Server) refuseWebSocket(r *http.Request, info Info) (status int, text string) {
	switch {
	case s.base.Err() != nil:
		return http.StatusServiceUnavailable, "the server goes down"
	case !info.Secure:
		return http.StatusForbidden, "WebSocket is served over TLS only; use wss, or set xmpp.http_proxied behind a proxy"
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return http.StatusUpgradeRequired, "this path speaks XMPP over WebSocket (RFC 7395)"
	case !s.originAllowed(r):
		return http.StatusForbidden, "pages of this origin may not connect; see xmpp.web_origins"
	case !offersXMPP(r.Header):
		return http.StatusBadRequest, "the subprotocol xmpp is needed (RFC 7395 section 3.1)"
	}
	return 0, ""
}

func offersXMPP(h http.Header) bool {
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(p) == "xmpp" {
				return true
			}
		}
	}
	return false
}

// originAllowed checks the page a browser connects from; other programs send no
// Origin.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || slices.ContainsFunc(s.cfg.WebSocketOrigins, func(o string) bool {
		return o == "*" || strings.EqualFold(o, origin)
	})
}

// wsConn is a client over WebSocket.
type wsConn struct {
	link
	in      *bufio.Reader
	message *outBuffer // what is there of a fragmented message
	max     int
	open    bool // the client has opened the stream
	over    bool // it has closed it, or the connection
	err     error
	status  ws.StatusCode // why the connection ends, when the client broke the rules of WebSocket
}

// wsRead is the size of the buffer that a silent client costs.
const wsRead = 512

func newWSConn(s *Server, nc net.Conn, info Info, early []byte) *wsConn {
	c := &wsConn{max: int(s.cfg.MaxStanzaBeforeLogin)}
	c.srv, c.mu, c.fr, c.wire = s, newTurn(), asWS{}, newWire(s, nc)
	if _, ok := nc.(*tls.Conn); ok {
		c.wire.pieces = 16 << 10
	}
	c.out = c.wire
	c.wire.setUntil(time.Now().Add(s.cfg.LoginTimeout.D()))
	c.in = bufio.NewReaderSize(c.wire, wsRead)
	if len(early) > 0 {
		c.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), c.wire), wsRead)
	}
	c.info.Store(&info)
	return c
}

// serve runs the connection on its goroutine.
func (c *wsConn) serve(handle func(Conn)) {
	c.srv.guard(c, handle)
	c.goodbye()
	c.drain()
}

// Restart implements Conn.
func (c *wsConn) Restart() {
	c.restart()
	c.open = false
}

// Authenticated implements Conn.
func (c *wsConn) Authenticated() {
	c.wire.loggedIn()
	c.max = int(c.srv.cfg.MaxStanza)
}

// StartTLS implements Conn: it fails.
func (c *wsConn) StartTLS([]byte) error { return errNoStartTLS }

// Close implements Conn.
func (c *wsConn) Close(reason *Error) { c.shut(reason) }

// goodbye waits for the client to close the stream and closes the WebSocket
// connection (RFC 7395 section 3.6).
func (c *wsConn) goodbye() {
	for c.status == 0 && !c.over {
		if _, err := c.read(); err != nil {
			break
		}
	}
	status := c.status
	if status == 0 {
		status = ws.StatusNormalClosure
	}
	c.wire.leaveAgain(time.Now().Add(c.srv.cfg.CloseTimeout.D() / 4))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return
	}
	if _, err := c.wire.Write(appendControl(nil, ws.OpClose, ws.NewCloseFrameBody(status, ""))); err == nil {
		c.wire.endWrites()
	}
}
