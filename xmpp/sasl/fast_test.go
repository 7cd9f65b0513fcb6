package sasl

import (
	"crypto/hmac"
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const agent = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Testing</software><device>A phone</device></user-agent>"

// htMessage is what a client with a token says (draft-schmaus-kitten-sasl-ht).
func htMessage(name, token string, binding []byte) string {
	return name + "\x00" + mac(token, "Initiator", binding)
}

func mac(token, who string, binding []byte) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write(append([]byte(who), binding...))
	return string(m.Sum(nil))
}

// obtain logs in by password, as the engine does it, and returns the token.
func (w *world) obtain(t *testing.T, mechanism string) (token string, dev im.Device) {
	t.Helper()
	with := agent + "<bind xmlns='urn:xmpp:bind:0'><tag>Testing</tag></bind><request-token xmlns='urn:xmpp:fast:0' mechanism='" + mechanism + "'/>"
	o := say(t, New(w.config()), true, "SCRAM-SHA-256-PLUS", client(t, "SCRAM-SHA-256-PLUS", "juliet", password, "", &exporter), with)
	if o.Login == nil || o.Login.TokenFor != mechanism {
		t.Fatalf("%+v", o)
	}
	dev, _, err := w.Enroll(t.Context(), o.Login.Account, o.Login.Enrol(remote))
	if err != nil {
		t.Fatal(err)
	}
	token, expires, err := w.FastToken(t.Context(), w.user, dev.ID, o.Login.TokenFor)
	if err != nil {
		t.Fatal(err)
	}
	want := xmlstream.New(NSFast, "token").SetAttr("expiry", "2027-03-31T12:00:00Z").SetAttr("token", token)
	if e := Token(token, expires); !e.Equal(want) {
		t.Errorf("%s", e)
	}
	return token, dev
}

func fastLogin(mechanism, message, fast, more string) string {
	return "<authenticate S2 mechanism='" + mechanism + "'><initial-response>" + b64(message) + "</initial-response>" + agent +
		"<fast xmlns='urn:xmpp:fast:0'" + fast + "/>" + more + "</authenticate>"
}

// XEP-0484 section 3, whole exchanges.
func TestFast(t *testing.T) {
	const mechanism = "HT-SHA-256-EXPR"
	w := newWorld(t)
	token, dev := w.obtain(t, mechanism)
	good := htMessage("juliet", token, channel.Exporter)
	for _, c := range []struct {
		what string
		in   string
		want Condition
		for_ string
	}{
		{"3.4 login", fastLogin(mechanism, good, " count='1'", ""), "", ""},
		{"3.4 by address", fastLogin(mechanism, htMessage("juliet@example.org", token, channel.Exporter), "", ""), "", ""},
		{"3.4 another mechanism", fastLogin("HT-SHA-256-NONE", htMessage("juliet", token, nil), "", ""), NotAuthorized, ""},
		{"wrong channel", fastLogin(mechanism, htMessage("juliet", token, wrong.Data), "", ""), NotAuthorized, ""},
		{"wrong token", fastLogin(mechanism, htMessage("juliet", token+"x", channel.Exporter), "", ""), NotAuthorized, ""},
		{"unknown user", fastLogin(mechanism, htMessage("romeo", token, channel.Exporter), "", ""), NotAuthorized, ""},
		{"no MAC", fastLogin(mechanism, "juliet", "", ""), MalformedRequest, ""},
		{"the count is no number", fastLogin(mechanism, good, " count='many'", ""), MalformedRequest, ""},
		{"invalidate is no boolean", fastLogin(mechanism, good, " invalidate='perhaps'", ""), MalformedRequest, ""},
		{"a mechanism that is not offered", fastLogin("HT-SHA-512-EXPR", good, "", ""), InvalidMechanism, ""},
	} {
		o := New(w.config()).Step(t.Context(), parse(t, c.in))
		if condition(o.Reply) != c.want || (o.Login != nil) != (c.want == "") {
			t.Errorf("%s: %s", c.what, o.Reply)
			continue
		}
		if c.want != "" {
			continue
		}
		if o.Login.Device.ID != dev.ID || !o.Login.Fast || o.Login.TokenFor != c.for_ || o.Login.Device.ClientName != "Testing" || o.Login.Device.Name != "A phone" {
			t.Errorf("%s: %+v", c.what, o.Login)
		}
		full := juliet
		full.Resource = o.Login.Device.Resource
		e := o.Login.Success(full, nil, xmlstream.New(NSBind2, "bound"))
		if got := data(t, e.Child(NS2, "additional-data")); got != mac(token, "Responder", channel.Exporter) {
			t.Errorf("%s: the server's proof is wrong", c.what)
		}
		if e.ChildText(NS2, "authorization-identifier") != full.String() || e.Child(NSBind2, "bound") == nil {
			t.Errorf("%s: %s", c.what, e)
		}
	}
}

