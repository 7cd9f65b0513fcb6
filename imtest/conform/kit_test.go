package conform

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const domain = imtest.Domain

type (
	ctx     = context.Context
	element = *xmlstream.Element
)

// world is a cell that the subtests of one test share. Users are never shared.
type world struct{ *imtest.Cell }

// open starts a cell in which who has gone is gone at once.
func open(t *testing.T, opts ...imtest.Option) world {
	t.Helper()
	quick := imtest.Configure(func(c *node.Config) { c.ACS.Grace = config.Duration(10 * time.Millisecond) })
	return world{imtest.New(t, append([]imtest.Option{quick}, opts...)...)}
}

var users atomic.Int64

// user returns the name of a new user.
func (w world) user(t *testing.T, like string) string {
	t.Helper()
	name := fmt.Sprintf("%s%d", like, users.Add(1))
	w.Account(name)
	return name
}

// pair returns the names of two new users.
func (w world) pair(t *testing.T) (alice, bob string) {
	t.Helper()
	return w.user(t, "alice"), w.user(t, "bob")
}

// keys remembers derived keys, which cost more than all else of a login.
var keys sync.Map

func (w world) options(node int, name string, words ...string) xmpptest.Options {
	o := w.Node(node).XMPP(name, words...)
	o.SCRAM = func(mechanism string) *scram.Client {
		key := mechanism + " " + o.User
		if c, ok := keys.Load(key); ok {
			return c.(*scram.Client)
		}
		c, err := xmpptest.NewSCRAM(mechanism, o.User, o.Password)
		if err != nil {
			panic(err)
		}
		keys.Store(key, c)
		return c
	}
	return o
}

// bound logs in a client that has not shown itself: "alice", "alice/desk".
func (w world) bound(t *testing.T, name string, words ...string) *xmpptest.T {
	t.Helper()
	c := xmpptest.Join(t, w.options(1, name, words...))
	c.Answer = polite
	return c
}

// online logs in a client that has asked for its roster and is available.
func (w world) online(t *testing.T, name string, words ...string) *xmpptest.T {
	t.Helper()
	return w.onlineAt(t, 1, name, words...)
}

func (w world) onlineAt(t *testing.T, node int, name string, words ...string) *xmpptest.T {
	t.Helper()
	c := xmpptest.Join(t, w.options(node, name, words...))
	c.Answer = polite
	w.show(t, c)
	return c
}

// show makes a client interested and available, and waits until it has heard
// of itself and the cell knows it.
func (w world) show(t *testing.T, c *xmpptest.T) {
	t.Helper()
	c.Ask("get", "", "<query xmlns='jabber:iq:roster'/>")
	c.Say("<presence/>")
	c.Want("<presence from='" + c.JID + "' type='!'/>")
	w.known(t, c, true)
}

func (w world) known(t *testing.T, c *xmpptest.T, yes bool) {
	t.Helper()
	_, resource, _ := strings.Cut(c.JID, "/")
	w.Shown(w.Account(c.Options.User), resource, yes)
}

// friends makes two users see each other, neither being online.
func (w world) friends(t *testing.T, a, b string) {
	t.Helper()
	x, y := w.bound(t, a+"/befriend"), w.bound(t, b+"/befriend")
	for _, c := range []*xmpptest.T{x, y} {
		c.Ask("get", "", "<query xmlns='jabber:iq:roster'/>")
	}
	x.Say("<presence type='subscribed' to='%s'/><presence type='subscribe' to='%[1]s'/>", y.Bare())
	x.Do(x.RoundTrip)
	y.Say("<presence type='subscribed' to='%s'/><presence type='subscribe' to='%[1]s'/>", x.Bare())
	for _, c := range []*xmpptest.T{x, y} {
		c.Want("<iq type='set'><query xmlns='jabber:iq:roster'><item subscription='both' ask='!'/></query></iq>")
	}
	x.Do(x.Close)
	y.Do(y.Close)
}

// polite says yes to whatever the server pushes, and answers pings.
func polite(q *xmlstream.Element) *xmlstream.Element {
	if q.Attr("type") == "set" || q.Child("urn:xmpp:ping", "ping") != nil {
		return stanza.Result(q, nil)
	}
	return nil
}

// stanzaError is the pattern of an error.
func stanzaError(kind, id, typ, condition string) string {
	return "<" + kind + " type='error' id='" + id + "'><error type='" + typ + "'><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></" + kind + ">"
}

// raw is a connection on which anything can be said.
type raw struct {
	t testing.TB
	net.Conn
	text string // what has come and was not taken
}

func dial(t testing.TB, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &raw{t: t, Conn: c}
}

func (r *raw) say(text string) {
	r.t.Helper()
	_ = r.SetWriteDeadline(time.Now().Add(imtest.Patience))
	if _, err := io.WriteString(r.Conn, text); err != nil {
		r.t.Logf("write: %v", err) // the answer tells more
	}
}

// until reads up to something, and returns what was read with it.
func (r *raw) until(pattern string) string {
	r.t.Helper()
	re := regexp.MustCompile(pattern)
	var b [4096]byte
	for {
		if loc := re.FindStringIndex(r.text); loc != nil {
			out := r.text[:loc[1]]
			r.text = r.text[loc[1]:]
			return out
		}
		_ = r.SetReadDeadline(time.Now().Add(imtest.Patience))
		n, err := r.Read(b[:])
		r.text += string(b[:n])
		if n == 0 && err != nil {
			r.t.Fatalf("%v came in place of %s; there was\n%s", err, pattern, r.text)
		}
	}
}

// rest reads until the server has closed the connection.
func (r *raw) rest() string {
	r.t.Helper()
	_ = r.SetReadDeadline(time.Now().Add(imtest.Patience))
	all, err := io.ReadAll(r.Conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		r.t.Errorf("the server left the connection open: %v", err)
	}
	out := r.text + string(all)
	r.text = ""
	return out
}

// header opens a stream.
func header(attrs string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " + attrs + ">"
}

var hello = header("to='" + domain + "' version='1.0'")

// plain is the message of SASL PLAIN.
func plain(authzid, user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + user + "\x00" + password))
}

// endsAny wants the stream to end with one of conditions divided by strokes.
func endsAny(t *testing.T, c *xmpptest.T, conditions string) {
	t.Helper()
	if !strings.Contains(conditions, "|") {
		c.Ends(conditions)
		return
	}
	c.Do(func(ctx context.Context) error {
		var last *xmlstream.Element
		for {
			e, err := c.Next(ctx)
			if err != nil {
				break
			}
			last = e
		}
		if got := xmpptest.ReasonOf(last); !slices.Contains(strings.Split(conditions, "|"), got) {
			t.Fatalf("the stream ended with %v; want %s", last, conditions)
		}
		return nil
	})
}

func resultOf(q, payload element) element { return stanza.Result(q, payload) }

func decode(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
