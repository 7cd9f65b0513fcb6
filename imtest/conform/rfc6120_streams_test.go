package conform

import (
	"regexp"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
)

var (
	headerPattern = regexp.MustCompile(`<stream:stream [^>]*>`)
	errorPattern  = regexp.MustCompile(`<stream:error[^>]*>\s*<([a-z-]+) xmlns=['"]urn:ietf:params:xml:ns:xmpp-streams['"]`)
	idPattern     = regexp.MustCompile(` id=['"]([^'"]*)['"]`)
)

// The rules of section 4 that show before a login: what is said, and with which
// error the stream ends. Each answer is a whole stream: header, error, end
// (sections 4.9.1.1 to 4.9.1.3).
func TestRFC6120StreamErrors(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) { c.XMPP.AllowPlain = false }))
	for _, c := range []struct{ name, say, want string }{
		{"4.3.5 stanza before login", hello + "<message to='a@b.example'><body>x</body></message>", "not-authorized"},
		{"4.7.2 malformed to", header("to='@@' version='1.0'"), "host-unknown"},
		{"4.7.2 address of a user", header("to='alice@example.org' version='1.0'"), "host-unknown"},
		{"4.8.1 no namespace of streams", "<stream xmlns='jabber:client' to='example.org' version='1.0'>", "invalid-namespace"},
		{"4.8.1 wrong namespace of streams", "<s:stream xmlns='jabber:client' xmlns:s='urn:example' to='example.org' version='1.0'>", "invalid-namespace"},
		{"4.8.2 unknown content namespace", "<stream:stream xmlns='urn:example' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>", "invalid-namespace"},
		{"4.8.2 content namespace of servers", "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>", "invalid-namespace"},
		{"4.9.3.1 root is no stream", "<message xmlns='jabber:client'/>", "bad-format|invalid-namespace"},
		{"4.9.3.1 text on the top level", hello + "text", "bad-format"},
		{"4.9.3.6 host unknown", header("to='unknown.example' version='1.0'"), "host-unknown"},
		{"4.9.3.10 invalid namespace", header("to='example.org' version='1.0'") + "<x:y xmlns:x='urn:example'/>", "not-authorized"},
		{"4.9.3.12 iq before login", hello + "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "not-authorized"},
		{"4.9.3.12 presence before login", hello + "<presence/>", "not-authorized"},
		{"4.9.3.13 unclosed quote", hello + "<a b='<'/>", "not-well-formed"},
		{"4.9.3.13 mismatched tag", hello + "<a></b>", "not-well-formed"},
		{"4.9.3.22 bytes that are no UTF-8", hello + "<a>\xff</a>", "unsupported-encoding"},
		{"4.9.3.13 undeclared prefix", hello + "<a:b/>", "not-well-formed"},
		{"4.9.3.13 attribute twice", hello + "<a b='1' b='2'/>", "not-well-formed"},
		{"4.9.3.14 too large before login", hello + "<a b='" + strings.Repeat("x", 20000) + "'/>", "policy-violation"},
		{"4.9.3.18 comment", hello + "<!-- x -->", "restricted-xml"},
		{"4.9.3.18 processing instruction", hello + "<?x y?>", "restricted-xml"},
		{"4.9.3.18 document type", "<?xml version='1.0'?><!DOCTYPE x>" + hello, "restricted-xml"},
		{"4.9.3.18 entity", hello + "<a>&x;</a>", "restricted-xml"},
		{"4.9.3.22 encoding", "<?xml version='1.0' encoding='ISO-8859-1'?>" + strings.TrimPrefix(hello, "<?xml version='1.0'?>"), "unsupported-encoding"},
		{"4.9.3.25 no version", header("to='example.org'"), "unsupported-version"},
		{"4.9.3.25 version 0.9", header("to='example.org' version='0.9'"), "unsupported-version"},
		{"11.4 CDATA is no error", hello + "<a><![CDATA[x]]></a>", "not-authorized"},
		{"11.6 UTF-16", "\xfe\xff\x00<\x00s", "not-well-formed|unsupported-encoding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(c.say)
			got := r.rest()
			h, e := headerPattern.FindStringIndex(got), errorPattern.FindStringSubmatchIndex(got)
			switch {
			case h == nil || e == nil || h[0] > e[0]:
				t.Fatalf("no header with an error behind it:\n%s", got)
			case !regexp.MustCompile("^(" + c.want + ")$").MatchString(got[e[2]:e[3]]):
				t.Errorf("condition %s; want %s", got[e[2]:e[3]], c.want)
			case !strings.HasSuffix(got, "</stream:stream>"):
				t.Errorf("no end of the stream (4.9.1.1):\n%s", got)
			case strings.Count(got, "<stream:stream") != 1:
				t.Errorf("more than one header:\n%s", got)
			}
		})
	}
}

