package info

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func setup(t testing.TB, services ...Service) (*xmpptest.Cell, *iq.Mux, *xmpptest.Session) {
	t.Helper()
	m := iq.NewMux()
	Register(m, Options{
		Name: "C-XX", Version: "1.2", Started: xmpptest.Now.Add(-time.Hour),
		Now: func() time.Time { return xmpptest.Now }, Services: services,
	})
	c := xmpptest.New()
	c.User("juliet")
	return c, m, c.Session("romeo/orchard")
}

func TestAnswers(t *testing.T) {
	_, m, s := setup(t)
	for _, x := range []struct{ rule, typ, to, payload, want string }{
		{"XEP-0199 4.2", "get", "example.org", `<ping xmlns='urn:xmpp:ping'/>`, ""},
		{"XEP-0199 4.2, no 'to'", "get", "", `<ping xmlns='urn:xmpp:ping'/>`, ""},
		{"XEP-0199 4.2, own account", "get", "romeo@example.org", `<ping xmlns='urn:xmpp:ping'/>`, ""},
		{"RFC 3921 3", "set", "", `<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>`, ""},
		{"RFC 3921 3, to the domain", "set", "example.org", `<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>`, ""},
		{"XEP-0092 3", "get", "example.org", `<query xmlns='jabber:iq:version'/>`, `<query xmlns='jabber:iq:version'><name>C-XX</name><version>1.2</version></query>`},
		{"XEP-0202 2", "get", "example.org", `<time xmlns='urn:xmpp:time'/>`, `<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2026-03-04T05:06:07Z</utc></time>`},
		{"XEP-0012 5", "get", "example.org", `<query xmlns='jabber:iq:last'/>`, `<query xmlns='jabber:iq:last' seconds='3600'/>`},
		{"XEP-0012 3, own", "get", "", `<query xmlns='jabber:iq:last'/>`, `<query xmlns='jabber:iq:last' seconds='0'/>`},
		{"XEP-0215 3.1, none", "get", "example.org", `<services xmlns='urn:xmpp:extdisco:2'/>`, `<services xmlns='urn:xmpp:extdisco:2'/>`},
	} {
		to := ""
		if x.to != "" {
			to = ` to='` + x.to + `'`
		}
		st := xmpptest.Serve(t, m, s, `<iq type='`+x.typ+`' id='1'`+to+`>`+x.payload+`</iq>`)
		if got := xmpptest.Text(st.First()); got != x.want || st.Attr("type") != "result" {
			t.Errorf("%s: %s %s; want %s", x.rule, got, xmpptest.Condition(st), x.want)
		}
	}
	for _, to := range []string{"juliet@example.org", "nobody@example.org"} {
		for _, payload := range []string{`<ping xmlns='urn:xmpp:ping'/>`, `<query xmlns='jabber:iq:version'/>`, `<time xmlns='urn:xmpp:time'/>`} {
			st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='`+to+`'>`+payload+`</iq>`)
			if xmpptest.Condition(st) != string(stanza.ServiceUnavailable) {
				t.Error("XEP-0199 7: it shows whether there is an account:", to, payload, st)
			}
		}
	}
	for _, f := range []string{"urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last", "urn:xmpp:extdisco:2", "urn:xmpp:carbons:2"} {
		if !strings.Contains(strings.Join(m.Features(iq.Server), "\n"), f) {
			t.Error("XEP-0199 5 and the like: not advertised:", f)
		}
	}
}

func TestLastActivity(t *testing.T) {
	c, m, s := setup(t)
	ask := func(to string) (string, string) {
		st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='`+to+`@example.org'><query xmlns='jabber:iq:last'/></iq>`)
		return st.First().Attr("seconds"), xmpptest.Condition(st)
	}
	c.LastSeen("juliet", xmpptest.Now.Add(-903*time.Second))
	for _, to := range []string{"juliet", "nobody"} {
		if got, cond := ask(to); got != "" || cond != string(stanza.Forbidden) {
			t.Error("XEP-0012 3 and 8: not subscribed:", to, got, cond)
		}
	}
	c.Relate("romeo", "juliet", im.SubTo)
	if got, cond := ask("juliet"); got != "903" {
		t.Error("XEP-0012 3, offline:", got, cond)
	}
	c.LastSeen("juliet", xmpptest.Now.Add(time.Second))
	if got, cond := ask("juliet"); got != "0" {
		t.Error("a clock that is ahead:", got, cond)
	}
	juliet := c.Session("juliet/balcony")
	juliet.Present(im.Presence{Show: im.ShowAway})
	if got, cond := ask("juliet"); got != "0" {
		t.Error("XEP-0012 3, online:", got, cond)
	}
	juliet.Present(im.Presence{Show: im.ShowInvisible})
	if got, cond := ask("juliet"); got != "0" { // seen a second ahead
		t.Error("invisible:", got, cond)
	}
	c.LastSeen("juliet", time.Time{})
	if got, cond := ask("juliet"); cond != string(stanza.ItemNotFound) {
		t.Error("never seen:", got, cond)
	}
	c.Fail["LastSeen"] = im.Errorf(im.CodeZoneUnavailable, "")
	if got, cond := ask("juliet"); cond != string(stanza.ResourceConstraint) {
		t.Error(got, cond)
	}
}

