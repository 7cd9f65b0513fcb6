package c2s

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/register"
	"github.com/cxx-im/cxx/xmpp/sasl"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	nsTLS  = "urn:ietf:params:xml:ns:xmpp-tls"
	nsBind = "urn:ietf:params:xml:ns:xmpp-bind"

	nsCompress = "http://jabber.org/protocol/compress" // XEP-0138: never offered
)

// Handle serves one connection until it ends. It runs on the connection's
// goroutine.
func (srv *Server) Handle(conn stream.Conn) {
	s := srv.negotiate(conn)
	if s == nil {
		return
	}
	conn.Authenticated()
	defer s.done(conn) // also when what is read makes us panic
	s.read(conn)
}

// negotiate returns the session of a connection, nil when it has come to none. The
// work runs on a goroutine of its own, whose stack grows with it: that of the
// connection stays small for as long as the client is there.
func (srv *Server) negotiate(conn stream.Conn) (s *session) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		n := &negotiation{srv: srv, conn: conn, ctx: ctx, domain: srv.deps.Domains[0]}
		defer n.recovered()
		var err error
		if s, err = n.run(); err != nil {
			s = nil
			n.fail(err)
		}
	}()
	<-done
	return s
}

// recovered ends the stream of a negotiation that has panicked.
func (n *negotiation) recovered() {
	r := recover()
	if r == nil {
		return
	}
	n.srv.metrics.panics.Inc()
	n.srv.log.Error("login panicked", "remote", n.conn.Info().Remote.String(), "err", r, "stack", stack())
	n.conn.Close(stream.Errorf(stream.InternalServerError, ""))
}

// negotiation brings a connection from its first byte to a session (RFC 6120
// section 4.3). One goroutine owns it.
type negotiation struct {
	srv    *Server
	conn   stream.Conn
	ctx    context.Context
	domain string  // that the client has named
	from   im.Addr // that the client has named, zero when it has not
	lang   string  // of what the client says, when it is not streamLang
	opened bool    // a header was answered
	auth   *sasl.Negotiation
	login  login
	done   *session
}

// login is who the client has shown to be.
type login struct {
	ok      bool
	account im.Account
	device  im.Device     // set by a login with a token, which knows it
	later   bool          // the device's login is not noted yet, as the session may be resumed
	request *sasl.Request // of XEP-0388, nil otherwise
}

// run returns a session that is bound or resumed.
func (n *negotiation) run() (*session, error) {
	for n.done == nil {
		ev, err := n.conn.Next()
		if err != nil {
			return nil, err
		}
		switch ev.Kind {
		case xmlstream.Open:
			err = n.open(ev)
		case xmlstream.Close:
			return nil, io.EOF
		case xmlstream.Stanza:
			err = n.element(ev.Element)
		}
		if err != nil {
			return nil, err
		}
	}
	return n.done, nil
}

// fail ends a stream that has not become a session.
func (n *negotiation) fail(err error) {
	var bad *xmlstream.Error
	var reason *stream.Error
	switch {
	case errors.Is(err, io.EOF):
	case errors.As(err, &bad):
		reason = stream.FromXML(bad)
	case errors.As(err, &reason):
	case errors.Is(err, stream.ErrIdle):
		reason = stream.Errorf(stream.ConnectionTimeout, "the login took too long")
	}
	if err != nil && reason == nil {
		n.srv.log.Debug("stream ended before a session", "remote", n.conn.Info().Remote.String(), "err", err)
	}
	n.conn.Close(reason)
}

// open answers a stream header and offers what can be done next.
func (n *negotiation) open(ev xmlstream.Event) error {
	h, err := xmlstream.ParseHeader(ev)
	if err != nil {
		return err
	}
	domain, reason := n.judge(h)
	from, _ := im.ParseAddr(h.From) // who it says it is; the login will tell
	answer := xmlstream.Header{
		Content: stanza.NSClient, From: domain, To: bareOf(from), ID: stream.NewID(), Version: "1.0", Lang: streamLang,
	}
	if err := n.conn.Open(answer); err != nil {
		return err
	}
	n.opened = true
	if reason != nil {
		return reason
	}
	n.domain, n.from, n.lang = domain, from, langOf(h.Lang)
	return n.conn.Send(stanza.Bytes(n.features()))
}

// bareOf is how the answer names the client (RFC 6120 section 4.7.2).
func bareOf(a im.Addr) string {
	if a.IsZero() {
		return ""
	}
	return a.Bare().String()
}

