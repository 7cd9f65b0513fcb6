package conform

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const (
	nsSASL2 = "urn:xmpp:sasl:2"
	nsBind2 = "urn:xmpp:bind:0"
	nsFast  = "urn:xmpp:fast:0"
	agent   = "<user-agent xmlns='" + nsSASL2 + "' id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Test</software><device>A phone</device></user-agent>"
)

func (w world) sasl2(t *testing.T, name, inline string) *xmpptest.T {
	t.Helper()
	o := w.options(1, name)
	o.SASL2, o.Inline = true, inline
	c := xmpptest.Join(t, o)
	c.Answer = polite
	return c
}

// token logs in with a token of XEP-0484, as far as <success/>.
func (w world) token(t *testing.T, name, token, inline string) *xmpptest.T {
	t.Helper()
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("Initiator"))
	o := w.options(1, name)
	o.SASL2 = true
	c := xmpptest.Connect(t, o)
	c.Answer = polite
	c.Say("<authenticate xmlns='%s' mechanism='HT-SHA-256-NONE'><initial-response>%s</initial-response>%s<fast xmlns='%s'/>%s</authenticate>",
		nsSASL2, b64(name+"\x00"+string(m.Sum(nil))), agent, nsFast, inline)
	return c
}

// XEP-0388, XEP-0386, XEP-0484: whole logins.
func TestSASL2(t *testing.T) {
	w := open(t)
	t.Run("XEP-0388 section 2.1: advertised", func(t *testing.T) {
		t.Parallel()
		c := xmpptest.Connect(t, w.options(1, w.user(t, "sasl2")))
		in := c.Features.Child(nsSASL2, "authentication").Child(nsSASL2, "inline")
		if in.Child(nsBind2, "bind") == nil || in.Child("urn:xmpp:sm:3", "sm") == nil || in.Child(nsFast, "fast") == nil {
			t.Errorf("features %v", c.Features)
		}
	})
	t.Run("XEP-0388 without bind: no restart, then bind", func(t *testing.T) {
		t.Parallel()
		c := w.sasl2(t, w.user(t, "sasl2"), agent)
		if strings.Contains(c.JID, "/") || c.Features.Child("urn:ietf:params:xml:ns:xmpp-bind", "bind") == nil {
			t.Errorf("%s, features %v", c.JID, c.Features)
		}
		c.Do(c.Bind)
		c.Do(c.RoundTrip)
	})
	t.Run("XEP-0386 bind with all of it inline", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		c := w.sasl2(t, alice, agent+"<bind xmlns='"+nsBind2+"'><tag>AwesomeXMPP</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true'/><inactive xmlns='urn:xmpp:csi:0'/></bind>")
		if !strings.HasPrefix(c.JID, c.Bare()+"/AwesomeXMPP/") {
			t.Errorf("bound to %s", c.JID)
		}
		enabled := c.Success.Child(nsBind2, "bound").Child("urn:xmpp:sm:3", "enabled")
		if enabled.Attr("id") == "" || enabled.Attr("resume") != "true" {
			t.Fatalf("bound %v", c.Success)
		}
		c.SM = &xmpptest.SM{ID: enabled.Attr("id")}
		other := w.online(t, alice+"/other")
		b := w.online(t, bob)
		b.Say("<message to='%s' type='chat' id='1'><body>x</body></message>", other.JID)
		c.Want("<message>" + forwarded("received", "<message xmlns='jabber:client' id='1'/>") + "</message>")
		// XEP-0198 section 9.2: resumed inline
		c.Abort()
		b.Say("<message to='%s' type='chat' id='2'><body>x</body></message>", c.JID)
		b.Do(b.RoundTrip)
		o := w.options(1, alice)
		o.SASL2, o.Inline = true, agent+"<resume xmlns='urn:xmpp:sm:3' previd='"+c.SM.ID+"' h='1'/>"
		again := xmpptest.Connect(t, o)
		again.Do(again.Authenticate)
		if r := again.Success.Child("urn:xmpp:sm:3", "resumed"); r.Attr("previd") != c.SM.ID || again.JID != c.JID {
			t.Fatalf("%s, %v", again.JID, again.Success)
		}
		again.Want("<message id='2'/>")
	})
	t.Run("XEP-0198 resumption fails, and bind counts", func(t *testing.T) {
		t.Parallel()
		c := w.sasl2(t, w.user(t, "sasl2"), agent+"<resume xmlns='urn:xmpp:sm:3' previd='nonsense' h='1'/><bind xmlns='"+nsBind2+"'><tag>x</tag></bind>")
		if c.Success.Child("urn:xmpp:sm:3", "failed") == nil || c.Success.Child(nsBind2, "bound") == nil || !strings.Contains(c.JID, "/x/") {
			t.Errorf("%s, %v", c.JID, c.Success)
		}
		c.Do(c.RoundTrip)
	})
	t.Run("XEP-0386 the same client gets the same resource", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "sasl2")
		first := w.sasl2(t, name, agent+"<bind xmlns='"+nsBind2+"'><tag>x</tag></bind>")
		second := w.sasl2(t, name, agent+"<bind xmlns='"+nsBind2+"'><tag>x</tag></bind>")
		if first.JID != second.JID {
			t.Errorf("%s and %s", first.JID, second.JID)
		}
		first.Ends("conflict")
	})
	t.Run("XEP-0484 token, login, rotation, reuse", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "fast")
		bind := "<bind xmlns='" + nsBind2 + "'><tag>x</tag></bind>"
		ask := "<request-token xmlns='" + nsFast + "' mechanism='HT-SHA-256-NONE'/>"
		c := w.sasl2(t, name, agent+bind+ask)
		token := c.Success.Child(nsFast, "token")
		if token.Attr("token") == "" || token.Attr("expiry") == "" {
			t.Fatalf("no token: %v", c.Success)
		}
		fast := w.token(t, name, token.Attr("token"), bind+ask)
		e := fast.Want("<success xmlns='" + nsSASL2 + "'><bound xmlns='" + nsBind2 + "'/></success>")
		if got := e.ChildText(nsSASL2, "authorization-identifier"); got != c.JID {
			t.Errorf("logged in as %s in place of %s", got, c.JID)
		}
		fast.Want("<stream:features/>")
		c.Ends("conflict")
		wrong := w.token(t, name, "no such token", bind)
		wrong.Want("<failure xmlns='" + nsSASL2 + "'/>")
	})
}

