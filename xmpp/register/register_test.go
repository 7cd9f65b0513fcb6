package register

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

var here = netip.MustParseAddr("192.0.2.7")

// logins notes what it is asked.
type logins struct {
	im.Logins
	addr             im.Addr
	password, invite string
	removed          im.UserID
	err              error
}

func (l *logins) Register(_ context.Context, a im.Addr, password, invite string, _ netip.Addr) (im.UserID, error) {
	l.addr, l.password, l.invite = a, password, invite
	return 1, l.err
}

func (l *logins) Unregister(_ context.Context, u im.UserID) error {
	l.removed = u
	return l.err
}

func check(t *testing.T, what string, got *xmlstream.Element, want string) {
	t.Helper()
	switch {
	case want == "" && got == nil:
	case got == nil, want == "", !got.Equal(xmpptest.Parse(t, want)):
		t.Errorf("%s:\n%s\nwant\n%s", what, xmpptest.Text(got), want)
	}
}

const (
	setBill    = "<iq type='set' id='1'><query xmlns='jabber:iq:register'><username>bill</username><password>Calliope</password></query></iq>"
	submitBill = "<iq type='set' id='1'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>jabber:iq:register</value></field>" +
		"<field var='username'><value>bill</value></field><field var='password'><value>Calliope</value></field><field var='invite'><value>swordfish</value></field></x></query></iq>"
	fieldsOpen = "<iq type='result' id='1'><query xmlns='jabber:iq:register'><instructions>Choose a name and a password.</instructions><username/><password/></query></iq>"
	fieldsForm = "<iq type='result' id='1'><query xmlns='jabber:iq:register'><instructions>An invitation is needed to make an account here. Choose a name and a password.</instructions>" +
		"<x xmlns='jabber:x:data' type='form'><title>Registration</title><instructions>An invitation is needed to make an account here. Choose a name and a password.</instructions>" +
		"<field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>" +
		"<field var='username' type='text-single' label='Name'><required/></field><field var='password' type='text-private' label='Password'><required/></field>" +
		"<field var='invite' type='text-single' label='Invitation code'><required/></field></x></query></iq>"
)

// failed is the error that a request with id 1 gets.
func failed(code, typ, condition, text string) string {
	s := "<iq type='error' id='1'><error type='" + typ + "' code='" + code + "'><" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
	if text != "" {
		s += "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>" + text + "</text>"
	}
	return s + "</error></iq>"
}