// XEP-0484 sections 3.2, 3.5 and 3.6.
func TestFastTokenChanges(t *testing.T) {
	const mechanism = "HT-SHA-256-NONE"
	w := newWorld(t)
	token, dev := w.obtain(t, mechanism)
	use := func(token, fast, more string) Outcome {
		return New(w.config()).Step(t.Context(), parse(t, fastLogin(mechanism, htMessage("juliet", token, nil), fast, more)))
	}
	const ask = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
	o := use(token, "", ask)
	if o.Login == nil || o.Login.TokenFor != mechanism {
		t.Fatalf("asked for a token: %+v", o)
	}
	next, _, err := w.FastToken(t.Context(), w.user, dev.ID, mechanism)
	if err != nil || next == token {
		t.Fatalf("the token did not change: %v", err)
	}
	if o := use(next, " invalidate='true'", ""); o.Login == nil || o.Login.TokenFor != "" {
		t.Errorf("invalidated: %+v", o)
	}
	if o := use(next, "", ""); condition(o.Reply) != NotAuthorized {
		t.Errorf("after that: %s", o.Reply)
	}
}

// Who comes to resume must not fence the session he comes for (XEP-0198 section
// 5); who binds fences the one before (XEP-0386 section 3.2).
func TestFastEpoch(t *testing.T) {
	w := newWorld(t)
	token, dev := w.obtain(t, "HT-SHA-256-NONE")
	const bind, resume = "<bind xmlns='urn:xmpp:bind:0'/>", "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"
	for _, c := range []struct {
		what, more string
		raised     uint64
	}{
		{"resumes", resume, 0},
		{"resumes or binds", resume + bind, 0},
		{"says later", "", 0},
		{"binds", bind, 1},
	} {
		o := New(w.config()).Step(t.Context(), parse(t, fastLogin("HT-SHA-256-NONE", htMessage("juliet", token, nil), "", c.more)))
		if o.Login == nil || o.Login.Device.Epoch != dev.Epoch+c.raised || o.Login.Later != (c.raised == 0) {
			t.Errorf("%s: %+v", c.what, o.Login)
		}
	}
}

// XEP-0484 section 4.2: what is not trusted any more has expired.
func TestFastExpired(t *testing.T) {
	w := newWorld(t)
	token, _ := w.obtain(t, "HT-SHA-256-NONE")
	w.store.edit(w.user, func(a *im.Account) { a.RevokedAt = noon.Add(time.Second) })
	o := New(w.config()).Step(t.Context(), parse(t, fastLogin("HT-SHA-256-NONE", htMessage("juliet", token, nil), "", "")))
	if condition(o.Reply) != CredentialsExpired {
		t.Errorf("%s", o.Reply)
	}
}

// A token that cannot be had is no reason to refuse the login.
func TestNoTokenToBeHad(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what, mechanism string
		edit            func(*Config)
	}{
		{"tokens are off", "HT-SHA-256-NONE", func(c *Config) { c.Fast = false }},
		{"no such mechanism", "HT-SHA3-512-UNIQ", func(*Config) {}},
		{"not on this channel", "HT-SHA-256-EXPR", func(c *Config) { c.Binding.Exporter = nil }},
	} {
		cfg := w.config()
		c.edit(&cfg)
		with := agent + "<request-token xmlns='urn:xmpp:fast:0' mechanism='" + c.mechanism + "'/>"
		o := say(t, New(cfg), true, "SCRAM-SHA-1", client(t, "SCRAM-SHA-1", "juliet", password, "", nil), with)
		if o.Login == nil || o.Login.TokenFor != "" {
			t.Errorf("%s: %+v", c.what, o)
		}
	}
}