// Section 4.7: the attributes of the answer.
func TestRFC6120StreamHeader(t *testing.T) {
	w := open(t)
	for _, c := range []struct {
		name, attrs string
		want, not   []string
	}{
		{"4.7.1 from is the domain", "to='example.org' version='1.0'", []string{"from='example.org'"}, []string{" to="}},
		{"4.7.1 to is prepared", "to='EXAMPLE.org' version='1.0'", []string{"from='example.org'"}, nil},
		{"4.7.2 to is the client's from", "from='alice@example.org' to='example.org' version='1.0'", []string{"to='alice@example.org'"}, nil},
		{"4.7.2 to is bare", "from='Alice@example.org/desk' to='example.org' version='1.0'", []string{"to='alice@example.org'"}, []string{"desk"}},
		{"4.7.2 malformed from is not repeated", "from='@&lt;@' to='example.org' version='1.0'", nil, []string{" to="}},
		{"4.7.2 no to: the first domain", "version='1.0'", []string{"from='example.org'"}, nil},
		{"4.7.3 id", "to='example.org' version='1.0'", []string{" id='"}, nil},
		{"4.7.4 language", "to='example.org' version='1.0' xml:lang='de'", []string{" xml:lang='"}, nil},
		{"4.7.5 version", "to='example.org' version='1.0'", []string{"version='1.0'"}, nil},
		{"4.7.5 higher minor version", "to='example.org' version='1.7'", []string{"version='1.0'"}, nil},
		{"4.7.5 higher major version", "to='example.org' version='11.0'", []string{"version='1.0'"}, nil},
		{"4.7.5 leading zeros", "to='example.org' version='01.00'", []string{"version='1.0'"}, nil},
		{"4.8.2 namespaces", "to='example.org' version='1.0'", []string{"xmlns='jabber:client'", "xmlns:stream='http://etherx.jabber.org/streams'"}, nil},
		{"4.7 unknown attribute is ignored", "to='example.org' version='1.0' foo='bar'", []string{"version='1.0'"}, []string{"foo"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(header(c.attrs))
			got := strings.ReplaceAll(headerPattern.FindString(r.until("</stream:features>")), `"`, "'")
			for _, a := range c.want {
				if !strings.Contains(got, a) {
					t.Errorf("no %s in %s", a, got)
				}
			}
			for _, a := range c.not {
				if strings.Contains(got, a) {
					t.Errorf("%s in %s", a, got)
				}
			}
		})
	}
	t.Run("4.7.3 ids are unique", func(t *testing.T) {
		seen := map[string]bool{}
		for range 20 {
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(hello)
			m := idPattern.FindStringSubmatch(headerPattern.FindString(r.until("</stream:features>")))
			if m == nil || len(m[1]) < 16 || seen[m[1]] {
				t.Fatalf("id %q", m)
			}
			seen[m[1]] = true
		}
	})
	t.Run("4.8.3 another prefix", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say("<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client' to='example.org' version='1.0'>")
		r.until("</stream:features>")
	})
	t.Run("4.3.3 a restart has another id and no end", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		first := headerPattern.FindString(r.until("</stream:features>"))
		name := w.user(t, "restart")
		r.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain("", name, imtest.Password(name)) + "</auth>")
		r.until("<success [^>]*(/>|</success>)")
		r.say(hello)
		got := r.until("</stream:features>")
		second := headerPattern.FindString(got)
		if strings.Contains(got, "</stream:stream>") || second == "" || idPattern.FindString(first) == idPattern.FindString(second) {
			t.Errorf("the restart answers\n%s\nafter\n%s", got, first)
		}
		if !strings.Contains(got, "urn:ietf:params:xml:ns:xmpp-bind") || strings.Contains(got, "mechanisms") {
			t.Errorf("features after the login: %s", got)
		}
	})
	t.Run("4.4 closing", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		r.until("</stream:features>")
		r.say("</stream:stream>")
		if got := r.rest(); got != "</stream:stream>" {
			t.Errorf("the end is answered with %q", got)
		}
	})
	t.Run("4.4 closing in one go", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello + "</stream:stream>")
		if got := r.rest(); !strings.HasSuffix(got, "</stream:stream>") || strings.Contains(got, "stream:error") {
			t.Errorf("the end is answered with %q", got)
		}
	})
	t.Run("4.6.1 white space between elements", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(" \n" + strings.TrimPrefix(hello, "<?xml version='1.0'?>") + " \n\t ")
		r.until("</stream:features>")
		r.say("\n \n</stream:stream>")
		if got := r.rest(); got != "</stream:stream>" {
			t.Errorf("the end is answered with %q", got)
		}
	})
}