// Requests before the login: sections 3.1, 4, 6 and 9.
func TestAnswer(t *testing.T) {
	busy := im.Errorf(im.CodeRateLimited, "too many")
	busy.RetryAfter = time.Minute
	open, invite := Config{Open: true}, Config{Open: true, Invite: true}
	bill := im.Addr{Local: "bill", Domain: "example.org"}
	for _, c := range []struct {
		what   string
		cfg    Config
		in     string
		err    error
		want   string
		addr   im.Addr // that was registered
		invite string
	}{
		{"3.1 fields", open, "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", nil, fieldsOpen, im.Addr{}, ""},
		{"3.1 to the domain", open, "<iq type='get' id='1' to='example.org'><query xmlns='jabber:iq:register'/></iq>", nil, strings.Replace(fieldsOpen, "id=", "from='example.org' id=", 1), im.Addr{}, ""},
		{"4 fields with an invitation", invite, "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", nil, fieldsForm, im.Addr{}, ""},
		{"3.1 closed", Config{}, "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", nil, failed("503", "cancel", "service-unavailable", "accounts on this server are made by its operator"), im.Addr{}, ""},
		{"3.1 registered", open, setBill, nil, "<iq type='result' id='1'/>", bill, ""},
		{"3.1 name is prepared", open, strings.Replace(setBill, "bill", "BILL", 1), nil, "<iq type='result' id='1'/>", bill, ""},
		{"6 form", invite, submitBill, nil, "<iq type='result' id='1'/>", bill, "swordfish"},
		{"6 form where no invitation is needed", open, submitBill, nil, "<iq type='result' id='1'/>", bill, "swordfish"},
		{"4 form about something else", open, strings.Replace(submitBill, "<value>jabber:iq:register<", "<value>jabber:iq:other<", 1), nil, failed("400", "modify", "bad-request", "the FORM_TYPE of the data form has to be jabber:iq:register"), im.Addr{}, ""},
		{"3.1 no password", open, strings.Replace(setBill, "Calliope", "", 1), nil, failed("406", "modify", "not-acceptable", "a name and a password are needed"), im.Addr{}, ""},
		{"3.1 no name", open, strings.Replace(setBill, "<username>bill</username>", "", 1), nil, failed("406", "modify", "not-acceptable", "a name and a password are needed"), im.Addr{}, ""},
		{"3.1 impossible name", open, strings.Replace(setBill, "bill", "b@ll", 1), nil, "not-acceptable", im.Addr{}, ""},
		{"3.1 conflict", open, setBill, im.Errorf(im.CodeNameTaken, "taken"), failed("409", "cancel", "conflict", "taken"), bill, ""},
		{"weak password", open, setBill, im.Errorf(im.CodePasswordWeak, "too short"), failed("406", "modify", "not-acceptable", "too short"), bill, ""},
		{"bad invitation", invite, setBill, im.Errorf(im.CodeInviteInvalid, "no such"), failed("406", "modify", "not-acceptable", "no such"), bill, ""},
		{"closed, but tried", Config{}, setBill, im.Errorf(im.CodeRegClosed, "closed"), failed("405", "cancel", "not-allowed", "closed"), bill, ""},
		{"too often", open, setBill, busy, failed("500", "wait", "resource-constraint", "too many"), bill, ""},
		{"3.2 remove before login", open, "<iq type='set' id='1'><query xmlns='jabber:iq:register'><remove/></query></iq>", nil, failed("400", "wait", "unexpected-request", "log in first"), im.Addr{}, ""},
		{"no id", open, "<iq type='get'><query xmlns='jabber:iq:register'/></iq>", nil, "bad-request", im.Addr{}, ""},
		{"no type", open, "<iq id='1'><query xmlns='jabber:iq:register'/></iq>", nil, "bad-request", im.Addr{}, ""},
		{"to somebody else", open, "<iq type='get' id='1' to='conference.example.org'><query xmlns='jabber:iq:register'/></iq>", nil, "not-authorized", im.Addr{}, ""},
		{"a result has no answer", open, "<iq type='result' id='1'><query xmlns='jabber:iq:register'/></iq>", nil, "", im.Addr{}, ""},
		{"an error neither", open, "<iq type='error' id='1'><query xmlns='jabber:iq:register'/></iq>", nil, "", im.Addr{}, ""},
	} {
		l := &logins{err: c.err}
		c.cfg.Logins = l
		e := xmpptest.Parse(t, c.in)
		if !Is(e) {
			t.Errorf("%s: not seen as a request", c.what)
		}
		got := c.cfg.Answer(t.Context(), "example.org", here, e)
		switch {
		case c.want == "" || c.want[0] == '<':
			check(t, c.what, got, c.want)
		case xmpptest.Condition(got) != c.want:
			t.Errorf("%s: %s", c.what, xmpptest.Text(got))
		}
		if l.addr != c.addr || l.invite != c.invite {
			t.Errorf("%s: registered %q with %q", c.what, l.addr, l.invite)
		}
		if got != nil && strings.Contains(xmpptest.Text(got), "Calliope") {
			t.Errorf("%s: the password came back", c.what)
		}
	}
}

func TestIs(t *testing.T) {
	for _, s := range []string{
		"<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
		"<iq type='get' id='1'/>",
		"<message><query xmlns='jabber:iq:register'/></message>",
	} {
		if Is(xmpptest.Parse(t, s)) {
			t.Errorf("%s is taken for a registration", s)
		}
	}
}

// Section 8.
func TestFeature(t *testing.T) {
	if (Config{}).Feature() != nil {
		t.Error("offered while closed")
	}
	if e := (Config{Open: true}).Feature(); !e.Is(NSFeature, "register") {
		t.Errorf("%s", e)
	}
}

// session is one whose core keeps a password.
type session struct {
	*xmpptest.Session
	core
}

type core struct {
	im.Session
	password *string
	err      error
}

func (s session) Core() im.Session { return s.core }

func (c core) PasswordChange(_ context.Context, old, new string, _ bool) error {
	if c.err != nil {
		return c.err
	}
	if old != *c.password {
		return im.Errorf(im.CodeBadCredentials, "the name or the password is wrong")
	}
	*c.password = new
	return nil
}

const changeForm = "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='form'><title>Password change</title><instructions>Give the old password and a new one.</instructions>" +
	"<field var='FORM_TYPE' type='hidden'><value>jabber:iq:register:changepassword</value></field>" +
	"<field var='username' type='text-single' label='Name'><required/><value>bill</value></field>" +
	"<field var='old_password' type='text-private' label='Old password'><required/></field>" +
	"<field var='password' type='text-private' label='New password'><required/></field></x></query>"

func refused(text string) string {
	return "<iq type='error' from='example.org' to='bill@example.org/globe' id='1'>" + changeForm +
		"<error type='modify'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>" + text + "</text></error></iq>"
}

func changed(name, old, fresh string) string {
	return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>jabber:iq:register:changepassword</value></field><field var='username'><value>" + name +
		"</value></field><field var='old_password'><value>" + old + "</value></field><field var='password'><value>" + fresh + "</value></field></x>"
}