// streamLang is the language of what the server says, and so of every stanza to a
// client that names none (RFC 6120 section 4.7.4).
const streamLang = "en"

// langOf is the language that stanzas of a client need to be marked with, "" when
// it has named none, or none that can be, or the one that is understood.
func langOf(tag string) string {
	const longest = 35 // RFC 5646 section 4.4.1
	for _, c := range []byte(tag) {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	if len(tag) > longest || strings.EqualFold(tag, streamLang) {
		return ""
	}
	return tag
}

// judge looks at a header (RFC 6120 sections 4.7 and 4.9.3). The domain it
// returns is what the answer comes from, also with an error.
func (n *negotiation) judge(h xmlstream.Header) (string, *stream.Error) {
	if h.Content != stanza.NSClient {
		return n.domain, stream.Errorf(xmlstream.InvalidNamespace, "the content namespace is not jabber:client")
	}
	domain := n.domain
	if h.To != "" {
		a, err := im.ParseAddr(h.To)
		if err != nil || a.Local != "" || a.Resource != "" || !n.srv.hosts(a.Domain) {
			return n.domain, stream.Errorf(stream.HostUnknown, "")
		}
		domain = a.Domain
	}
	if n.login.ok && domain != n.domain { // who has logged in stays where he is
		return n.domain, stream.Errorf(stream.HostUnknown, "")
	}
	if major, _, _ := strings.Cut(h.Version, "."); major == "" || strings.TrimLeft(major, "0") == "" {
		return domain, stream.Errorf(stream.UnsupportedVersion, "the stream is older than XMPP 1.0")
	}
	return domain, nil
}

// features is what the client can do next (RFC 6120 section 4.3.2).
func (n *negotiation) features() *xmlstream.Element {
	f := xmlstream.New(xmlstream.NSStreams, "features")
	if n.login.ok {
		return f.Add(n.srv.modules.sessionFeatures(n.conn.Info())...)
	}
	info := n.conn.Info()
	if !info.TLS && info.Kind == stream.TCP {
		tls := xmlstream.New(nsTLS, "starttls")
		if !info.Secure {
			tls.Add(xmlstream.New(nsTLS, "required"))
		}
		f.Add(tls)
	}
	if !info.Secure {
		return f
	}
	if n.auth == nil {
		n.auth = sasl.New(n.saslConfig(info))
	}
	f.Add(n.auth.Features()...)
	return f.Add(n.srv.deps.registration().Feature())
}

// element handles a first-level element before there is a session.
func (n *negotiation) element(e *xmlstream.Element) error {
	switch {
	case !n.opened:
		return stream.Errorf(xmlstream.BadFormat, "the stream has no header")
	case e.Is(nsCompress, "compress"):
		return n.conn.Send(stanza.Bytes(xmlstream.New(nsCompress, "failure").Add(xmlstream.New(nsCompress, "unsupported-method"))))
	case n.login.ok:
		return n.bindOrResume(e)
	case e.Is(nsTLS, "starttls"):
		return n.startTLS()
	case sasl.Is(e):
		return n.authenticate(e)
	case n.auth != nil && n.auth.Running(): // XEP-0388 section 2.4
		return stream.Errorf(stream.NotAuthorized, "finish the login first")
	case n.conn.Info().Secure && register.Is(e):
		return n.register(e)
	}
	return stream.Errorf(stream.NotAuthorized, "log in first") // RFC 6120 section 4.9.3.12
}

func (n *negotiation) startTLS() error {
	if info := n.conn.Info(); info.TLS || info.Kind != stream.TCP {
		return n.refuse(stanza.Bytes(xmlstream.New(nsTLS, "failure"))) // section 5.4.2.2
	}
	if err := n.conn.StartTLS(stanza.Bytes(xmlstream.New(nsTLS, "proceed"))); err != nil {
		return fmt.Errorf("xmpp: starttls: %w", err)
	}
	n.opened = false
	n.auth = nil
	return nil
}

// refuse sends the last element of a stream that cannot go on.
func (n *negotiation) refuse(data []byte) error {
	if err := n.conn.Send(data); err != nil {
		return err
	}
	return io.EOF
}

// register answers who wants to make an account (XEP-0077).
func (n *negotiation) register(e *xmlstream.Element) error {
	answer := n.srv.deps.registration().Answer(n.ctx, n.domain, n.conn.Info().Remote.Addr(), e)
	if answer == nil {
		return nil
	}
	return n.conn.Send(stanza.Bytes(answer))
}
