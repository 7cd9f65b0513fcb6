package xmpptest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Via is a transport.
type Via int

// The transports.
const (
	TCP       Via = iota // STARTTLS when Options.TLS is set
	DirectTLS            // XEP-0368
	WebSocket            // RFC 7395; Addr is a URL
	BOSH                 // XEP-0206; Addr is a URL
)

// Options says where a client goes and who it is.
type Options struct {
	Via       Via
	Addr      string // host:port, or a URL
	Domain    string
	User      string
	Password  string
	Resource  string // empty: the server chooses
	Mechanism string // empty: the best that the server offers
	SASL2     bool   // XEP-0388 with XEP-0386 in place of SASL and bind
	Inline    string // XML within <authenticate/>, such as another <bind/>
	TLS       *tls.Config
	// SCRAM gives a client that remembers derived keys, for many logins.
	SCRAM func(mechanism string) *scram.Client
}

// Client is one stream. One goroutine at a time uses it.
type Client struct {
	Options  Options
	Header   *xmlstream.Element // the server's last stream header
	Features *xmlstream.Element // the last stream features
	JID      string             // full, after Bind
	SM       *SM                // nil until Enable or Resume
	Success  *xmlstream.Element // what ended the login well
	// Answer, when set, gives the answers to requests from the server; nil leaves
	// one to the test, which gets every request of type set in any case.
	Answer func(iq *xmlstream.Element) *xmlstream.Element

	wire   wire
	heard  []*xmlstream.Element // what no expectation has taken
	lastID int
	closed bool
}

// wire is a transport. next returns events as xmlstream has them.
type wire interface {
	start(domain string) error
	next(ctx context.Context) (xmlstream.Event, error)
	send(xml string) error
	end() error
	abort()
	state() *tls.ConnectionState // nil without TLS
}

// Login dials, authenticates and binds.
func Login(ctx context.Context, o Options) (*Client, error) {
	c, err := Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := c.Authenticate(ctx); err != nil {
		c.Abort()
		return nil, err
	}
	if o.SASL2 {
		return c, nil
	}
	if err := c.Bind(ctx); err != nil {
		c.Abort()
		return nil, err
	}
	return c, nil
}

// Dial connects, opens a stream and, on TCP with Options.TLS, secures it.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c := &Client{Options: o}
	var err error
	switch o.Via {
	case WebSocket:
		c.wire, err = dialWebSocket(ctx, o)
	case BOSH:
		c.wire, err = dialBOSH(o)
	default:
		c.wire, err = dialTCP(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if err = c.Restart(ctx); err == nil && o.Via == TCP && o.TLS != nil {
		err = c.starttls(ctx)
	}
	if err != nil {
		c.Abort()
		return nil, err
	}
	return c, nil
}

// Restart opens a new stream on the connection and waits for the features.
func (c *Client) Restart(ctx context.Context) error {
	if err := c.wire.start(c.Options.Domain); err != nil {
		return err
	}
	ev, err := c.wire.next(ctx)
	if err != nil {
		return err
	}
	if ev.Kind != xmlstream.Open {
		return fmt.Errorf("xmpptest: %v came in place of a stream header", ev.Element)
	}
	c.Header = ev.Element
	return c.features(ctx)
}

func (c *Client) features(ctx context.Context) error {
	e, err := c.Next(ctx)
	if err != nil {
		return err
	}
	if !e.Is(xmlstream.NSStreams, "features") {
		return &Unexpected{e}
	}
	c.Features = e
	return nil
}

const nsTLS = "urn:ietf:params:xml:ns:xmpp-tls"

func (c *Client) starttls(ctx context.Context) error {
	if c.Features.Child(nsTLS, "starttls") == nil {
		return errors.New("xmpptest: the server offers no STARTTLS")
	}
	if err := c.Send("<starttls xmlns='" + nsTLS + "'/>"); err != nil {
		return err
	}
	if _, err := c.named(ctx, nsTLS, "proceed"); err != nil {
		return err
	}
	if err := c.wire.(*tcp).secure(ctx, c.Options.TLS); err != nil {
		return err
	}
	return c.Restart(ctx)
}

const nsBind = "urn:ietf:params:xml:ns:xmpp-bind"

// Bind asks for Options.Resource.
func (c *Client) Bind(ctx context.Context) error {
	payload := "<bind xmlns='" + nsBind + "'/>"
	if c.Options.Resource != "" {
		payload = "<bind xmlns='" + nsBind + "'><resource>" + escape(c.Options.Resource) + "</resource></bind>"
	}
	r, err := c.IQ(ctx, "set", "", payload)
	if err != nil {
		return err
	}
	if c.JID = r.Child(nsBind, "bind").ChildText(nsBind, "jid"); c.JID == "" {
		return &Unexpected{r}
	}
	return nil
}

// Bare is the client's address without the resource.
func (c *Client) Bare() string { return escape(c.Options.User) + "@" + c.Options.Domain }

// State is the TLS connection, nil without TLS.
func (c *Client) State() *tls.ConnectionState { return c.wire.state() }

// Close ends the stream and waits for the server to end its side; what comes
// before that is kept for Heard.
func (c *Client) Close(ctx context.Context) error {
	if err := c.wire.end(); err != nil {
		return err
	}
	for {
		e, err := c.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			c.Abort()
			return nil
		case err != nil:
			c.Abort()
			return err
		}
		c.heard = append(c.heard, e)
	}
}

// Abort breaks the connection, as a network does.
func (c *Client) Abort() { c.wire.abort() }

func escape(s string) string { return string(xmlstream.AppendText(nil, s)) }

// Detach hands the connection of a TCP stream over, for load generators that
// cannot afford the client. It must have nothing unread that matters.
func (c *Client) Detach() net.Conn { return c.wire.(*tcp).conn }
