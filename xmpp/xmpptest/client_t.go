package xmpptest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Patience is how long T waits for something that must happen.
const Patience = time.Minute

// T is a Client whose failures fail a test. Use Client's own methods, through
// the field, for what may fail.
type T struct {
	*Client
	t    testing.TB
	Vars map[string]string // what the names of patterns stand for
}

// Join logs a client in that ends with the test.
func Join(t testing.TB, o Options) *T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	c, err := Login(ctx, o)
	if err != nil {
		t.Fatalf("login of %s: %v", o.User, err)
	}
	return Wrap(t, c)
}

// Connect opens a stream without logging in.
func Connect(t testing.TB, o Options) *T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	c, err := Dial(ctx, o)
	if err != nil {
		t.Fatalf("connect to %s: %v", o.Addr, err)
	}
	return Wrap(t, c)
}

// Wrap makes a T of a Client, which ends with the test.
func Wrap(t testing.TB, c *Client) *T {
	t.Cleanup(c.Abort)
	return &T{Client: c, t: t, Vars: make(map[string]string)}
}

// Do calls f with a context that ends when patience does; an error is fatal.
func (c *T) Do(f func(ctx context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	defer cancel()
	if err := f(ctx); err != nil {
		c.t.Fatalf("%s: %v", c.name(), err)
	}
}

func (c *T) name() string {
	if c.JID != "" {
		return c.JID
	}
	return c.Options.User
}

// Say sends XML.
func (c *T) Say(xml string, args ...any) {
	c.t.Helper()
	c.Do(func(context.Context) error { return c.Client.Send(xml, args...) })
}

// Want takes the first element that fits a pattern; see Pattern.
func (c *T) Want(pattern string) (e *xmlstream.Element) {
	c.t.Helper()
	p, err := ParsePattern(pattern)
	if err != nil {
		c.t.Fatalf("pattern %s: %v", pattern, err)
	}
	c.Do(func(ctx context.Context) error {
		e, err = c.Take(ctx, func(e *xmlstream.Element) bool { return p.Match(e, c.Vars) })
		if err != nil {
			c.t.Logf("%s waits for %s; what was left:%s", c.name(), pattern, List(c.heard))
		}
		return err
	})
	return e
}

// Ask sends a request and returns the result stanza; an error is fatal.
func (c *T) Ask(typ, to, payload string) (r *xmlstream.Element) {
	c.t.Helper()
	c.Do(func(ctx context.Context) (err error) {
		r, err = c.IQ(ctx, typ, to, payload)
		return err
	})
	return r
}

// AskFails sends a request that must be refused with a condition, and returns
// the error stanza.
func (c *T) AskFails(condition, typ, to, payload string) (r *xmlstream.Element) {
	c.t.Helper()
	c.Do(func(ctx context.Context) error {
		got, err := c.IQ(ctx, typ, to, payload)
		var refused *Refused
		switch {
		case err == nil:
			c.t.Fatalf("%s: %s was answered with %v; want %s", c.name(), payload, got, condition)
		case !errors.As(err, &refused):
			return err
		case refused.Condition() != condition:
			c.t.Fatalf("%s: %s was refused with %v; want %s", c.name(), payload, got, condition)
		}
		r = got
		return nil
	})
	return r
}

// Quiet makes a round trip and wants nothing to be left of what has come.
func (c *T) Quiet() {
	c.t.Helper()
	c.Do(c.RoundTrip)
	if rest := c.Heard(); len(rest) > 0 {
		c.t.Fatalf("%s: nobody has asked for%s", c.name(), List(rest))
	}
}

// Ends wants the server to end the stream with a stream error, or without one
// when condition is empty.
func (c *T) Ends(condition string) {
	c.t.Helper()
	c.Do(func(ctx context.Context) error {
		var last *xmlstream.Element
		for {
			e, err := c.Next(ctx)
			if err == nil {
				last = e
				continue
			}
			got := ""
			if last.Is(xmlstream.NSStreams, "error") {
				got = ReasonOf(last)
			}
			if got != condition {
				c.t.Fatalf("%s: the stream ended with %q (%v, %v); want %q", c.name(), got, last, err, condition)
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() == nil {
				return nil
			}
			return err
		}
	})
}