// Requests after the login: sections 3.1, 3.2 and 3.3.
func TestAccount(t *testing.T) {
	const done = "<iq type='result' from='example.org' to='bill@example.org/globe' id='1'/>"
	plain := func(name string) string {
		return "<username>" + name + "</username><password>groundlings</password>"
	}
	for _, c := range []struct {
		what, typ, query string
		err              error // of the core
		want             string
		password         string // afterwards
		removed          bool
	}{
		{"3.1 registered", "get", "", nil, "<iq type='result' from='example.org' to='bill@example.org/globe' id='1'><query xmlns='jabber:iq:register'><registered/>" +
			"<instructions>You have an account. To change its password, give the old one and a new one.</instructions><username>bill</username><password/></query></iq>", "theglobe", false},
		{"3.2 remove", "set", "<remove/>", nil, done, "theglobe", true},
		{"3.2 remove and more", "set", "<remove/><username>bill</username>", nil, "bad-request", "theglobe", false},
		{"3.3 without the old password", "set", plain("bill"), nil, refused("the old password is needed to change it"), "theglobe", false},
		{"3.3 for another", "set", plain("anne"), nil, "not-allowed", "theglobe", false},
		{"3.3 incomplete", "set", "<password>groundlings</password>", nil, "bad-request", "theglobe", false},
		{"3.3 empty password", "set", "<username>bill</username><password/>", nil, "bad-request", "theglobe", false},
		{"nothing", "set", "", nil, "bad-request", "theglobe", false},
		{"3.3 form", "set", changed("bill@example.org", "theglobe", "groundlings"), nil, done, "groundlings", false},
		{"3.3 form by name", "set", changed("BILL", "theglobe", "groundlings"), nil, done, "groundlings", false},
		{"3.3 wrong old password", "set", changed("bill", "theworld", "groundlings"), nil, refused("the old password is wrong"), "theglobe", false},
		{"3.3 no old password", "set", changed("bill", "", "groundlings"), nil, refused("the old password is needed to change it"), "theglobe", false},
		{"3.3 form for another", "set", changed("bill@example.net", "theglobe", "groundlings"), nil, "not-allowed", "theglobe", false},
		{"3.3 form without new password", "set", changed("bill", "theglobe", ""), nil, "bad-request", "theglobe", false},
		{"form about something else", "set", strings.Replace(changed("bill", "theglobe", "groundlings"), ":changepassword", ":cancel", 1), nil, "bad-request", "theglobe", false},
		{"weak", "set", changed("bill", "theglobe", "groundlings"), im.Errorf(im.CodePasswordWeak, "weak"), "not-acceptable", "theglobe", false},
		{"tried too often", "set", changed("bill", "theglobe", "groundlings"), im.Errorf(im.CodeAuthBusy, "later"), "resource-constraint", "theglobe", false},
	} {
		password := "theglobe"
		cell := xmpptest.New()
		s := cell.Session("bill/globe")
		l := &logins{}
		m := iq.NewMux()
		Register(m, Config{Logins: l})
		st := xmpptest.Parse(t, "<iq from='bill@example.org/globe' to='example.org' type='"+c.typ+"' id='1'><query xmlns='jabber:iq:register'>"+c.query+"</query></iq>")
		r := xmpptest.Request(t, s, st)
		r.Session = session{s, core{s.Core(), &password, c.err}}
		payload, err := m.Serve(t.Context(), r)
		got := stanza.Result(st, payload)
		if err != nil {
			got = stanza.Reply(st, err)
		}
		if c.want[0] == '<' {
			check(t, c.what, got, c.want)
		} else if xmpptest.Condition(got) != c.want {
			t.Errorf("%s: %s", c.what, xmpptest.Text(got))
		}
		if password != c.password || (l.removed == cell.User("bill")) != c.removed {
			t.Errorf("%s: password %q, removed %v", c.what, password, l.removed)
		}
		if strings.Contains(xmpptest.Text(got), "groundlings") {
			t.Errorf("%s: the password came back", c.what)
		}
	}
}

// Section 10, and nobody answers for the account of somebody else.
func TestRegistered(t *testing.T) {
	m := iq.NewMux()
	Register(m, Config{})
	if f := m.Features(iq.Server); len(f) != 1 || f[0] != NS {
		t.Errorf("features %v", f)
	}
	cell := xmpptest.New()
	cell.User("anne")
	got := xmpptest.Serve(t, m, cell.Session("bill/globe"), "<iq to='anne@example.org' type='set' id='1'><query xmlns='jabber:iq:register'><remove/></query></iq>")
	if xmpptest.Condition(got) != "service-unavailable" {
		t.Errorf("%s", xmpptest.Text(got))
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{setBill, submitBill, "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := stanza.Parse([]byte(s))
		if err != nil || !Is(e) {
			return
		}
		got := Config{Open: true, Logins: &logins{}}.Answer(t.Context(), "example.org", here, e)
		if typ := e.Attr("type"); (got == nil) != (typ == "result" || typ == "error") {
			t.Fatalf("%s is answered with %s", s, xmpptest.Text(got))
		}
		if got != nil {
			if _, err := stanza.Parse(stanza.Bytes(got)); err != nil {
				t.Fatalf("%s: %v", xmpptest.Text(got), err)
			}
		}
	})
}
