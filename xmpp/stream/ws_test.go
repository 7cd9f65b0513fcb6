package stream

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/internal/pki"
)

// web mounts the handlers of w.
func (w *world) web() *httptest.Server {
	w.t.Helper()
	mux := http.NewServeMux()
	mux.Handle(WebSocketPath, w.WebSocket())
	mux.Handle(BOSHPath, w.BOSH())
	mux.Handle(HostMetaPath, w.HostMeta())
	mux.Handle(HostMetaJSONPath, w.HostMeta())
	srv := httptest.NewServer(mux)
	w.t.Cleanup(srv.Close)
	return srv
}

// wsClient speaks messages.
type wsClient struct {
	t testing.TB
	net.Conn
	r io.Reader
}

func (w *world) dialWS(srv *httptest.Server) *wsClient {
	w.t.Helper()
	d := ws.Dialer{Protocols: []string{"xmpp"}}
	nc, br, hs, err := d.Dial(w.t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http")+WebSocketPath)
	if err != nil {
		w.t.Fatal(err)
	}
	if hs.Protocol != "xmpp" {
		w.t.Errorf("subprotocol %q (RFC 7395 section 3.1)", hs.Protocol)
	}
	w.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := &wsClient{w.t, nc, nc}
	if br != nil {
		c.r = br
	}
	return c
}

func (c *wsClient) frame(f ws.Frame) *wsClient {
	c.t.Helper()
	if err := ws.WriteFrame(c.Conn, ws.MaskFrame(f)); err != nil {
		c.t.Fatal(err)
	}
	return c
}

func (c *wsClient) send(text string) *wsClient {
	c.t.Helper()
	return c.frame(ws.NewTextFrame([]byte(text)))
}

// next returns the next message, or "close 1000" and the like.
func (c *wsClient) next() string {
	c.t.Helper()
	f, err := readFrame(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	switch f.Header.OpCode {
	case ws.OpClose:
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return "close " + itoa(int(code))
	case ws.OpPong:
		return "pong " + string(f.Payload)
	case ws.OpText:
		return string(f.Payload)
	}
	c.t.Fatalf("opcode %d", f.Header.OpCode)
	return ""
}

func itoa(n int) string { return inSeconds(time.Duration(n) * time.Second) }

func (c *wsClient) expect(texts ...string) *wsClient {
	c.t.Helper()
	for _, text := range texts {
		if got := c.next(); !strings.Contains(got, text) {
			c.t.Fatalf("got %q, want %q", got, text)
		}
	}
	return c
}

const (
	wsOpen  = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>`
	wsClose = `<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>`
)

func (c *wsClient) login() *wsClient {
	c.t.Helper()
	c.send(wsOpen).expect("<open ", "<stream:features ")
	c.send(auth).expect("<success ")
	return c.send(wsOpen).expect("<open ", "<stream:features ")
}

// RFC 7395 sections 3.3, 3.4 and 3.6.
func TestWebSocket(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dialWS(w.web())
	c.send(wsOpen)
	open := c.next()
	for _, part := range []string{"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' ", "from='localhost'", " id='", "version='1.0'"} {
		if !strings.Contains(open, part) {
			t.Errorf("section 3.4: %s lacks %s", open, part)
		}
	}
	c.expect("<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
	c.send(auth).expect("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	c.send(wsOpen).expect("<open ", "<stream:features ")
	c.send("<message xmlns='jabber:client' to='a'><body>ü</body></message>")
	if got := c.next(); got != "<message xmlns='jabber:client' to='a'><body>ü</body></message>" {
		t.Errorf("section 3.3.3: %q", got)
	}
	c.send(wsClose)
	if got := c.next(); got != "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>" {
		t.Errorf("section 3.6: %q", got)
	}
	c.expect("close 1000")
	if err := <-w.ends; err != nil {
		t.Error(err)
	}
}

func TestWebSocketFrames(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dialWS(w.web()).login()
	c.frame(ws.NewPingFrame([]byte("x"))).expect("pong x")
	c.frame(ws.NewFrame(ws.OpText, false, []byte("<iq xmlns='jabber:"))).
		frame(ws.NewPingFrame([]byte("y"))).
		frame(ws.NewFrame(ws.OpContinuation, false, nil)).
		frame(ws.NewFrame(ws.OpContinuation, true, []byte("client' id='1'/>"))).
		expect("pong y", "<iq xmlns='jabber:client' id='1'/>")
	c.frame(ws.NewPongFrame(nil)).send(" ").send("<iq xmlns='jabber:client' id='2'/>").expect("id='2'")
	large := "<message xmlns='jabber:client'><body>" + strings.Repeat("x", 70_000) + "</body></message>"
	if got := c.send(large).next(); got != large {
		t.Errorf("large message: %d bytes", len(got))
	}
}

func TestWebSocketViolations(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := w.web()
	for _, c := range []struct {
		name   string
		act    func(c *wsClient)
		expect []string
	}{
		{"binary (RFC 7395 section 3.2)", func(c *wsClient) { c.frame(ws.NewBinaryFrame([]byte("<iq/>"))) }, []string{"<close ", "close 1003"}},
		{"not masked (RFC 6455 section 5.1)", func(c *wsClient) { _ = ws.WriteFrame(c.Conn, ws.NewTextFrame([]byte("<iq/>"))) }, []string{"<close ", "close 1002"}},
		{"reserved bit", func(c *wsClient) {
			f := ws.NewTextFrame([]byte("<iq/>"))
			f.Header.Rsv = ws.Rsv(true, false, false)
			c.frame(f)
		}, []string{"<close ", "close 1002"}},
		{"continuation of nothing", func(c *wsClient) { c.frame(ws.NewFrame(ws.OpContinuation, true, nil)) }, []string{"<close ", "close 1002"}},
		{"message in a message", func(c *wsClient) {
			c.frame(ws.NewFrame(ws.OpText, false, nil)).send("<iq/>")
		}, []string{"<close ", "close 1002"}},
		{"bad UTF-8 (RFC 6455 section 8.1)", func(c *wsClient) { c.send("<iq xmlns='jabber:client'>\xff</iq>") }, []string{"<unsupported-encoding ", "<close ", "close 1007"}},
		{"two elements", func(c *wsClient) { c.send("<iq xmlns='a'/><iq xmlns='a'/>") }, []string{"<not-well-formed ", "<close "}},
		{"half an element", func(c *wsClient) { c.send("<iq xmlns='a'>") }, []string{"<not-well-formed ", "<close "}},
		{"too large", func(c *wsClient) {
			c.send("<iq xmlns='jabber:client'>" + strings.Repeat("x", 256<<10) + "</iq>")
		}, []string{"<policy-violation ", "<close ", "close 1009"}},
		{"a frame said to be huge", func(c *wsClient) {
			_ = ws.WriteHeader(c.Conn, ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: 1 << 62})
		}, []string{"<policy-violation ", "<close ", "close 1009"}},
		{"an element of framing", func(c *wsClient) { c.send("<x xmlns='" + nsFraming + "'/>") }, []string{"<bad-format ", "<close "}},
	} {
		cl := w.dialWS(srv).login()
		c.act(cl)
		for _, want := range c.expect {
			if got := cl.next(); !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", c.name, got, want)
			}
		}
		_ = cl.Close()
	}
}

// Compression, which makes much of little, is never agreed to.
func TestWebSocketWithoutCompression(t *testing.T) {
	w := start(t, testConfig(), nil)
	d := ws.Dialer{Protocols: []string{"xmpp"}, Header: ws.HandshakeHeaderString("Sec-WebSocket-Extensions: permessage-deflate\r\n")}
	nc, _, hs, err := d.Dial(t.Context(), "ws"+strings.TrimPrefix(w.web().URL, "http")+WebSocketPath)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if len(hs.Extensions) > 0 {
		t.Errorf("%v", hs.Extensions)
	}
}

// RFC 7395 section 3.5: open comes before the error.
func TestWebSocketErrorBeforeOpen(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dialWS(w.web())
	c.send("<iq xmlns='jabber:client'/>").expect("<open ", "<bad-format ", "<close ")
	c.send(wsClose).expect("close 1000")
}

// RFC 7395 section 3.6: the end of the connection is not that of the stream.
func TestWebSocketLost(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := w.web()
	c := w.dialWS(srv).login()
	c.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, ""))).expect("close ")
	if err := <-w.ends; err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	c = w.dialWS(srv).login()
	_ = c.Close()
	if err := <-w.ends; err == nil || err == io.EOF {
		t.Error(err)
	}
}

func TestWebSocketKick(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dialWS(w.web()).login()
	c.send("<kick xmlns='x'/>").expect("<stream:error ", "<close ")
	c.send("<iq xmlns='jabber:client'/>").send(wsClose).expect("close 1000")
}

func TestWebSocketRefused(t *testing.T) {
	cfg := testConfig()
	cfg.WebSocketOrigins = []string{"https://chat.example.org"}
	w := start(t, cfg, nil)
	for _, c := range []struct {
		name, remote, header, value string
		status                      int
	}{
		{"plain HTTP", "127.0.0.1:1", "Upgrade", "", http.StatusUpgradeRequired},
		{"no subprotocol", "127.0.0.1:1", "Sec-WebSocket-Protocol", "soap", http.StatusBadRequest},
		{"not over TLS", "192.0.2.1:1", "", "", http.StatusForbidden},
		{"foreign page", "127.0.0.1:1", "Origin", "https://evil.example", http.StatusForbidden},
	} {
		r := httptest.NewRequest("GET", WebSocketPath, nil)
		r.RemoteAddr = c.remote
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Protocol", "v1, xmpp")
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		rec := httptest.NewRecorder()
		w.WebSocket().ServeHTTP(rec, r)
		if rec.Code != c.status {
			t.Errorf("%s: %d %s", c.name, rec.Code, rec.Body)
		}
	}
}

// wss: the binding is that of the connection which HTTP has secured.
func TestWebSocketBinding(t *testing.T) {
	infos := make(chan Info, 1)
	w := start(t, testConfig(), func(c Conn) {
		infos <- c.Info()
		_ = engine(c)
	})
	cert, _ := identity()
	srv := httptest.NewUnstartedServer(w.WebSocket())
	srv.TLS = pki.ServerConfig(cert, tls.VersionTLS12, "http/1.1")
	srv.StartTLS()
	defer srv.Close()
	cfg := clientTLS()
	cfg.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	d := ws.Dialer{Protocols: []string{"xmpp"}, NetDial: nil}
	br, _, err := d.Upgrade(conn, mustURL("ws://localhost/ws"))
	if err != nil {
		t.Fatal(err)
	}
	info := <-infos
	want, _ := pki.Exporter(conn.ConnectionState())
	if string(info.Binding.Exporter) != string(want) || !info.Secure || info.Kind != WebSocket {
		t.Errorf("%+v", info)
	}
	c := &wsClient{t, conn, conn}
	if br != nil {
		c.r = br
	}
	c.login()
	large := "<message xmlns='jabber:client'><body>" + strings.Repeat("x", 70_000) + "</body></message>"
	if got := c.send(large).next(); got != large {
		t.Errorf("large message: %d bytes", len(got))
	}
}

func TestWebInfo(t *testing.T) {
	for _, c := range []struct {
		proxied           bool
		remote, forwarded string
		want              string
		secure            bool
	}{
		{false, "127.0.0.1:9", "", "127.0.0.1:9", true},
		{false, "192.0.2.1:9", "127.0.0.1", "192.0.2.1:9", false},
		{true, "192.0.2.1:9", "", "192.0.2.1:9", true},
		{true, "192.0.2.1:9", "127.0.0.1, 198.51.100.7", "198.51.100.7:0", true},
		{true, "192.0.2.1:9", "nonsense", "192.0.2.1:9", true},
		{true, "192.0.2.1:9", "2001:db8::1", "[2001:db8::1]:0", true},
	} {
		cfg := testConfig()
		cfg.Proxied = c.proxied
		w := start(t, cfg, nil)
		r := httptest.NewRequest("GET", WebSocketPath, nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if info := w.webInfo(r); info.Remote.String() != c.want || info.Secure != c.secure {
			t.Errorf("%+v: %+v", c, info)
		}
	}
}
