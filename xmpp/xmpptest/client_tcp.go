package xmpptest

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// writePatience is how long a write may wait for a server that does not read.
const writePatience = 20 * time.Second

// tcp is a stream of RFC 6120 on a connection.
type tcp struct {
	conn net.Conn
	r    *xmlstream.Reader
	open bool
}

func dialTCP(ctx context.Context, o Options) (*tcp, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	t := &tcp{conn: conn, r: xmlstream.NewReader(conn, xmlstream.DefaultLimits().WithStanza(1<<20))}
	if o.Via != DirectTLS {
		return t, nil
	}
	conf := o.TLS.Clone()
	conf.NextProtos = []string{"xmpp-client"}
	return t, t.secure(ctx, conf)
}

// secure goes on under TLS.
func (t *tcp) secure(ctx context.Context, conf *tls.Config) error {
	secured := tls.Client(t.conn, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		t.conn.Close()
		return err
	}
	t.conn, t.open = secured, false
	t.r.Reset(secured)
	return nil
}

func (t *tcp) start(domain string) error {
	if t.open {
		t.r.Restart()
	}
	t.open = true
	h := xmlstream.Header{To: domain, Version: "1.0", Lang: "en", Content: xmlstream.NSClient}
	return t.send(string(h.Append(nil)))
}

func (t *tcp) next(ctx context.Context) (xmlstream.Event, error) {
	defer deadline(ctx, t.conn)()
	ev, err := t.r.Next()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return ev, err
}

// deadline makes reads from conn end with ctx until done is called.
func deadline(ctx context.Context, conn net.Conn) (done func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired
			_ = conn.SetReadDeadline(time.Time{})
		}
	}
}

func (t *tcp) send(xml string) error {
	if err := t.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err := t.conn.Write([]byte(xml))
	return err
}

func (t *tcp) end() error { return t.send(xmlstream.StreamEnd) }

func (t *tcp) abort() {
	// Without linger the peer sees a reset, as when a network breaks.
	if c, ok := t.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	t.conn.Close()
	t.r.Close()
}

func (t *tcp) state() *tls.ConnectionState {
	c, ok := t.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	s := c.ConnectionState()
	return &s
}
