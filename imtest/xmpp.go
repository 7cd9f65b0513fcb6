package imtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// XMPP is a client of a conversation script that speaks XMPP. It is the bare
// client of xmpptest with the address book of the script. Its methods are for
// the test's goroutine.
type XMPP struct {
	*xmpptest.Client
	Name string // user or user/resource, as in scripts

	t        testing.TB
	password string
	features []string // what it answers to service discovery
}

// User returns the account name of the client.
func (c *XMPP) User() string {
	name, _, _ := strings.Cut(c.Name, "/")
	return name
}

// Password is the first password of a user, whom Account makes.
func Password(user string) string { return "the secret of " + user }

// Account makes a user with a password, so that he can log in by both
// protocols, or returns the one that is there.
func (c *Cell) Account(user string) im.UserID {
	c.t.Helper()
	addr := im.Addr{Local: user, Domain: Domain}
	if a, err := c.store.AccountByAddr(c.t.Context(), addr); err == nil {
		return a.ID
	}
	seal, err := auth.LoadSeal(filepath.Join(c.dir, "seal.key"))
	if err != nil {
		c.t.Fatal(err)
	}
	v, err := seal.NewVerifiers(addr, Password(user), 4096)
	if err != nil {
		c.t.Fatal(err)
	}
	u, err := c.store.CreateAccount(c.t.Context(), im.Account{Addr: addr, Created: time.Now(), Profile: im.Profile{Addr: addr}, Verifiers: v})
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

// Shown waits until every running node that has links knows that the session
// with a resource is shown to others, or is not.
func (c *Cell) Shown(u im.UserID, resource string, yes bool) {
	c.t.Helper()
	shown := func(s im.SessionInfo) bool { return s.Resource == resource && s.Presence.Show > im.ShowInvisible }
	c.Until(func() bool { return c.everywhere(u, yes, shown) }, "resource %s is shown on all nodes: want %v", resource, yes)
}

// everywhere reports whether every running node that has links knows of a session of a
// user that is as it should be, or none does.
func (c *Cell) everywhere(u im.UserID, yes bool, as func(im.SessionInfo) bool) bool {
	return !slices.ContainsFunc(c.nodes, func(at *Node) bool {
		linked := at.stop != nil && !at.proxy.isCut()
		return linked && yes != slices.ContainsFunc(at.node.Core().Known(u), as)
	})
}

// options is how a client reaches a node.
func (c *XMPP) options(n *Node, words []string) (o xmpptest.Options, err error) {
	_, resource, named := strings.Cut(c.Name, "/")
	if !named {
		resource = "main"
	}
	a := n.node.Addrs()
	o = xmpptest.Options{Addr: a.XMPP, Domain: Domain, User: c.User(), Password: c.password, Resource: resource}
	for _, w := range words {
		switch w {
		case "tls":
			o.Via, o.Addr, o.TLS = xmpptest.DirectTLS, a.XMPPS, loopbackTLS()
		case "starttls":
			o.TLS = loopbackTLS()
		case "sasl2":
			o.SASL2 = true
		case "ws":
			o.Via, o.Addr = xmpptest.WebSocket, "ws://"+a.HTTP+"/ws"
		case "bosh":
			o.Via, o.Addr = xmpptest.BOSH, "http://"+a.HTTP+"/bosh"
		}
	}
	return o, nil
}

// connect logs a client in. The words say how: "raw" leaves out what a client
// does when it has logged in, which is to ask for the roster and to show itself.
func (c *XMPP) connect(ctx context.Context, n *Node, words []string) error {
	o, err := c.options(n, words)
	if err != nil {
		return err
	}
	old := c.Client
	next, err := xmpptest.Dial(ctx, o)
	if err != nil {
		return err
	}
	c.Client = next
	c.Answer = c.answer
	if err := c.Authenticate(ctx); err != nil {
		return c.abort(err)
	}
	if slices.Contains(words, "resumes") {
		return c.Resume(ctx, old)
	}
	if !o.SASL2 {
		err = c.Bind(ctx)
	}
	if err != nil {
		return c.abort(err)
	}
	for _, w := range words {
		switch w {
		case "sm":
			err = c.Enable(ctx, true)
		case "carbons":
			_, err = c.IQ(ctx, "set", "", "<enable xmlns='"+stanza.NSCarbons+"'/>")
		}
		if err != nil {
			return err
		}
	}
	if slices.Contains(words, "raw") {
		return nil
	}
	if _, err := c.IQ(ctx, "get", "", "<query xmlns='"+stanza.NSRoster+"'/>"); err != nil {
		return err
	}
	if err := c.Client.Send("<presence/>"); err != nil {
		return err
	}
	return c.RoundTrip(ctx)
}

// drop breaks the connection, if there is one.
func (c *XMPP) drop() {
	if c.Client != nil {
		c.Abort()
	}
}

func (c *XMPP) abort(err error) error {
	c.Abort()
	c.Client = nil
	return err
}

// answer is what a client says by itself: service discovery if it has features,
// and yes to whatever the server pushes, which scripts see all the same.
func (c *XMPP) answer(q *xmlstream.Element) *xmlstream.Element {
	info := q.Child(stanza.NSInfo, "query")
	switch {
	case info != nil && c.features != nil:
		return stanza.Result(q, xmpptest.Info(info.Attr("node"), c.features...))
	case q.Attr("type") == "set":
		return stanza.Result(q, nil)
	case q.Child("urn:xmpp:ping", "ping") != nil:
		return stanza.Result(q, nil)
	}
	return nil
}

// rest is what no line of the script has asked for, presence excepted: it may
// come at any time.
func (c *XMPP) rest() (out []string) {
	for _, e := range c.Heard() {
		if e.Local != "presence" {
			out = append(out, e.String())
		}
	}
	return out
}

// refusal is the condition by which the server has refused something.
func refusal(err error) string {
	var r *xmpptest.Refused
	var u *xmpptest.Unexpected
	switch {
	case errors.As(err, &r):
		return r.Condition()
	case errors.As(err, &u) && u.Element.First() != nil:
		if c := xmpptest.ReasonOf(u.Element); c != "" {
			return c
		}
		return u.Element.First().Local // SASL (RFC 6120 section 6.5)
	}
	return fmt.Sprint(err)
}
