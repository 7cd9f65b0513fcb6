package xmpptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Unexpected says that something else came than was asked for.
type Unexpected struct{ Element *xmlstream.Element }

func (u *Unexpected) Error() string { return "xmpptest: unexpected " + u.Element.String() }

// Refused says that a request was answered with an error.
type Refused struct{ Stanza *xmlstream.Element }

func (r *Refused) Error() string { return "xmpptest: refused: " + r.Stanza.String() }

// Condition is the defined condition of the error.
func (r *Refused) Condition() string { return ReasonOf(r.Stanza) }

// ReasonOf returns the defined condition of an error stanza or stream error.
func ReasonOf(e *xmlstream.Element) string {
	if c := e.Child(xmlstream.NSClient, "error"); c != nil {
		e = c
	}
	for c := range e.Children() {
		if (c.Space == stanza.NSStanzas || c.Space == stanza.NSStreams) && c.Local != "text" {
			return c.Local
		}
	}
	return ""
}

// Send writes XML as it is, well-formed or not. Arguments, when there are any,
// are put in with fmt.
func (c *Client) Send(xml string, args ...any) error {
	if len(args) > 0 {
		xml = fmt.Sprintf(xml, args...)
	}
	c.SM.sent(xml)
	return c.wire.send(xml)
}

// Next returns the next element: stanza, nonza, features or stream error.
// Answers to what Send asked and requests of stream management are dealt with
// on the way. After the end of the stream it returns io.EOF.
func (c *Client) Next(ctx context.Context) (*xmlstream.Element, error) {
	for {
		if c.closed {
			return nil, io.EOF
		}
		ev, err := c.wire.next(ctx)
		switch {
		case err != nil:
			return nil, err
		case ev.Kind == xmlstream.Close:
			c.closed = true
			continue
		case ev.Kind == xmlstream.Open:
			return nil, &Unexpected{ev.Element}
		}
		mine, err := c.handle(ev.Element)
		if err != nil || !mine {
			return ev.Element, err
		}
	}
}

// handle does what the client does by itself with e, if anything.
func (c *Client) handle(e *xmlstream.Element) (mine bool, err error) {
	if mine, answer := c.SM.received(e); mine {
		if answer != "" {
			err = c.wire.send(answer)
		}
		return true, err
	}
	if c.Answer == nil || !isRequest(e) {
		return false, nil
	}
	a := c.Answer(e)
	if a == nil {
		return false, nil
	}
	// What the server pushes is for the test all the same.
	return e.Attr("type") == "get", c.Send(string(stanza.Bytes(a)))
}

func isRequest(e *xmlstream.Element) bool {
	return e.Is(xmlstream.NSClient, "iq") && (e.Attr("type") == "get" || e.Attr("type") == "set")
}

// Take returns the first element that fits, of those that were left and those
// that come. Others stay for later; a stream error is an error.
func (c *Client) Take(ctx context.Context, fits func(*xmlstream.Element) bool) (*xmlstream.Element, error) {
	for i, e := range c.heard {
		if fits(e) {
			c.heard = append(c.heard[:i:i], c.heard[i+1:]...)
			return e, nil
		}
	}
	for {
		e, err := c.Next(ctx)
		switch {
		case err != nil:
			return nil, err
		case fits(e):
			return e, nil
		}
		c.heard = append(c.heard, e)
		if e.Is(xmlstream.NSStreams, "error") {
			return nil, &Unexpected{e}
		}
	}
}

// Expect takes the first element that fits a pattern; see Pattern.
func (c *Client) Expect(ctx context.Context, pattern string) (*xmlstream.Element, error) {
	p, err := ParsePattern(pattern)
	if err != nil {
		return nil, err
	}
	e, err := c.Take(ctx, func(e *xmlstream.Element) bool { return p.Match(e, nil) })
	if err != nil {
		err = fmt.Errorf("xmpptest: waiting for %s: %w; what was left:%s", pattern, err, List(c.heard))
	}
	return e, err
}

// List shows elements for the report of a failure.
func List(all []*xmlstream.Element) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString("\n\t" + e.String())
	}
	return b.String()
}

// named reads the next element, which must have the name.
func (c *Client) named(ctx context.Context, space, local string) (*xmlstream.Element, error) {
	e, err := c.Next(ctx)
	if err == nil && !e.Is(space, local) {
		err = &Unexpected{e}
	}
	return e, err
}

// Heard returns and forgets what no expectation has taken.
func (c *Client) Heard() []*xmlstream.Element {
	all := c.heard
	c.heard = nil
	return all
}

// ID returns an id for a stanza that the client has not used yet.
func (c *Client) ID() string {
	c.lastID++
	return "t" + strconv.Itoa(c.lastID)
}

// IQ sends a request and returns the result. An error stanza is a *Refused.
func (c *Client) IQ(ctx context.Context, typ, to, payload string) (*xmlstream.Element, error) {
	id := c.ID()
	if to != "" {
		to = " to='" + escape(to) + "'"
	}
	if err := c.Send("<iq type='" + typ + "' id='" + id + "'" + to + ">" + payload + "</iq>"); err != nil {
		return nil, err
	}
	r, err := c.Take(ctx, func(e *xmlstream.Element) bool {
		return e.Is(xmlstream.NSClient, "iq") && e.Attr("id") == id && !isRequest(e)
	})
	if err == nil && r.Attr("type") == "error" {
		err = &Refused{r}
	}
	return r, err
}

// RoundTrip asks the server for something that it answers after everything that
// it had sent before.
func (c *Client) RoundTrip(ctx context.Context) error {
	_, err := c.IQ(ctx, "get", c.Options.Domain, "<ping xmlns='urn:xmpp:ping'/>")
	var r *Refused
	if errors.As(err, &r) {
		return nil
	}
	return err
}