// XEP-0386 section 3.2, XEP-0198, XEP-0280, XEP-0352.
func TestRequest(t *testing.T) {
	const bind = "<bind xmlns='urn:xmpp:bind:0'>"
	for _, c := range []struct {
		what, in string
		want     *Request // nil: malformed
	}{
		{"nothing", "", &Request{}},
		{"user agent", agent, &Request{UserAgent: UserAgent{"d4565fa7-4d72-4749-b3d3-740edbf87770", "Testing", "A phone"}}},
		{"bind", bind + "</bind>", &Request{Bind: &Bind{}}},
		{"tag", bind + "<tag> Testing </tag></bind>", &Request{Bind: &Bind{Tag: "Testing"}}},
		{"features", bind + "<enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3'/><inactive xmlns='urn:xmpp:csi:0'/></bind>", &Request{Bind: &Bind{Carbons: true, Enable: &Enable{}, Inactive: true}}},
		{"active", bind + "<active xmlns='urn:xmpp:csi:0'/></bind>", &Request{Bind: &Bind{}}},
		{"unknown features", bind + "<enable xmlns='urn:example:x'/></bind>", &Request{Bind: &Bind{}}},
		{"resumable", bind + "<enable xmlns='urn:xmpp:sm:3' resume='1' max='300'/></bind>", &Request{Bind: &Bind{Enable: &Enable{true, 300}}}},
		{"resume is no boolean", bind + "<enable xmlns='urn:xmpp:sm:3' resume='yes'/></bind>", nil},
		{"max is no number", bind + "<enable xmlns='urn:xmpp:sm:3' max='-1'/></bind>", nil},
		{"resume", "<resume xmlns='urn:xmpp:sm:3' previd='abc' h='4294967295'/>", &Request{Resume: &Resume{"abc", 4294967295}}},
		{"resume without previd", "<resume xmlns='urn:xmpp:sm:3' h='1'/>", nil},
		{"resume without h", "<resume xmlns='urn:xmpp:sm:3' previd='abc'/>", nil},
		{"h too large", "<resume xmlns='urn:xmpp:sm:3' previd='abc' h='4294967296'/>", nil},
		{"token", "<request-token xmlns='urn:xmpp:fast:0' mechanism='X'/>", &Request{RequestToken: "X"}},
		{"fast", "<fast xmlns='urn:xmpp:fast:0' count='7' invalidate='1'/>", &Request{Fast: true, Invalidate: true}},
		{"negative count", "<fast xmlns='urn:xmpp:fast:0' count='-7'/>", nil},
	} {
		r, err := parseRequest(parse(t, "<authenticate S2 mechanism='PLAIN'>"+c.in+"</authenticate>"))
		if (err == nil) != (c.want != nil) || err == nil && !same(r, c.want) {
			t.Errorf("%s: %+v, %v", c.what, r, err)
		}
	}
	long := strings.Repeat("ü", 1000)
	r, err := parseRequest(parse(t, "<authenticate S2><user-agent id='"+long+"'><software>"+long+"</software></user-agent></authenticate>"))
	if err != nil || len(r.UserAgent.ID) != userAgentMax || len(r.UserAgent.Software) != userAgentMax {
		t.Errorf("a long user agent: %v", err)
	}
}

func same(a, b *Request) bool {
	eq := func(x, y *Bind) bool {
		return (x == nil) == (y == nil) && (x == nil || x.Tag == y.Tag && x.Carbons == y.Carbons && x.Inactive == y.Inactive &&
			(x.Enable == nil) == (y.Enable == nil) && (x.Enable == nil || *x.Enable == *y.Enable))
	}
	return a.UserAgent == b.UserAgent && eq(a.Bind, b.Bind) && (a.Resume == nil) == (b.Resume == nil) && (a.Resume == nil || *a.Resume == *b.Resume) &&
		a.RequestToken == b.RequestToken && a.Fast == b.Fast && a.Invalidate == b.Invalidate
}

// XEP-0386 section 3.2.1.
func TestResource(t *testing.T) {
	const id = "d4565fa7-4d72-4749-b3d3-740edbf87770"
	romeo := im.Addr{Local: "romeo", Domain: "example.org"}
	one := Resource(juliet, "Testing", id)
	if !regexp.MustCompile(`^Testing/[a-z2-7]{16}$`).MatchString(one) || strings.Contains(one, id[:8]) {
		t.Errorf("%q", one)
	}
	if again := Resource(im.Addr{Local: "juliet", Domain: "example.org", Resource: "x"}, "Testing", id); again != one {
		t.Errorf("%q, then %q", one, again)
	}
	for what, other := range map[string]string{
		"another client":     Resource(juliet, "Testing", "another"),
		"another account":    Resource(romeo, "Testing", id),
		"no id":              Resource(juliet, "Testing", ""),
		"no id, once more":   Resource(juliet, "Testing", ""),
		"no tag":             Resource(juliet, "", id),
		"a tag it cannot be": Resource(juliet, "a\x00b", id),
	} {
		if other == one || !regexp.MustCompile(`^(Testing/)?[a-z2-7]{16}$`).MatchString(other) {
			t.Errorf("%s: %q", what, other)
		}
	}
	made := Resource(juliet, "Testing", "")
	if again := Resource(juliet, "Testing", ""); again == made {
		t.Error("without an id the resource is not random")
	}
	long := Resource(juliet, strings.Repeat("ü", 600), id)
	if p, err := im.PrepareResource(long); err != nil || p != long {
		t.Errorf("a long tag: %q, %v", long, err)
	}
}
