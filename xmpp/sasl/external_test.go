package sasl

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func addrs(t testing.TB, list ...string) (out []im.Addr) {
	t.Helper()
	for _, s := range list {
		a, err := im.ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// RFC 6120 section 6.3.4, XEP-0178 section 2: EXTERNAL is offered, before all
// others and by both profiles, to who has shown a certificate for an account of
// the domain, and to nobody else.
func TestExternalOffered(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		what      string
		certified []string
		edit      func(*Config)
		want      bool
	}{
		{"no certificate", nil, nil, false},
		{"an account", []string{"juliet@example.org"}, nil, true},
		{"one that does not exist, which is not told", []string{"nobody@example.org"}, nil, true},
		{"among others", []string{"example.org", "juliet@capulet.example", "juliet@example.org"}, nil, true},
		{"of another domain", []string{"juliet@capulet.example"}, nil, false},
		{"of a domain below", []string{"juliet@chat.example.org"}, nil, false},
		{"a domain", []string{"example.org"}, nil, false},
		{"with a resource", []string{"juliet@example.org/balcony"}, nil, false},
		{"not in TLS", []string{"juliet@example.org"}, func(c *Config) { c.Secure = false }, false},
		{"the stream is to another domain", []string{"juliet@example.org"}, func(c *Config) { c.Domain = "example.net" }, false},
	} {
		cfg := w.config()
		cfg.Certified = addrs(t, c.certified...)
		if c.edit != nil {
			c.edit(&cfg)
		}
		n := New(cfg)
		list := n.mechanisms()
		if offered := strings.Contains(strings.Join(list, " "), external); offered != c.want || offered && list[0] != external {
			t.Errorf("%s: %q", c.what, list)
		}
		for _, f := range n.Features() {
			if first := f.First().Text(); (f.Local == "mechanisms" || f.Local == "authentication") && (first == external) != c.want {
				t.Errorf("%s: %s", c.what, f)
			}
		}
		o := n.Step(t.Context(), parse(t, "<auth S1 mechanism='EXTERNAL'>"+b64("juliet@example.org")+"</auth>"))
		if !c.want && (o.Login != nil || condition(o.Reply) != InvalidMechanism && condition(o.Reply) != EncryptionRequired) {
			t.Errorf("%s: was not offered and gives %s", c.what, o.Reply)
		}
	}
}

// RFC 4422 appendix A, RFC 6120 sections 6.3.8 and 6.5.6, XEP-0178 section 2, by
// all ways in which the message can come.
func TestExternal(t *testing.T) {
	w := newWorld(t)
	nurse := im.Addr{Local: "nurse", Domain: "example.org"}
	off, err := w.CreateAccount(t.Context(), nurse, password)
	if err != nil {
		t.Fatal(err)
	}
	w.store.edit(off, func(a *im.Account) { a.Disabled = true })
	const one, two = "juliet@example.org", "juliet@example.org romeo@example.org"
	for _, c := range []struct {
		what, certified, authzid string
		from                     string
		want                     Condition
	}{
		{"the only address", one, "", "", ""},
		{"the only address, named", one, one, "", ""},
		{"named, not prepared", one, "JULIET@Example.Org", "", ""},
		{"the only one of this domain", one + " juliet@capulet.example example.org", "", "", ""},
		{"several, named", two, one, "", ""},
		{"several, not named", two, "", "", InvalidAuthzid},
		{"another user who has no account", one, "romeo@example.org", "", InvalidAuthzid},
		{"another user who exists", one, "nurse@example.org", "", InvalidAuthzid},
		{"same name elsewhere", one, "juliet@capulet.example", "", InvalidAuthzid},
		{"in the certificate, but of another domain", one + " juliet@capulet.example", "juliet@capulet.example", "", InvalidAuthzid},
		{"a full address", one, one + "/balcony", "", InvalidAuthzid},
		{"full in the certificate, too", one + " juliet@example.org/balcony", "juliet@example.org/balcony", "", InvalidAuthzid},
		{"the name only", one, "juliet", "", InvalidAuthzid},
		{"the domain", one + " example.org", "example.org", "", InvalidAuthzid},
		{"no address", one, "@", "", InvalidAuthzid},
		{"zero byte (RFC 4422 appendix A.1)", one, one + "\x00", "", InvalidAuthzid},
		{"zero byte and another user", one, "romeo@example.org\x00" + one, "", InvalidAuthzid},
		{"no UTF-8", one, "juliet\xff@example.org", "", InvalidAuthzid},
		{"endless", one, strings.Repeat("x", 5000) + "@example.org", "", InvalidAuthzid},
		{"as the stream says (XEP-0388 section 2.3)", two, one, one, ""},
		{"not as the stream says", two, one, "romeo@example.org", InvalidAuthzid},
		{"no such account", "romeo@example.org", "", "", NotAuthorized},
		{"no such account, named", two, "romeo@example.org", "", NotAuthorized},
		{"disabled account", "nurse@example.org", "", "", AccountDisabled},
	} {
		data := b64(c.authzid)
		equals := data
		if data == "" {
			equals = "="
		}
		for how, steps := range map[string][]string{
			"initial":               {"<auth S1 mechanism='EXTERNAL'>" + equals + "</auth>"},
			"challenge":             {"<auth S1 mechanism='EXTERNAL'/>", "<response S1>" + data + "</response>"},
			"challenge, equals":     {"<auth S1 mechanism='EXTERNAL'></auth>", "<response S1>" + equals + "</response>"},
			"XEP-0388":              {"<authenticate S2 mechanism='EXTERNAL'><initial-response>" + data + "</initial-response></authenticate>"},
			"XEP-0388 by challenge": {"<authenticate S2 mechanism='EXTERNAL'/>", "<response S2>" + data + "</response>"},
		} {
			cfg := w.config()
			cfg.Certified = addrs(t, strings.Fields(c.certified)...)
			if c.from != "" {
				cfg.From = addrs(t, c.from)[0]
			}
			n := New(cfg)
			var o Outcome
			for i, s := range steps {
				o = n.Step(t.Context(), parse(t, s))
				if last := i == len(steps)-1; !last && (o.Login != nil || o.Reply.Local != "challenge" || o.Reply.Text() != "") {
					t.Errorf("%s, %s: %+v", c.what, how, o)
				}
			}
			if condition(o.Reply) != c.want || o.End != nil || (o.Login != nil) != (c.want == "") {
				t.Errorf("%s, %s: %s", c.what, how, o.Reply)
				continue
			}
			if o.Login != nil && (o.Login.Account.ID != w.user || o.Login.Account.Verifiers != nil || o.Login.Fast || o.Login.Device.ID != 0) {
				t.Errorf("%s, %s: %+v", c.what, how, o.Login)
			}
		}
	}
}

// A client that fails by certificate goes on to its password (RFC 6120 section
// 6.4.5), and gets a token along with its login (XEP-0484).
func TestExternalAmongOthers(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Certified = addrs(t, "romeo@example.org")
	n := New(cfg)
	if o := n.Step(t.Context(), parse(t, "<auth S1 mechanism='EXTERNAL'>=</auth>")); condition(o.Reply) != NotAuthorized {
		t.Errorf("%s", o.Reply)
	}
	if o := n.Step(t.Context(), parse(t, "<auth S1 mechanism='PLAIN'>"+b64("\x00juliet\x00"+password)+"</auth>")); o.Login == nil {
		t.Errorf("%s", o.Reply)
	}
	cfg.Certified = addrs(t, "juliet@example.org")
	o := New(cfg).Step(t.Context(), parse(t, "<authenticate S2 mechanism='EXTERNAL'><initial-response/><request-token xmlns='"+NSFast+"' mechanism='HT-SHA-256-EXPR'/></authenticate>"))
	if o.Login == nil || o.Login.TokenFor != "HT-SHA-256-EXPR" {
		t.Errorf("%s", o.Reply)
	}
}

// Our own troubles are no fault of the client's (RFC 6120 section 6.5.11).
func TestExternalStorageFails(t *testing.T) {
	w := newWorld(t)
	w.store.fail = im.Errorf(im.CodeZoneUnavailable, "the zone is down")
	cfg := w.config()
	cfg.Certified = addrs(t, "juliet@example.org")
	if o := New(cfg).Step(t.Context(), parse(t, "<auth S1 mechanism='EXTERNAL'>=</auth>")); condition(o.Reply) != TemporaryAuthFailure {
		t.Errorf("%s", o.Reply)
	}
}
