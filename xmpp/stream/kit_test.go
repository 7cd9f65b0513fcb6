package stream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// identity is one certificate for all tests.
var identity = sync.OnceValues(func() (*pki.Reloader, *x509.CertPool) {
	dir, err := os.MkdirTemp("", "stream")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cert, ca, err := pki.Server(dir, pki.DefaultConfig(), nil, nil)
	if err != nil {
		panic(err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return cert, pool
})

// world is a server on loopback and what its handlers saw.
type world struct {
	*Server
	t    testing.TB
	ends chan error // why each handler's client ended
	stop func()
}

func testConfig() Config {
	cfg := Default()
	cfg.Listen, cfg.TLSListen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.MaxConnections = 1000
	return cfg
}

// start runs a server whose handler is engine, or handle when it is not nil.
func start(t testing.TB, cfg Config, handle func(Conn)) *world {
	t.Helper()
	w := &world{t: t, ends: make(chan error, 1000)}
	if handle == nil {
		handle = func(c Conn) {
			select {
			case w.ends <- engine(c):
			default: // the test does not look
			}
		}
	}
	cert, _ := identity()
	srv, err := New(cfg, Deps{
		TLS:            pki.ServerConfig(cert, tls.VersionTLS12),
		ServerEndPoint: func() []byte { return pki.ServerEndPoint(cert.Leaf()) },
		Domain:         "localhost",
	}, handle)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = srv
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Run(ctx)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(w.stop)
	return w
}

// engine is a handler that talks just enough: features, STARTTLS, a login that
// asks nothing, and an echo.
func engine(c Conn) error {
	for {
		ev, err := c.Next()
		switch {
		case errors.Is(err, ErrIdle):
			_ = c.Send([]byte("<r xmlns='urn:xmpp:sm:3'/>"))
			continue
		case err != nil:
			c.Close(FromXML(err))
			return err
		case ev.Kind == xmlstream.Close:
			c.Close(nil)
			return nil
		}
		if err := answer(c, ev); err != nil {
			return err
		}
	}
}

func answer(c Conn, ev xmlstream.Event) error {
	if ev.Kind == xmlstream.Open {
		h, err := xmlstream.ParseHeader(ev)
		if err != nil {
			c.Close(FromXML(err))
			return err
		}
		if err := c.Open(xmlstream.Header{From: h.To, ID: NewID(), Version: "1.0", Content: xmlstream.NSClient}); err != nil {
			return err
		}
		return c.Send(render(xmlstream.New(xmlstream.NSStreams, "features").
			Add(xmlstream.New("urn:ietf:params:xml:ns:xmpp-bind", "bind"))))
	}
	switch ev.Element.Local {
	case "starttls":
		return c.StartTLS([]byte("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"))
	case "auth":
		c.Authenticated()
		c.Restart()
		return c.Send([]byte("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"))
	case "shout":
		return c.Send(render(ev.Element), bytes.Repeat([]byte{' '}, 8<<20))
	case "panic":
		panic("as asked")
	case "kick":
		c.Close(Errorf(Conflict, "kicked"))
		return nil
	}
	return c.Send(render(ev.Element))
}

func render(e *xmlstream.Element) []byte { return xmlstream.Append(nil, e, scope) }

const (
	header   = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	auth     = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	closed   = xmlstream.StreamEnd
)

// client is the other side of a connection.
type client struct {
	t testing.TB
	net.Conn
	got string // read and not yet expected
}

const patience = 20 * time.Second

func (w *world) dial(listener int) *client {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.Addrs()[listener].String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &client{t: w.t, Conn: nc}
}

func (w *world) dialTLS(cfg *tls.Config) *client {
	w.t.Helper()
	c := w.dial(1)
	c.secure(cfg)
	return c
}

func clientTLS() *tls.Config {
	_, pool := identity()
	return &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"xmpp-client"}}
}

func (c *client) secure(cfg *tls.Config) *tls.Conn {
	c.t.Helper()
	conn := tls.Client(c.Conn, cfg)
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn = conn
	return conn
}

func (c *client) send(s string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
	return c
}

// until reads up to and including the text and returns all of it.
func (c *client) until(text string) string {
	c.t.Helper()
	b := make([]byte, 4096)
	for {
		if i := strings.Index(c.got, text); i >= 0 {
			all := c.got[:i+len(text)]
			c.got = c.got[i+len(text):]
			return all
		}
		n, err := c.Read(b)
		c.got += string(b[:n])
		if err != nil && !strings.Contains(c.got, text) {
			c.t.Fatalf("waiting for %q: %v after %q", text, err, c.got)
		}
	}
}

// rest reads to the end, which must be a clean one.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.Conn)
	if err != nil {
		c.t.Fatalf("reading to the end: %v after %q", err, c.got+string(b))
	}
	return c.got + string(b)
}

func (c *client) login() *client {
	c.t.Helper()
	c.send(header).until("</stream:features>")
	c.send(auth).until("<success")
	c.send(header).until("</stream:features>")
	return c
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// bytesConn is a connection on which the peer has said all it will say.
type bytesConn struct {
	net.Conn
	r io.Reader
}

func (c *bytesConn) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *bytesConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *bytesConn) Close() error                     { return nil }
func (c *bytesConn) SetDeadline(time.Time) error      { return nil }
func (c *bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bytesConn) SetWriteDeadline(time.Time) error { return nil }
