package conform

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

// secure goes on under TLS.
func (r *raw) secure() {
	r.t.Helper()
	c := tls.Client(r.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	r.Conn = c
}

// Section 5: STARTTLS where it is mandatory.
func TestRFC6120StartTLS(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) { c.XMPP.AllowPlain = false }))
	begin := func(t *testing.T) (r *raw, got string) {
		r = dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		return r, r.until("</stream:features>")
	}
	t.Run("5.3.1 mandatory and alone, 5.3.4 before SASL", func(t *testing.T) {
		t.Parallel()
		_, got := begin(t)
		if !strings.Contains(got, "<required/>") || strings.Contains(got, "mechanism") || strings.Contains(got, "authentication") {
			t.Errorf("features %s", got)
		}
	})
	t.Run("5.4.2.1 login first", func(t *testing.T) {
		t.Parallel()
		r, _ := begin(t)
		r.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain("", "a", "b") + "</auth>")
		r.until("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/>")
	})
	t.Run("5.4.3.3 bytes behind the request", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "inject")
		r, _ := begin(t)
		r.say(starttls + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain("", name, imtest.Password(name)) + "</auth>")
		if got := r.rest(); strings.Contains(got, "success") || strings.Contains(got, "proceed") {
			t.Errorf("what was said outside of TLS counted: %s", got)
		}
	})
	t.Run("5.4.3.3 features again, another stream", func(t *testing.T) {
		t.Parallel()
		r, first := begin(t)
		r.say(starttls)
		if got := r.until(">"); !strings.HasPrefix(got, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'") {
			t.Fatalf("the answer is %s", got)
		}
		r.secure()
		r.say(hello)
		got := r.until("</stream:features>")
		if strings.Contains(got, "starttls") || !strings.Contains(got, "SCRAM-SHA-1") {
			t.Errorf("features under TLS: %s", got)
		}
		if idPattern.FindString(headerPattern.FindString(got)) == idPattern.FindString(headerPattern.FindString(first)) {
			t.Error("both streams have one id")
		}
		r.say(starttls)
		if got := r.rest(); !strings.HasPrefix(got, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") || !strings.HasSuffix(got, "</stream:stream>") {
			t.Errorf("TLS within TLS is answered with %s (5.4.2.2)", got)
		}
	})
	t.Run("5.4.3.2 failed handshake", func(t *testing.T) {
		t.Parallel()
		r, _ := begin(t)
		r.say(starttls)
		r.until("<proceed [^>]*>")
		r.say("this is no TLS at all")
		r.rest()
	})
	t.Run("5.4.3.2 old version of TLS", func(t *testing.T) {
		t.Parallel()
		r, _ := begin(t)
		r.say(starttls)
		r.until("<proceed [^>]*>")
		if tls.Client(r.Conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}).Handshake() == nil {
			t.Error("TLS 1.1 is spoken")
		}
	})
	t.Run("whole login", func(t *testing.T) {
		t.Parallel()
		c := w.online(t, w.user(t, "tls"), "starttls")
		c.Quiet()
	})
}

const nsSASL = "urn:ietf:params:xml:ns:xmpp-sasl"

