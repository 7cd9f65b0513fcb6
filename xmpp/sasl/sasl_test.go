package sasl

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// parse reads an element; S and S2 stand for the declarations of the profiles.
func parse(t testing.TB, s string) *xmlstream.Element {
	t.Helper()
	s = strings.NewReplacer(" S2", " xmlns='"+NS2+"'", " S1", " xmlns='"+NS+"'").Replace(s)
	e, err := stanza.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e
}

// condition is that of a failure, "" for anything else.
func condition(e *xmlstream.Element) Condition {
	if !e.Is(NS, "failure") && !e.Is(NS2, "failure") {
		return ""
	}
	if c := e.First(); c != nil && c.Space == NS {
		return Condition(c.Local)
	}
	return "none"
}

func data(t testing.TB, e *xmlstream.Element) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(e.Text())
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	return string(b)
}

// RFC 6120 section 6.3, XEP-0388 section 2.1, XEP-0386 section 3.1, XEP-0484
// section 3.1, XEP-0440.
func TestFeatures(t *testing.T) {
	const all = "<mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism>" +
		"<mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism>"
	const unbound = "<mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism>"
	w := newWorld(t)
	for _, c := range []struct {
		what string
		edit func(*Config)
		want []string
	}{
		{"TLS 1.3", func(*Config) {}, []string{
			"<mechanisms S1>" + all + "</mechanisms>",
			"<authentication S2>" + all + "<inline><sm xmlns='urn:xmpp:sm:3'/><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:csi:0'/><feature var='urn:xmpp:sm:3'/></inline></bind>" +
				"<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism><mechanism>HT-SHA-256-ENDP</mechanism><mechanism>HT-SHA-256-NONE</mechanism></fast></inline></authentication>",
			"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/><channel-binding type='tls-server-end-point'/></sasl-channel-binding>",
		}},
		{"no exporter", func(c *Config) { c.Binding.Exporter, c.Fast, c.Resume, c.Bind = nil, false, false, nil }, []string{
			"<mechanisms S1>" + all + "</mechanisms>", "<authentication S2>" + all + "</authentication>",
			"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-server-end-point'/></sasl-channel-binding>",
		}},
		{"TLS ends at a proxy", func(c *Config) { c.Binding, c.Fast, c.Resume, c.Bind = im.ChannelBinding{}, false, false, nil }, []string{
			"<mechanisms S1>" + unbound + "</mechanisms>", "<authentication S2>" + unbound + "</authentication>",
		}},
		{"in the clear (RFC 6120 section 5.3.4)", func(c *Config) { c.Secure = false }, nil},
	} {
		cfg := w.config()
		c.edit(&cfg)
		got := New(cfg).Features()
		if len(got) != len(c.want) {
			t.Errorf("%s: %d features", c.what, len(got))
			continue
		}
		for i, e := range got {
			if !e.Equal(parse(t, c.want[i])) {
				t.Errorf("%s: %s", c.what, e)
			}
		}
	}
}

// client is the other side of SCRAM.
func client(t testing.TB, mechanism, user, pass, authzid string, cb *scram.ChannelBinding) *scram.ClientConversation {
	t.Helper()
	hash := scram.SHA256
	if strings.HasPrefix(mechanism, "SCRAM-SHA-1") {
		hash = scram.SHA1
	}
	c, err := hash.NewClient(user, pass, authzid)
	if err != nil {
		t.Fatal(err)
	}
	if cb != nil {
		return c.NewConversationWithChannelBinding(*cb)
	}
	return c.NewConversation()
}

var (
	exporter  = scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: channel.Exporter}
	serverEnd = scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: channel.ServerEnd}
	wrong     = scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: []byte("of somebody in between")}
)

// say runs a SCRAM login of a profile and returns what it came to.
func say(t testing.TB, n *Negotiation, two bool, mechanism string, c *scram.ClientConversation, with string) Outcome {
	t.Helper()
	first, err := c.Step("")
	if err != nil {
		t.Fatal(err)
	}
	begin, respond := "<auth S1 mechanism='"+mechanism+"'>"+b64(first)+"</auth>", "<response S1>"
	if two {
		begin = "<authenticate S2 mechanism='" + mechanism + "'><initial-response>" + b64(first) + "</initial-response>" + with + "</authenticate>"
		respond = "<response S2>"
	}
	o := n.Step(t.Context(), parse(t, begin))
	if o.Login != nil || condition(o.Reply) != "" {
		return o
	}
	final, err := c.Step(data(t, o.Reply))
	if err != nil {
		t.Fatal(err)
	}
	return n.Step(t.Context(), parse(t, respond+b64(final)+"</response>"))
}

