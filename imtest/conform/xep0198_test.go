package conform

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// dialed logs in without binding.
func (w world) dialed(t *testing.T, node int, name string) *xmpptest.T {
	t.Helper()
	c := xmpptest.Connect(t, w.options(node, name))
	c.Answer = polite
	c.Do(c.Authenticate)
	return c
}

// managed is online with stream management.
func (w world) managed(t *testing.T, name string, resume bool) *xmpptest.T {
	t.Helper()
	c := w.bound(t, name)
	c.Do(func(ctx ctx) error { return c.Enable(ctx, resume) })
	w.show(t, c)
	return c
}

// refusedResume wants a resumption to fail with a condition, and the client to
// be able to bind then.
func refusedResume(t *testing.T, c, old *xmpptest.T, condition string) {
	t.Helper()
	c.Do(func(ctx ctx) error {
		err := c.Resume(ctx, old.Client)
		var u *xmpptest.Unexpected
		if !errors.As(err, &u) || !u.Element.Is("urn:xmpp:sm:3", "failed") || u.Element.First().Local != condition {
			t.Errorf("resuming gives %v; want %s", err, condition)
		}
		return nil
	})
	c.Do(c.Bind)
}

func TestXEP0198(t *testing.T) {
	w := open(t, imtest.Nodes(2), imtest.Configure(func(c *node.Config) {
		c.XMPP.Session.MaxUnacked = 20
		c.XMPP.Session.ResumeWindow = config.Duration(100 * time.Second)
	}))
	t.Run("3 enable before binding", func(t *testing.T) {
		t.Parallel()
		c := w.dialed(t, 1, w.user(t, "sm"))
		if c.Features.Child("urn:xmpp:sm:3", "sm") == nil {
			t.Errorf("not advertised: %v", c.Features)
		}
		c.Say("<enable xmlns='urn:xmpp:sm:3'/>")
		c.Want("<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
		c.Do(c.Bind)
	})
	t.Run("3 enable, and again", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "sm"))
		c.Say("<enable xmlns='urn:xmpp:sm:3' resume='1'/>")
		c.Want("<enabled xmlns='urn:xmpp:sm:3' resume='true' id='$id' max='100'/>")
		c.Say("<enable xmlns='urn:xmpp:sm:3' resume='1'/>")
		c.Want("<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
		c.Do(c.RoundTrip)
	})
	t.Run("3 without resumption", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "sm"))
		c.Say("<enable xmlns='urn:xmpp:sm:3'/>")
		c.Want("<enabled xmlns='urn:xmpp:sm:3' resume='!' id='!'/>")
	})
	t.Run("4 h counts stanzas since enable, of all kinds, and no more", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "sm"))
		c.Do(c.RoundTrip) // before: not counted
		c.Say("<enable xmlns='urn:xmpp:sm:3'/>")
		c.Want("<enabled xmlns='urn:xmpp:sm:3'/>")
		c.Say("<r xmlns='urn:xmpp:sm:3'/>")
		c.Want("<a xmlns='urn:xmpp:sm:3' h='0'/>")
		c.Say("<presence/> <message to='%s' type='chat'><body>x</body></message><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq><r xmlns='urn:xmpp:sm:3'/>", c.Bare())
		c.Want("<a xmlns='urn:xmpp:sm:3' h='3'/>")
		c.Say("<inactive xmlns='urn:xmpp:csi:0'/><message to='a@elsewhere.example'><body/></message><r xmlns='urn:xmpp:sm:3'/>")
		c.Want("<a xmlns='urn:xmpp:sm:3' h='4'/>")
	})
	t.Run("4 the server asks for what it has sent", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "sm"))
		c.Say("<enable xmlns='urn:xmpp:sm:3'/>")
		c.Want("<enabled xmlns='urn:xmpp:sm:3'/>")
		c.Say("<presence/>")
		c.Want("<r xmlns='urn:xmpp:sm:3'/>")
		c.Say("<message to='%s' type='chat'><body>x</body></message>", c.Bare()) // it is not asked about: an answer is awaited
		c.Want("<message/>")
		c.Say("<a xmlns='urn:xmpp:sm:3' h='1'/>")
		c.Want("<r xmlns='urn:xmpp:sm:3'/>")
	})
	for name, h := range map[string]string{"too high": "7", "far too high": "4294967295"} {
		t.Run("4 h "+name, func(t *testing.T) {
			t.Parallel()
			c := w.bound(t, w.user(t, "sm"))
			c.Say("<enable xmlns='urn:xmpp:sm:3'/>")
			c.Want("<enabled xmlns='urn:xmpp:sm:3'/>")
			c.Say("<a xmlns='urn:xmpp:sm:3' h='%s'/>", h)
			c.Want("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high xmlns='urn:xmpp:sm:3' h='" + h + "' send-count='0'/></stream:error>")
		})
	}
	t.Run("4 h that is no number", func(t *testing.T) {
		t.Parallel()
		c := w.managed(t, w.user(t, "sm"), false)
		c.Say("<a xmlns='urn:xmpp:sm:3' h='-1'/>")
		c.Ends("bad-format")
	})
	t.Run("5 what was not acknowledged comes again, in order", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.bound(t, alice), w.managed(t, bob, true)
		b.SM.Silent = true
		for i := range 3 {
			a.Say("<message to='%s' type='chat' id='live%d'><body>x</body></message>", b.Bare(), i)
			b.Want(fmt.Sprintf("<message id='live%d'/>", i))
		}
		b.SM.In -= 2 // as if two had been lost on the way
		b.Abort()
		for i := range 3 {
			a.Say("<message to='%s' type='chat' id='away%d'><body>x</body></message>", b.Bare(), i)
		}
		a.Do(a.RoundTrip)
		c := w.dialed(t, 1, bob)
		c.Do(func(ctx ctx) error { return c.Resume(ctx, b.Client) })
		for _, id := range []string{"live1", "live2", "away0", "away1", "away2"} {
			if e := c.Want("<message/>"); e.Attr("id") != id {
				t.Fatalf("%v came in place of %s", e, id)
			}
		}
		a.Say("<message to='%s' type='chat' id='end'><body>x</body></message>", b.JID)
		if e := c.Want("<message/>"); e.Attr("id") != "end" {
			t.Errorf("%v came twice", e)
		}
		c.Say("<message to='%s' type='chat' id='back'><body>x</body></message>", a.JID)
		if e := a.Want("<message id='back'/>"); e.Attr("from") != b.JID {
			t.Errorf("%v came", e)
		}
	})
	t.Run("5 while the old connection is alive", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.managed(t, bob, true)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		c := w.dialed(t, 1, bob)
		c.Do(func(ctx ctx) error { return c.Resume(ctx, b.Client) })
		b.Ends("conflict")
		a.Say("<message to='%s' type='chat' id='1'><body>x</body></message>", b.JID)
		c.Want("<message id='1'/>")
		a.Quiet() // nobody saw him leave
	})
	t.Run("5 what the client lost", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.managed(t, alice, true), w.online(t, bob)
		a.Say("<message to='%s' type='chat' id='1'><body>x</body></message>", b.Bare())
		b.Want("<message id='1'/>")
		a.Abort() // it never heard the <a/>
		c := w.dialed(t, 1, alice)
		c.Do(func(ctx ctx) error { return c.Resume(ctx, a.Client) }) // sends again what h leaves out
		c.Do(c.RoundTrip)
		b.Quiet()
	})
	t.Run("5 unknown previd", func(t *testing.T) {
		t.Parallel()
		b := w.managed(t, w.user(t, "sm"), true)
		c := w.dialed(t, 1, b.Options.User)
		other := *b
		other.Client = &xmpptest.Client{Options: b.Options, JID: b.JID, SM: &xmpptest.SM{ID: "guess", In: b.SM.In}}
		refusedResume(t, c, &other, "item-not-found")
	})
	t.Run("security 27: previd of another user", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		b := w.managed(t, bob, true)
		c := w.dialed(t, 1, alice)
		refusedResume(t, c, b, "item-not-found")
		b.Do(b.RoundTrip) // and he notices nothing
	})
	t.Run("security 27: resumed at most once", func(t *testing.T) {
		t.Parallel()
		b := w.managed(t, w.user(t, "sm"), true)
		b.Do(b.Close) // ended for good
		c := w.dialed(t, 1, b.Options.User)
		refusedResume(t, c, b, "item-not-found")
	})
	t.Run("security 27: h beyond what was sent", func(t *testing.T) {
		t.Parallel()
		b := w.managed(t, w.user(t, "sm"), true)
		b.Abort()
		c := w.dialed(t, 1, b.Options.User)
		c.Say("<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%d'/>", b.SM.ID, b.SM.In+5)
		c.Ends("undefined-condition")
	})
	t.Run("security 27: what is not acknowledged is bounded", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.bound(t, alice), w.managed(t, bob, true)
		b.SM.Silent = true
		for i := range 25 {
			a.Say("<message to='%s' type='headline' id='%d'><body>x</body></message>", b.JID, i)
		}
		b.Ends("policy-violation")
		a.Do(a.RoundTrip)
	})
	t.Run("5 resume without h, after binding", func(t *testing.T) {
		t.Parallel()
		b := w.managed(t, w.user(t, "sm"), true)
		c := w.dialed(t, 1, b.Options.User)
		c.Say("<resume xmlns='urn:xmpp:sm:3' previd='%s'/>", b.SM.ID)
		c.Want("<failed xmlns='urn:xmpp:sm:3'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
		c.Options.Resource = "other"
		c.Do(c.Bind)
		c.Say("<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%d'/>", b.SM.ID, b.SM.In)
		c.Want("<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
	})
	t.Run("5 on another node it fails cleanly, and nothing is lost", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.managed(t, alice, false), w.managed(t, bob, true)
		b.Abort()
		a.Say("<message to='%s' type='chat' id='1'><body>away</body></message>", b.Bare())
		a.Do(a.Sync) // it is committed
		c := w.dialed(t, 2, bob)
		refusedResume(t, c, b, "item-not-found")
		c.Ask("set", "", "<query xmlns='urn:xmpp:mam:2' queryid='q'/>")
		c.Want("<message><result xmlns='urn:xmpp:mam:2' queryid='q'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' id='1'/></forwarded></result></message>")
	})
	t.Run("XEP-0160 on another node without the archive", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.managed(t, alice, false), w.managed(t, bob, true)
		b.Abort()
		a.Say("<message to='%s' type='chat' id='1'><body>away</body></message>", b.Bare())
		a.Do(a.Sync) // it is committed
		c := w.dialed(t, 2, bob)
		refusedResume(t, c, b, "item-not-found")
		c.Say("<presence/>")
		c.Want("<message id='1'><body>away</body></message>")
	})
	t.Run("5 ended stream is not kept", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.managed(t, bob, true)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Do(b.Close)
		a.Want("<presence from='" + b.JID + "' type='unavailable'/>")
	})
}

// XEP-0199 and XEP-0198: a client that says nothing is asked, and is gone when
// it does not answer.
func TestXEP0199SilentClient(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) { c.XMPP.Session.Ping = config.Duration(time.Second) }))
	t.Run("asked", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "silent"))
		c.Answer = nil
		c.Want("<iq type='get' from='" + domain + "' to='" + c.JID + "'><ping xmlns='urn:xmpp:ping'/></iq>")
		c.Ends("connection-timeout")
	})
	t.Run("asked by stream management", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "silent"))
		c.Do(func(ctx context.Context) error { return c.Enable(ctx, false) })
		c.SM.Silent = true
		c.Ends("connection-timeout")
	})
	t.Run("4.4 a client pings", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "ping"))
		c.Ask("get", "", "<ping xmlns='urn:xmpp:ping'/>")
		c.Ask("get", c.Bare(), "<ping xmlns='urn:xmpp:ping'/>")
		c.Ask("get", domain, "<ping xmlns='urn:xmpp:ping'/>")
	})
}
