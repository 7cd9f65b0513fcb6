package xmpptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsFraming = "urn:ietf:params:xml:ns:xmpp-framing"

// socket is a stream of RFC 7395: each message holds one element.
type socket struct {
	net.Conn
	in *bufio.Reader // what the server sent behind its handshake; may be nil
}

func (s *socket) Read(b []byte) (int, error) {
	if s.in != nil && s.in.Buffered() > 0 {
		return s.in.Read(b)
	}
	return s.Conn.Read(b)
}

func dialWebSocket(ctx context.Context, o Options) (*socket, error) {
	d := ws.Dialer{Protocols: []string{"xmpp"}, TLSConfig: o.TLS}
	conn, in, hs, err := d.Dial(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	if hs.Protocol != "xmpp" {
		conn.Close()
		return nil, errors.New("xmpptest: the server did not choose the subprotocol xmpp")
	}
	return &socket{conn, in}, nil
}

func (s *socket) start(domain string) error {
	return s.send("<open xmlns='" + nsFraming + "' to='" + escape(domain) + "' version='1.0'/>")
}

func (s *socket) next(ctx context.Context) (xmlstream.Event, error) {
	defer deadline(ctx, s.Conn)()
	data, _, err := wsutil.ReadServerData(s)
	var end wsutil.ClosedError
	switch {
	case errors.As(err, &end):
		return xmlstream.Event{Kind: xmlstream.Close}, nil
	case err != nil && ctx.Err() != nil:
		return xmlstream.Event{}, context.Cause(ctx)
	case err != nil:
		return xmlstream.Event{}, err
	}
	e, err := xmlstream.Parse(data, xmlstream.Standalone, xmlstream.DefaultLimits().WithStanza(1<<20))
	if err != nil {
		return xmlstream.Event{}, err
	}
	switch {
	case e.Is(nsFraming, "open"):
		return xmlstream.Event{Kind: xmlstream.Open, Element: e, Content: xmlstream.NSClient}, nil
	case e.Is(nsFraming, "close"):
		return xmlstream.Event{Kind: xmlstream.Close, Element: e}, nil
	}
	return xmlstream.Event{Kind: xmlstream.Stanza, Element: e}, nil
}

// send frames each element on its own, in the namespace it has on TCP. What
// cannot be read as XML goes as it is.
func (s *socket) send(xml string) error {
	all, err := xmlstream.ParseAll([]byte(xml), xmlstream.Client, xmlstream.DefaultLimits().WithStanza(1<<20))
	if err != nil || len(all) == 0 {
		return wsutil.WriteClientText(s.Conn, []byte(xml))
	}
	for _, e := range all {
		if err := wsutil.WriteClientText(s.Conn, []byte(e.String())); err != nil {
			return err
		}
	}
	return nil
}

func (s *socket) end() error { return s.send("<close xmlns='" + nsFraming + "'/>") }
func (s *socket) abort()     { s.Conn.Close() }

func (s *socket) state() *tls.ConnectionState {
	c, ok := s.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	st := c.ConnectionState()
	return &st
}