func TestSCRAM(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what      string
		mechanism string
		user      string
		password  string
		authzid   string
		cb        *scram.ChannelBinding
		want      Condition
	}{
		{"SHA-1", "SCRAM-SHA-1", "juliet", password, "", nil, ""},
		{"SHA-256", "SCRAM-SHA-256", "juliet", password, "", nil, ""},
		{"SHA-1-PLUS, exporter", "SCRAM-SHA-1-PLUS", "juliet", password, "", &exporter, ""},
		{"SHA-256-PLUS, exporter", "SCRAM-SHA-256-PLUS", "juliet", password, "", &exporter, ""},
		{"SHA-256-PLUS, certificate", "SCRAM-SHA-256-PLUS", "juliet", password, "", &serverEnd, ""},
		{"name as address", "SCRAM-SHA-256", "juliet@example.org", password, "", nil, ""},
		{"own authzid (6.3.8)", "SCRAM-SHA-256", "juliet", password, "juliet@example.org", nil, ""},
		{"wrong password (6.5.10)", "SCRAM-SHA-256", "juliet", "wherefore", "", nil, NotAuthorized},
		{"unknown user, the same", "SCRAM-SHA-256", "romeo", password, "", nil, NotAuthorized},
		{"other channel", "SCRAM-SHA-256-PLUS", "juliet", password, "", &wrong, NotAuthorized},
		{"binding without PLUS", "SCRAM-SHA-256", "juliet", password, "", &exporter, NotAuthorized},
		{"PLUS without binding", "SCRAM-SHA-256-PLUS", "juliet", password, "", nil, NotAuthorized},
		{"authzid of another (6.5.6)", "SCRAM-SHA-256", "juliet", password, "romeo@example.org", nil, InvalidAuthzid},
		{"authzid with a resource", "SCRAM-SHA-256", "juliet", password, "juliet@example.org/orchard", nil, InvalidAuthzid},
		{"authzid is no address", "SCRAM-SHA-256", "juliet", password, "@", nil, InvalidAuthzid},
	} {
		for _, two := range []bool{false, true} {
			conv := client(t, c.mechanism, c.user, c.password, c.authzid, c.cb)
			o := say(t, New(w.config()), two, c.mechanism, conv, "")
			if c.want != "" {
				if condition(o.Reply) != c.want || o.Login != nil || o.End != nil {
					t.Errorf("%s, two=%v: %s", c.what, two, o.Reply)
				}
				continue
			}
			if o.Login == nil || o.Login.Account.ID != w.user || o.Login.Fast || o.End != nil {
				t.Errorf("%s, two=%v: %+v", c.what, two, o)
				continue
			}
			proof := o.Reply
			if two {
				if o.Reply != nil || o.Login.Request == nil {
					t.Errorf("%s: %+v", c.what, o)
				}
				proof = o.Login.Success(juliet).Child(NS2, "additional-data")
			} else if !o.Reply.Is(NS, "success") || o.Login.Request != nil {
				t.Errorf("%s: %s", c.what, o.Reply)
			}
			if _, err := conv.Step(data(t, proof)); err != nil || !conv.Valid() {
				t.Errorf("%s, two=%v: the server's proof: %v", c.what, two, err)
			}
		}
	}
}

// A client that was kept from seeing -PLUS says "y" (RFC 5802 section 6).
func TestSCRAMDowngrade(t *testing.T) {
	w := newWorld(t)
	o := New(w.config()).Step(t.Context(), parse(t, "<auth S1 mechanism='SCRAM-SHA-256'>"+b64("y,,n=juliet,r=fyko")+"</auth>"))
	if condition(o.Reply) != NotAuthorized {
		t.Errorf("%s", o.Reply)
	}
}