func TestCarbons(t *testing.T) {
	_, m, s := setup(t)
	for _, x := range []struct {
		rule, payload, to string
		want              bool
	}{
		{"XEP-0280 4", "enable", "", true},
		{"XEP-0280 10.1: again", "enable", "romeo@example.org", true},
		{"XEP-0280 5", "disable", "", false},
		{"XEP-0280 10.1: again", "disable", "", false},
		{"XEP-0280 10.1: on once more", "enable", "", true},
	} {
		to := ""
		if x.to != "" {
			to = ` to='` + x.to + `'`
		}
		st := xmpptest.Serve(t, m, s, `<iq type='set' id='1'`+to+`><`+x.payload+` xmlns='urn:xmpp:carbons:2'/></iq>`)
		if st.Attr("type") != "result" || st.First() != nil || s.Has(iq.Carbons) != x.want {
			t.Error(x.rule, st)
		}
	}
	for _, to := range []string{"juliet@example.org", "nobody@example.org"} {
		st := xmpptest.Serve(t, m, s, `<iq type='set' id='1' to='`+to+`'><disable xmlns='urn:xmpp:carbons:2'/></iq>`)
		if st.Attr("type") != "error" || !s.Has(iq.Carbons) {
			t.Error("XEP-0280 5.1:", st)
		}
	}
}

func TestExternalServices(t *testing.T) {
	stun := Service{Type: "stun", Host: "stun.example.org", Port: 3478, Transport: "udp"}
	turn := Service{Type: "turn", Host: "192.0.2.1", Port: 3478, Transport: "udp", Secret: "s3cret", TTL: config.Duration(time.Hour)}
	ftp := Service{Type: "ftp", Host: "ftp.example.org", Name: "Files", Username: "guest", Password: "guest"}
	c, m, s := setup(t, stun, turn, ftp)
	user := c.User("romeo").String()
	name, password := turn.sign(c.User("romeo"), xmpptest.Now.Add(time.Hour))
	if name != "1772604367:"+user || len(password) != 28 {
		t.Error("TURN REST:", name, password)
	}
	const (
		stunXML = `<service type='stun' host='stun.example.org' port='3478' transport='udp'/>`
		ftpXML  = `<service type='ftp' host='ftp.example.org' name='Files' restricted='1' username='guest' password='guest'/>`
	)
	turnXML := `<service type='turn' host='192.0.2.1' port='3478' transport='udp' expires='2026-03-04T06:06:07Z' restricted='1' username='` + name + `' password='` + password + `'/>`
	const ns = ` xmlns='urn:xmpp:extdisco:2'`
	for _, x := range []struct {
		rule, payload, want string
		cond                stanza.Condition
	}{
		{"XEP-0215 3.1", `<services` + ns + `/>`, `<services` + ns + `>` + stunXML + turnXML + ftpXML + `</services>`, ""},
		{"XEP-0215 3.2", `<services` + ns + ` type='turn'/>`, `<services` + ns + ` type='turn'>` + turnXML + `</services>`, ""},
		{"XEP-0215 3.2, none", `<services` + ns + ` type='x'/>`, `<services` + ns + ` type='x'/>`, ""},
		{"XEP-0215 3.3", `<credentials` + ns + `><service type='turn' host='192.0.2.1'/></credentials>`, `<credentials` + ns + `>` + turnXML + `</credentials>`, ""},
		{"XEP-0215 3.3, port", `<credentials` + ns + `><service type='turn' host='::ffff:192.0.2.1' port='3478'/></credentials>`, `<credentials` + ns + `>` + turnXML + `</credentials>`, ""},
		{"XEP-0215 3.3, another port", `<credentials` + ns + `><service type='turn' host='192.0.2.1' port='1'/></credentials>`, "", stanza.ItemNotFound},
		{"XEP-0215 3.3, no credentials", `<credentials` + ns + `><service type='stun' host='stun.example.org'/></credentials>`, "", stanza.ItemNotFound},
		{"XEP-0215 3.3, no type", `<credentials` + ns + `><service host='192.0.2.1'/></credentials>`, "", stanza.BadRequest},
		{"XEP-0215 3.3, no service", `<credentials` + ns + `/>`, "", stanza.BadRequest},
	} {
		st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='example.org'>`+x.payload+`</iq>`)
		got := xmpptest.Text(st.First())
		if x.cond != "" {
			got = ""
		}
		if got != x.want || xmpptest.Condition(st) != string(x.cond) {
			t.Errorf("%s:\n got %s %s\nwant %s %s", x.rule, got, xmpptest.Condition(st), x.want, x.cond)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Service{Type: "turn", Host: "h", Port: 1, Transport: "udp", Secret: "s", TTL: config.Duration(time.Hour)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Service){
		"type":      func(s *Service) { s.Type = "" },
		"host":      func(s *Service) { s.Host = "" },
		"port":      func(s *Service) { s.Port = 65536 },
		"transport": func(s *Service) { s.Transport = "sctp" },
		"ttl":       func(s *Service) { s.TTL = 0 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Error(want, err)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Service{SecretFile: file, PasswordFile: file}
	if err := s.Load(); err != nil || s.Secret != "s3cret" || s.Password != "s3cret" {
		t.Error(err)
	}
	for _, s := range []Service{{SecretFile: file + "x"}, {PasswordFile: file + "x"}} {
		if s.Load() == nil {
			t.Error("a file that is missing")
		}
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(`<service type='turn' host='192.0.2.1' port='1'/>`)
	f.Fuzz(func(t *testing.T, in string) {
		st, err := stanza.Parse([]byte(`<iq type='get' id='1' to='example.org'><credentials xmlns='urn:xmpp:extdisco:2'>` + in + `</credentials></iq>`))
		if err != nil {
			return
		}
		_, m, s := setup(t, Service{Type: "turn", Host: "192.0.2.1", Secret: "s", TTL: config.Duration(time.Hour)})
		if _, err := m.Serve(context.Background(), xmpptest.Request(t, s, st)); err != nil && stanza.Of(err).Condition == stanza.InternalServerError {
			t.Error(in, err)
		}
	})
}