// XEP-0077 on a stream without a login, and within one.
func TestXEP0077(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) { c.Auth.Registration = "enabled" }))
	anonymous := func(t *testing.T) *xmpptest.T {
		c := xmpptest.Connect(t, xmpptest.Options{Addr: w.Node(1).XMPPAddr(), Domain: domain})
		return c
	}
	register := func(name, password string) string {
		return "<query xmlns='jabber:iq:register'><username>" + name + "</username><password>" + password + "</password></query>"
	}
	c := anonymous(t)
	if c.Features.Child("http://jabber.org/features/iq-register", "register") == nil {
		t.Errorf("not advertised: %v", c.Features)
	}
	form := c.Ask("get", "", "<query xmlns='jabber:iq:register'/>").First()
	if form.Child("jabber:iq:register", "username") == nil || form.Child("jabber:iq:register", "password") == nil {
		t.Errorf("the form is %v", form)
	}
	c.AskFails("not-acceptable", "set", "", register("newcomer", "x"))
	c.Ask("set", "", register("newcomer", "the secret of newcomer"))
	c = anonymous(t)
	c.AskFails("conflict", "set", "", register("newcomer", "the secret of newcomer"))
	a := xmpptest.Join(t, xmpptest.Options{Addr: w.Node(1).XMPPAddr(), Domain: domain, User: "newcomer", Password: "the secret of newcomer"})
	if got := a.Ask("get", "", "<query xmlns='jabber:iq:register'/>").First(); got.Child("jabber:iq:register", "registered") == nil || got.ChildText("jabber:iq:register", "username") != "newcomer" {
		t.Errorf("he is registered: %v", got)
	}
}

// XEP-0077 where accounts are not made in band, which is the default (security
// row 29).
func TestSecurity29RegistrationIsOff(t *testing.T) {
	w := open(t)
	c := xmpptest.Connect(t, xmpptest.Options{Addr: w.Node(1).XMPPAddr(), Domain: domain})
	if c.Features.Child("http://jabber.org/features/iq-register", "register") != nil {
		t.Errorf("advertised: %v", c.Features)
	}
	c.Do(func(ctx ctx) error {
		_, err := c.IQ(ctx, "set", "", "<query xmlns='jabber:iq:register'><username>mallory</username><password>the secret of mallory</password></query>")
		if err == nil {
			t.Error("an account was made")
		}
		return nil
	})
}