func auth(mechanism, data string) string {
	return "<auth xmlns='" + nsSASL + "' mechanism='" + mechanism + "'>" + data + "</auth>"
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Sections 6.4 and 6.5: how a try fails. After each the same stream takes a
// better one (section 6.4.5).
func TestRFC6120SASLFailures(t *testing.T) {
	w := open(t)
	name, other := w.pair(t)
	secret := imtest.Password(name)
	for _, c := range []struct{ name, say, want string }{
		{"6.5.1 abort", auth("SCRAM-SHA-1", b64("n,,n="+name+",r=abcdefghijklmnop")) + "<abort xmlns='" + nsSASL + "'/>", "aborted"},
		{"6.5.1 abort of nothing", "<abort xmlns='" + nsSASL + "'/>", "aborted"},
		{"6.5.5 no base64", auth("PLAIN", "!!!"), "incorrect-encoding"},
		{"6.5.5 base64 without padding", auth("PLAIN", "AGE"), "incorrect-encoding"},
		{"6.5.5 white space", auth("PLAIN", " "+plain("", name, secret)+"\n"), "incorrect-encoding"},
		{"6.5.5 response", auth("SCRAM-SHA-1", b64("n,,n="+name+",r=abcdefghijklmnop")) + "<response xmlns='" + nsSASL + "'>!</response>", "incorrect-encoding"},
		{"6.5.6 authzid of another user", auth("PLAIN", plain(other+"@"+domain, name, secret)), "invalid-authzid"},
		{"6.5.6 authzid of another domain", auth("PLAIN", plain(name+"@other.example", name, secret)), "invalid-authzid"},
		{"6.5.6 authzid of SCRAM", auth("SCRAM-SHA-1", b64("n,a="+other+"@"+domain+",n="+name+",r=abcdefghijklmnop")), "invalid-authzid"},
		{"6.5.7 unknown mechanism", auth("X-UNKNOWN", "="), "invalid-mechanism"},
		{"6.5.9 weak mechanism", auth("DIGEST-MD5", "="), "mechanism-too-weak"},
		{"6.5.7 no mechanism", "<auth xmlns='" + nsSASL + "'/>", "invalid-mechanism"},
		{"6.5.7 not offered", auth("ANONYMOUS", "="), "invalid-mechanism"},
		{"6.5.7 EXTERNAL without a certificate", auth("EXTERNAL", "="), "invalid-mechanism"},
		{"6.5.7 binding without TLS", auth("SCRAM-SHA-1-PLUS", b64("p=tls-exporter,,n="+name+",r=abcdefghijklmnop")), "invalid-mechanism|mechanism-too-weak"},
		{"6.5.8 PLAIN without parts", auth("PLAIN", b64("alice")), "malformed-request"},
		{"6.5.8 PLAIN with too many parts", auth("PLAIN", b64("\x00a\x00b\x00c")), "malformed-request"},
		{"6.5.8 empty data", auth("PLAIN", "="), "malformed-request"},
		{"6.5.8 SCRAM without nonce", auth("SCRAM-SHA-256", b64("n,,n="+name)), "malformed-request"},
		{"6.5.8 elements in the data", auth("PLAIN", "<x/>"), "malformed-request"},
		{"6.5.8 response to nothing", "<response xmlns='" + nsSASL + "'/>", "malformed-request"},
		{"6.5.8 unknown element", "<challenge xmlns='" + nsSASL + "'/>", "malformed-request"},
		{"6.5.10 wrong password", auth("PLAIN", plain("", name, "not the secret")), "not-authorized"},
		{"6.5.10 unknown user", auth("PLAIN", plain("", "nobody", "not the secret")), "not-authorized"},
		{"6.5.10 malformed name", auth("PLAIN", plain("", "a@b", "not the secret")), "not-authorized|malformed-request"},
		{"6.5.10 wrong proof", auth("SCRAM-SHA-1", b64("n,,n="+name+",r=abcdefghijklmnop")) + "<response xmlns='" + nsSASL + "'>" + b64("c=biws,r=abc,p=AAAA") + "</response>", "not-authorized|malformed-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(hello)
			r.until("</stream:features>")
			r.say(c.say)
			got := r.until("</failure>")
			m := regexp.MustCompile(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><([a-z-]+)/>`).FindStringSubmatch(got)
			if m == nil || !regexp.MustCompile("^("+c.want+")$").MatchString(m[1]) {
				t.Fatalf("the answer is %s; want %s", got, c.want)
			}
			r.say(auth("PLAIN", plain("", name, secret)))
			r.until("<success ")
		})
	}
}

// Section 6: the course of a login that succeeds, and of one that does not end.
func TestRFC6120SASL(t *testing.T) {
	w := open(t)
	name := w.user(t, "sasl")
	secret := imtest.Password(name)
	start := func(t *testing.T) (*raw, string) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		return r, r.until("</stream:features>")
	}
	t.Run("6.3.3 mechanisms, strongest first", func(t *testing.T) {
		_, got := start(t)
		var list []string
		for _, m := range regexp.MustCompile(`<mechanism>([^<]*)`).FindAllStringSubmatch(got[strings.Index(got, "<mechanisms"):strings.Index(got, "</mechanisms>")], -1) {
			list = append(list, m[1])
		}
		all := strings.Join(list, " ")
		if !strings.HasSuffix(all, " PLAIN") || !strings.Contains(all, "SCRAM-SHA-256 ") || !strings.Contains(all, "SCRAM-SHA-1 ") {
			t.Errorf("mechanisms %s", all)
		}
		if strings.Contains(all, "PLUS") || strings.Contains(all, "EXTERNAL") || strings.Contains(all, "ANONYMOUS") {
			t.Errorf("mechanisms %s", all)
		}
	})
	t.Run("6.4.2 without initial response", func(t *testing.T) {
		r, _ := start(t)
		r.say("<auth xmlns='" + nsSASL + "' mechanism='PLAIN'/>")
		r.until("<challenge xmlns='" + nsSASL + "'(/>|></challenge>)")
		r.say("<response xmlns='" + nsSASL + "'>" + plain("", name, secret) + "</response>")
		r.until("<success ")
	})
	t.Run("6.3.8 authzid is the own address", func(t *testing.T) {
		r, _ := start(t)
		r.say(auth("PLAIN", plain(name+"@"+domain, name, secret)))
		r.until("<success ")
	})
	t.Run("6.3.2 every mechanism", func(t *testing.T) {
		for _, m := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"} {
			o := w.options(1, name)
			o.Mechanism = m
			c := xmpptest.Join(t, o)
			c.Do(c.RoundTrip)
		}
		for _, m := range []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"} {
			o := w.options(1, name, "tls")
			o.Mechanism = m
			c := xmpptest.Join(t, o)
			c.Do(c.RoundTrip)
		}
	})
	t.Run("6.4.5 too many failures", func(t *testing.T) {
		r, _ := start(t)
		n, got := 0, ""
		for ; n < 10; n++ {
			if strings.Contains(r.text, "stream:error") {
				break
			}
			r.say(auth("PLAIN", plain("", name, "wrong wrong")))
			if got = r.until("</failure>|</stream:stream>"); strings.Contains(got, "stream:error") {
				break
			}
		}
		got += r.rest()
		if n < 2 || n > 6 || !strings.Contains(got, "policy-violation") {
			t.Errorf("after %d failures: %s", n, got)
		}
	})
	t.Run("6.4.6 a stanza in place of a new stream", func(t *testing.T) {
		r, _ := start(t)
		r.say(auth("PLAIN", plain("", name, secret)))
		r.until("<success [^>]*>")
		r.say("<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
		if got := r.rest(); !errorPattern.MatchString(got) || strings.Contains(got, "type='result'") {
			t.Errorf("the answer is %s", got)
		}
	})
	t.Run("6.3.1 nothing but SASL", func(t *testing.T) {
		r, _ := start(t)
		r.say(auth("SCRAM-SHA-1", b64("n,,n="+name+",r=abcdefghijklmnop")))
		r.until("</challenge>")
		r.say("<presence/>")
		if got := r.rest(); !strings.Contains(got, "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") {
			t.Errorf("the answer is %s", got)
		}
	})
}

// Section 7: binding.
func TestRFC6120Bind(t *testing.T) {
	w := open(t)
	const bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
	login := func(t *testing.T) *xmpptest.T {
		c := xmpptest.Connect(t, w.options(1, w.user(t, "bind")))
		c.Do(c.Authenticate)
		return c
	}
	resource := func(r string) string {
		return "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + r + "</resource></bind>"
	}
	t.Run("7.4 advertised", func(t *testing.T) {
		t.Parallel()
		if c := login(t); c.Features.Child("urn:ietf:params:xml:ns:xmpp-bind", "bind") == nil {
			t.Errorf("features %v", c.Features)
		}
	})
	t.Run("7.6.1 made by the server, each another", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "gen")
		seen := map[string]bool{}
		for range 3 {
			o := w.options(1, name)
			o.Resource = ""
			c := xmpptest.Join(t, o)
			bare, r, _ := strings.Cut(c.JID, "/")
			if bare != c.Bare() || len(r) < 8 || seen[r] {
				t.Errorf("bound to %s", c.JID)
			}
			seen[r] = true
		}
	})
	t.Run("7.6.1 empty resource", func(t *testing.T) {
		t.Parallel()
		c := login(t)
		c.Ask("set", "", resource(""))
	})
	t.Run("7.7.1 wished for", func(t *testing.T) {
		t.Parallel()
		c := login(t)
		r := c.Ask("set", "", resource("balcony"))
		if got := r.Child("urn:ietf:params:xml:ns:xmpp-bind", "bind").ChildText("urn:ietf:params:xml:ns:xmpp-bind", "jid"); got != c.Bare()+"/balcony" {
			t.Errorf("bound to %s", got)
		}
		c.AskFails("not-allowed", "set", "", bind) // one per stream
		c.Do(c.RoundTrip)
	})
	for name, r := range map[string]string{"characters": "a&#x200B;\u0001b", "private": "\ue000\uffff", "length": strings.Repeat("x", 1024)} {
		t.Run("7.7.2.1 bad request, "+name, func(t *testing.T) {
			t.Parallel()
			r = strings.Map(func(c rune) rune {
				if c < ' ' || c == '\uffff' {
					return -1
				}
				return c
			}, r)
			if name == "characters" {
				r = "a\u2028\u0085" // separators are not of the freeform class
			}
			c := login(t)
			c.AskFails("bad-request", "set", "", resource(r))
			c.Ask("set", "", resource("fine")) // and can try again
		})
	}
	for name, say := range map[string]string{
		"message":  "<message to='example.org'><body>x</body></message>",
		"presence": "<presence/>",
		"iq":       "<iq type='get' id='1' to='alice@example.org'><query xmlns='jabber:iq:version'/></iq>",
		"roster":   "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
	} {
		t.Run("7.1 "+name+" before binding", func(t *testing.T) {
			t.Parallel()
			c := login(t)
			c.Say("%s", say)
			c.Ends("not-authorized")
		})
	}
	t.Run("7.3.1 session of RFC 3921", func(t *testing.T) {
		t.Parallel()
		c := w.bound(t, w.user(t, "session"))
		c.Ask("set", "", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")
		c.Ask("set", domain, "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")
	})
	t.Run("7.5 wrong kind of request", func(t *testing.T) {
		t.Parallel()
		c := login(t)
		err := error(nil)
		c.Do(func(ctx context.Context) error {
			_, err = c.IQ(ctx, "get", "", bind)
			return nil
		})
		var refused *xmpptest.Refused
		var ended *xmpptest.Unexpected
		if !errors.As(err, &refused) && !errors.As(err, &ended) {
			t.Errorf("a get binds: %v", err)
		}
	})
}