// Section 4 within a session.
func TestRFC6120SessionErrors(t *testing.T) {
	w := open(t)
	for _, c := range []struct{ name, say, want string }{
		{"4.9.3.1 text on the top level", "text", "bad-format"},
		{"4.9.3.24 features from the client", "<stream:features/>", "unsupported-stanza-type"},
		{"4.9.3.9 from of somebody else", "<message from='juliet@example.org' to='example.org'/>", "invalid-from"},
		{"4.9.3.9 malformed from", "<presence from='@'/>", "invalid-from"},
		{"4.9.3.9 from of a server", "<iq from='example.org' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "invalid-from"},
		{"4.9.3.9 from of another resource", "<iq from='$bare/other' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "invalid-from"},
		{"4.9.3.13 not well-formed", "<message><body></message>", "not-well-formed"},
		{"4.9.3.14 too large", "<message><body>" + strings.Repeat("x", 300<<10) + "</body></message>", "policy-violation"},
		{"4.9.3.14 too deep", strings.Repeat("<a>", 70000), "policy-violation"},
		{"4.9.3.18 comment", "<!-- -->", "restricted-xml"},
		{"4.9.3.18 comment in a stanza", "<message><!-- --></message>", "restricted-xml"},
		{"4.9.3.24 unknown element", "<pubsub xmlns='jabber:client'/>", "unsupported-stanza-type"},
		{"4.9.3.24 unknown namespace", "<x xmlns='urn:example'/>", "unsupported-stanza-type"},
		{"4.9.3.24 stanza of servers", "<message xmlns='jabber:server'/>", "unsupported-stanza-type|invalid-namespace"},
		{"6.3.2 another login", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>", "unsupported-stanza-type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := w.user(t, "err")
			a := w.bound(t, name)
			a.Say("%s", strings.ReplaceAll(c.say, "$bare", a.Bare()))
			endsAny(t, a, c.want)
		})
	}
	t.Run("4.4 what was said before the end is done", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.bound(t, alice), w.online(t, bob)
		a.Say("<message to='%s' type='chat' id='last'><body>last words</body></message></stream:stream>", b.Bare())
		b.Want("<message id='last'><body>last words</body></message>")
		a.Ends("")
	})
	t.Run("4.6.1 white space keeps alive", func(t *testing.T) {
		t.Parallel()
		a := w.bound(t, w.user(t, "space"))
		a.Say(" ")
		a.Say("\n")
		a.Do(a.RoundTrip)
	})
	t.Run("4.9.3.3 conflict", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "conflict")
		first := w.bound(t, name+"/same")
		second := w.bound(t, name+"/same")
		first.Ends("conflict")
		if second.JID != first.JID {
			t.Errorf("%s replaced %s", second.JID, first.JID)
		}
		second.Do(second.RoundTrip)
	})
}