func TestPlain(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what, message string
		want          Condition
	}{
		{"name", "\x00juliet\x00" + password, ""},
		{"prepared name", "\x00JULIET\x00" + password, ""},
		{"address", "\x00juliet@example.org\x00" + password, ""},
		{"own authzid", "juliet@example.org\x00juliet\x00" + password, ""},
		{"wrong password", "\x00juliet\x00wherefore", NotAuthorized},
		{"unknown user", "\x00romeo\x00" + password, NotAuthorized},
		{"impossible user", "\x00ju liet\x00" + password, NotAuthorized},
		{"endless user", "\x00" + strings.Repeat("x", 5000) + "\x00" + password, NotAuthorized},
		{"user of another domain", "\x00juliet@capulet.example\x00" + password, NotAuthorized},
		{"name with a resource", "\x00juliet@example.org/orchard\x00" + password, NotAuthorized},
		{"authzid of another (contract section 4)", "romeo@example.org\x00juliet\x00" + password, InvalidAuthzid},
		{"authzid full", "juliet@example.org/orchard\x00juliet\x00" + password, InvalidAuthzid},
		{"authzid is the name only", "juliet\x00juliet\x00" + password, InvalidAuthzid},
		{"one zero byte", "juliet\x00" + password, MalformedRequest},
		{"three zero bytes", "\x00juliet\x00" + password + "\x00", MalformedRequest},
		{"no name", "\x00\x00" + password, MalformedRequest},
		{"no password", "\x00juliet\x00", MalformedRequest},
		{"no UTF-8", "\x00juliet\x00\xff\xfe\xfd", MalformedRequest},
	} {
		o := New(w.config()).Step(t.Context(), parse(t, "<auth S1 mechanism='PLAIN'>"+b64(c.message)+"</auth>"))
		if condition(o.Reply) != c.want || (o.Login != nil) != (c.want == "") {
			t.Errorf("%s: %s", c.what, o.Reply)
		}
	}
}

// step is an element and the condition of the answer: "" for a challenge,
// "success", or "end" when there is only a stream error.
type step struct{ in, want string }

// RFC 6120 section 6, XEP-0388.
func TestSteps(t *testing.T) {
	good := b64("\x00juliet\x00" + password)
	w := newWorld(t)
	tries := func(n int, s step) (all []step) {
		for range n {
			all = append(all, s)
		}
		return all
	}
	for _, c := range []struct {
		what  string
		steps []step
		ends  bool // with a stream error at the last step
	}{
		{"6.4.2 no initial response", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<response S1>" + good + "</response>", "success"}}, false},
		{"6.4.2 the equals sign is empty", []step{{"<auth S1 mechanism='PLAIN'>=</auth>", "malformed-request"}}, false},
		{"6.4.3 an empty response", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<response S1/>", "malformed-request"}}, false},
		{"6.4.4 abort", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<abort S1/>", "aborted"}, {"<response S1>" + good + "</response>", "malformed-request"}}, false},
		{"6.4.4 abort, then again", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<abort S1/>", "aborted"}, {"<auth S1 mechanism='PLAIN'>" + good + "</auth>", "success"}}, false},
		{"6.4.5 five failures", tries(5, step{"<auth S1 mechanism='PLAIN'>" + b64("\x00juliet\x00wrong") + "</auth>", "not-authorized"}), true},
		{"6.4.5 a retry", append(tries(4, step{"<auth S1 mechanism='PLAIN'>" + b64("\x00juliet\x00wrong") + "</auth>", "not-authorized"}), step{"<auth S1 mechanism='PLAIN'>" + good + "</auth>", "success"}), false},
		{"6.4.6 nothing after success", []step{{"<auth S1 mechanism='PLAIN'>" + good + "</auth>", "success"}, {"<auth S1 mechanism='PLAIN'>" + good + "</auth>", "end"}}, true},
		{"6.5.5 encoding: alphabet", []step{{"<auth S1 mechanism='PLAIN'>" + good[:8] + "*" + good[9:] + "</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 encoding: line break", []step{{"<auth S1 mechanism='PLAIN'>" + good[:8] + "\n" + good[8:] + "</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 encoding: space", []step{{"<auth S1 mechanism='PLAIN'> " + good + "</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 encoding: no padding", []step{{"<auth S1 mechanism='PLAIN'>AGE</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 encoding: bits left over", []step{{"<auth S1 mechanism='PLAIN'>AB==</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 encoding: padding inside", []step{{"<auth S1 mechanism='PLAIN'>=AAA</auth>", "incorrect-encoding"}}, false},
		{"6.5.5 in a response", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<response S1>%</response>", "incorrect-encoding"}}, false},
		{"6.5.7 no mechanism", []step{{"<auth S1>" + good + "</auth>", "invalid-mechanism"}}, false},
		{"6.5.7 unknown mechanism", []step{{"<auth S1 mechanism='EXTERNAL'>=</auth>", "invalid-mechanism"}}, false},
		{"6.5.7 in small letters", []step{{"<auth S1 mechanism='plain'>" + good + "</auth>", "invalid-mechanism"}}, false},
		{"6.5.8 a response before anything", []step{{"<response S1>" + good + "</response>", "malformed-request"}}, false},
		{"6.5.8 an abort with a reason", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<abort S1>no</abort>", "malformed-request"}}, false},
		{"6.5.8 an element in the data", []step{{"<auth S1 mechanism='PLAIN'><b/></auth>", "malformed-request"}}, false},
		{"6.5.8 auth within an exchange", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<auth S1 mechanism='PLAIN'>" + good + "</auth>", "malformed-request"}}, false},
		{"6.5.8 an element of the server's", []step{{"<challenge S1/>", "malformed-request"}}, false},
		{"6.5.9 too weak", []step{{"<auth S1 mechanism='DIGEST-MD5'/>", "mechanism-too-weak"}}, false},
		{"unknown attributes", []step{{"<auth S1 mechanism='PLAIN' id='1' xmlns:x='urn:x' x:y='z'/>", ""}, {"<response S1 mechanism='PLAIN'>" + good + "</response>", "success"}}, false},
		{"token by RFC 6120", []step{{"<auth S1 mechanism='HT-SHA-256-NONE'>" + good + "</auth>", "invalid-mechanism"}}, false},

		{"0388 2.3 login", []step{{"<authenticate S2 mechanism='PLAIN'><initial-response>" + good + "</initial-response></authenticate>", "success"}}, false},
		{"0388 2.2 no initial response", []step{{"<authenticate S2 mechanism='PLAIN'/>", ""}, {"<response S2>" + good + "</response>", "success"}}, false},
		{"0388 2.2 an empty one", []step{{"<authenticate S2 mechanism='PLAIN'><initial-response/></authenticate>", "malformed-request"}}, false},
		{"0388 2.2 no equals sign", []step{{"<authenticate S2 mechanism='PLAIN'><initial-response>=</initial-response></authenticate>", "incorrect-encoding"}}, false},
		{"0388 2.2 white space around", []step{{"<authenticate S2 mechanism='PLAIN'><initial-response>\n  " + good + "\n</initial-response></authenticate>", "success"}}, false},
		{"0388 2.3 not offered", []step{{"<authenticate S2 mechanism='BLURDYBLOOP'/>", "invalid-mechanism"}}, false},
		{"0388 2.4 anything else ends the stream", []step{{"<authenticate S2 mechanism='PLAIN'/>", ""}, {"<authenticate S2 mechanism='PLAIN'/>", "end"}}, true},
		{"0388 2.4 the other profile", []step{{"<authenticate S2 mechanism='PLAIN'/>", ""}, {"<response S1>" + good + "</response>", "end"}}, true},
		{"0388 2.3 abort with a reason", []step{{"<authenticate S2 mechanism='PLAIN'/>", ""}, {"<abort S2><text>changed my mind</text></abort>", "aborted"}, {"<authenticate S2 mechanism='PLAIN'><initial-response>" + good + "</initial-response></authenticate>", "success"}}, false},
		{"0388 4.8 again after success", []step{{"<authenticate S2 mechanism='PLAIN'><initial-response>" + good + "</initial-response></authenticate>", "success"}, {"<authenticate S2 mechanism='PLAIN'/>", "end"}}, true},
		{"0388 no tasks", []step{{"<next S2 task='TOTP'/>", "malformed-request"}}, false},
		{"0388 response of it within RFC 6120", []step{{"<auth S1 mechanism='PLAIN'/>", ""}, {"<response S2>" + good + "</response>", "malformed-request"}}, false},
		{"0484 3.4 a token without <fast/>", []step{{"<authenticate S2 mechanism='HT-SHA-256-NONE'><initial-response>" + good + "</initial-response></authenticate>", "invalid-mechanism"}}, false},
		{"0484 3.1 one round trip", []step{{"<authenticate S2 mechanism='HT-SHA-256-NONE'><fast xmlns='urn:xmpp:fast:0'/></authenticate>", "malformed-request"}}, false},
	} {
		n := New(w.config())
		for i, s := range c.steps {
			o := n.Step(t.Context(), parse(t, s.in))
			got := string(condition(o.Reply))
			switch {
			case o.Login != nil:
				got = "success"
			case o.Reply == nil:
				got = "end"
			}
			if got != s.want || (o.End != nil) != (c.ends && i == len(c.steps)-1) || n.Running() != (got == "") {
				t.Errorf("%s, step %d: got %q, want %q; end %v, running %v", c.what, i+1, got, s.want, o.End, n.Running())
			}
		}
	}
}

// RFC 6120 section 6.5.4: nothing before TLS, in either profile.
func TestEncryptionRequired(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Secure = false
	for _, in := range []string{
		"<auth S1 mechanism='PLAIN'>" + b64("\x00juliet\x00"+password) + "</auth>",
		"<authenticate S2 mechanism='SCRAM-SHA-1'/>",
	} {
		if o := New(cfg).Step(t.Context(), parse(t, in)); condition(o.Reply) != EncryptionRequired || o.Login != nil {
			t.Errorf("%s: %s", in, o.Reply)
		}
	}
}

// Contract section 3: a login that comes when there are too many is refused before
// anything is done for it, with a condition that says that it is no fault of the
// client's (RFC 6120 section 6.5.11).
func TestNotAdmitted(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Admit = func() error { return im.Errorf(im.CodeRetryLater, "in a while") }
	n := New(cfg)
	for i, in := range []string{"<auth S1 mechanism='SCRAM-SHA-1'/>", "<authenticate S2 mechanism='SCRAM-SHA-1'/>"} {
		if o := n.Step(t.Context(), parse(t, in)); condition(o.Reply) != TemporaryAuthFailure || o.Login != nil || n.Running() {
			t.Errorf("%d: %s", i, o.Reply)
		}
	}
}

// RFC 6120 section 6.5.9: what policy forbids is named as such.
func TestPolicyForbidsSHA1(t *testing.T) {
	w := newWorld(t, func(c *auth.Config) { c.Mechanisms = []string{"SCRAM-SHA-256"} })
	o := New(w.config()).Step(t.Context(), parse(t, "<auth S1 mechanism='SCRAM-SHA-1'/>"))
	if condition(o.Reply) != MechanismTooWeak {
		t.Errorf("%s", o.Reply)
	}
}

// RFC 6120 sections 6.5.2 and 6.5.11.
func TestOtherConditions(t *testing.T) {
	w := newWorld(t)
	try := func() Condition {
		return condition(New(w.config()).Step(t.Context(), parse(t, "<auth S1 mechanism='PLAIN'>"+b64("\x00juliet\x00"+password)+"</auth>")).Reply)
	}
	w.store.edit(w.user, func(a *im.Account) { a.Disabled = true })
	if got := try(); got != AccountDisabled {
		t.Errorf("disabled: %v", got)
	}
	w.store.fail = im.Errorf(im.CodeZoneUnavailable, "down")
	if got := try(); got != TemporaryAuthFailure {
		t.Errorf("zone down: %v", got)
	}
}

// XEP-0388 section 2.3: an authorization identity has to match the stream.
func TestFromAndAuthzid(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		from, authzid string
		want          Condition
	}{
		{"juliet@example.org", "juliet@example.org", ""},
		{"juliet@example.org/orchard", "juliet@example.org", ""},
		{"juliet@example.org", "", ""},
		{"", "juliet@example.org", ""},
		{"example.org", "juliet@example.org", ""}, // as sendxmpp does
		{"example.org", "romeo@example.org", InvalidAuthzid},
		{"romeo@example.org", "", ""},
		{"romeo@example.org", "juliet@example.org", InvalidAuthzid},
	} {
		cfg := w.config()
		if c.from != "" {
			cfg.From, _ = im.ParseAddr(c.from)
		}
		o := New(cfg).Step(t.Context(), parse(t, "<authenticate S2 mechanism='PLAIN'><initial-response>"+b64(c.authzid+"\x00juliet\x00"+password)+"</initial-response></authenticate>"))
		if condition(o.Reply) != c.want {
			t.Errorf("PLAIN %+v: %s", c, o.Reply)
		}
		o = say(t, New(cfg), true, "SCRAM-SHA-256", client(t, "SCRAM-SHA-256", "juliet", password, c.authzid, nil), "")
		if condition(o.Reply) != c.want {
			t.Errorf("SCRAM %+v: %s", c, o.Reply)
		}
	}
}

// Every code of the core's has a condition of RFC 6120 section 6.5.
func TestEveryCodeHasACondition(t *testing.T) {
	known := map[Condition]bool{
		Aborted: true, AccountDisabled: true, CredentialsExpired: true, EncryptionRequired: true, IncorrectEncoding: true, InvalidAuthzid: true,
		InvalidMechanism: true, MalformedRequest: true, MechanismTooWeak: true, NotAuthorized: true, TemporaryAuthFailure: true,
	}
	for _, c := range im.Traits() {
		got := condition(Failure(im.Errorf(c.Code, "why")))
		if !known[got] {
			t.Errorf("%s: %q", c.Name, got)
		}
		if c.Code >= 5000 && got != TemporaryAuthFailure {
			t.Errorf("%s is over soon, but says %q", c.Name, got)
		}
	}
	if e := Failure(im.Errorf(im.CodeTooManyDevices, "one too many")); e.ChildText(NS2, "text") != "one too many" {
		t.Errorf("%s", e)
	}
}
