package roster

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func setup(t testing.TB) (*xmpptest.Cell, *iq.Mux, *xmpptest.Session) {
	t.Helper()
	m := iq.NewMux()
	Register(m)
	c := xmpptest.New()
	c.User("juliet")
	return c, m, c.Session("romeo/orchard")
}

func ask(t testing.TB, m *iq.Mux, s *xmpptest.Session, query string) string {
	t.Helper()
	return xmpptest.Text(xmpptest.Serve(t, m, s, `<iq type='get' id='1'>`+query+`</iq>`))
}

func put(t testing.TB, m *iq.Mux, s *xmpptest.Session, query string) string {
	t.Helper()
	return xmpptest.Condition(xmpptest.Serve(t, m, s, `<iq type='set' id='1'><query xmlns='jabber:iq:roster'>`+query+`</query></iq>`))
}

const head = `<iq type='result' to='romeo@example.org/orchard' id='1'`

func TestGet(t *testing.T) {
	c, m, s := setup(t)
	if got := ask(t, m, s, `<query xmlns='jabber:iq:roster'/>`); got != head+`><query xmlns='jabber:iq:roster'/></iq>` {
		t.Error("RFC 6121 2.1.4, empty:", got)
	}
	if !s.Has(iq.Interested) {
		t.Error("RFC 6121 2.2: not interested")
	}
	for _, x := range []struct {
		name string
		im.Contact
	}{
		{"a", im.Contact{Listed: true, Name: "A & co", Groups: []string{"x", "y"}}},
		{"b", im.Contact{Listed: true, Sub: im.SubTo}},
		{"c", im.Contact{Listed: true, Sub: im.SubFrom | im.SubPendingOut}},
		{"d", im.Contact{Listed: true, Sub: im.SubBoth}},
		{"e", im.Contact{Listed: true, Sub: im.SubPreApproved | im.SubPendingOut}},
		{"f", im.Contact{Sub: im.SubPendingIn}},
		{"g", im.Contact{Listed: true, Sub: im.SubTo | im.SubPendingIn}},
	} {
		x.User, x.Addr = c.User(x.name), xmpptest.Addr(x.name)
		c.PutContact("romeo", x.Contact)
	}
	ghost := xmpptest.Addr("ghost")
	c.PutContact("romeo", im.Contact{User: im.ForeignID(ghost), Addr: ghost, Listed: true, Sub: im.SubPendingOut})
	// Somebody has made an account for an address that was on the list.
	c.PutContact("romeo", im.Contact{User: im.ForeignID(xmpptest.Addr("d")), Addr: xmpptest.Addr("d"), Listed: true})
	got := ask(t, m, s, `<query xmlns='jabber:iq:roster' ver=''> </query>`)
	for rule, want := range map[string]string{
		"2.1.2.4 and 2.1.2.6": `<item jid='a@example.org' name='A &amp; co' subscription='none'><group>x</group><group>y</group></item>`,
		"2.1.2.5 to":          `<item jid='b@example.org' subscription='to'/>`,
		"2.1.2.2 ask":         `<item jid='c@example.org' subscription='from' ask='subscribe'/>`,
		"2.1.2.5 both":        `<item jid='d@example.org' subscription='both'/>`,
		"2.1.2.1 approved":    `<item jid='e@example.org' subscription='none' ask='subscribe' approved='true'/>`,
		"A.1 to, pending in":  `<item jid='g@example.org' subscription='to'/>`,
		"8.5.1 no account":    `<item jid='ghost@example.org' subscription='none' ask='subscribe'/>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("RFC 6121 %s: %s is not in %s", rule, want, got)
		}
	}
	if strings.Contains(got, "'f@") || strings.Count(got, "'d@") != 1 {
		t.Error("RFC 6121 3.1.3: what is not in the roster is shown, or an item twice:", got)
	}
	if !strings.HasPrefix(got, head+`><query xmlns='jabber:iq:roster' ver='0'>`) {
		t.Error("RFC 6121 2.6.2: a client that knows no version yet:", got)
	}
}

func TestGetFails(t *testing.T) {
	for _, x := range []struct{ method, ver string }{
		{"ContactList", ""}, {"ContactList", " ver=''"}, {"Archive", " ver=''"}, {"Archive", " ver='1'"},
	} {
		c, m, s := setup(t)
		c.Fail[x.method] = im.Errorf(im.CodeZoneUnavailable, "")
		st := xmpptest.Serve(t, m, s, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'`+x.ver+`/></iq>`)
		if xmpptest.Condition(st) != string(stanza.ResourceConstraint) || s.Has(iq.Interested) {
			t.Error(x, st)
		}
	}
}

func TestSet(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	many := ""
	for i := range maxGroups + 1 {
		many += `<group>` + strconv.Itoa(i) + `</group>`
	}
	for _, r := range []struct {
		rule, query string
		want        stanza.Condition
	}{
		{"RFC 6121 2.3.1", `<item jid='juliet@example.org' name='J'><group>Friends</group></item>`, ""},
		{"2.4.1 update", `<item jid='juliet@example.org'/>`, ""},
		{"2.1.2.3 a resource is not part of it", `<item jid='juliet@example.org/x' name='J'/>`, ""},
		{"2.1.2.3 a domain", `<item jid='gateway.example.net'/>`, ""},
		{"8.5.1 no account", `<item jid='nobody@example.org'/>`, ""},
		{"another server", `<item jid='a@example.net'/>`, ""},
		{"2.1.5 other values of subscription do not count", `<item jid='juliet@example.org' subscription='both' ask='subscribe' approved='true'/>`, ""},
		{"2.3.3 several items", `<item jid='juliet@example.org'/><item jid='a@example.org'/>`, stanza.BadRequest},
		{"2.1.5 no item", ``, stanza.BadRequest},
		{"2.1.5 item of another namespace", `<item xmlns='u' jid='juliet@example.org'/>`, stanza.BadRequest},
		{"2.1.2.3 no jid", `<item name='J'/>`, stanza.BadRequest},
		{"malformed", `<item jid='@'/>`, stanza.JIDMalformed},
		{"malformed, empty", `<item jid=''/>`, stanza.JIDMalformed},
		{"2.3.3 own address", `<item jid='romeo@example.org'/>`, stanza.NotAllowed},
		{"2.3.3 own address in full", `<item jid='ROMEO@example.org/x' subscription='remove'/>`, stanza.NotAllowed},
		{"2.3.3 long name", `<item jid='juliet@example.org' name='` + long + `'/>`, stanza.NotAcceptable},
		{"2.3.3 group twice", `<item jid='juliet@example.org'><group>a</group><group>a</group></item>`, stanza.BadRequest},
		{"2.3.3 group without name", `<item jid='juliet@example.org'><group/></item>`, stanza.NotAcceptable},
		{"2.3.3 long group", `<item jid='juliet@example.org'><group>` + long + `</group></item>`, stanza.NotAcceptable},
		{"many groups", `<item jid='juliet@example.org'>` + many + `</item>`, stanza.NotAcceptable},
		{"2.5.3 not there", `<item jid='juliet@example.org' subscription='remove'/>`, stanza.ItemNotFound},
		{"2.5.3 no account", `<item jid='nobody@example.org' subscription='remove'/>`, stanza.ItemNotFound},
	} {
		c, m, s := setup(t)
		if got := put(t, m, s, r.query); got != string(r.want) {
			t.Errorf("%s: %q; want %q", r.rule, got, r.want)
		}
		if n := len(c.Log("romeo")); (r.want == "") != (n == 1) {
			t.Errorf("%s: %d entries", r.rule, n)
		}
		if r.want == "" && c.Log("romeo")[0].Contact.Sub != im.SubNone {
			t.Errorf("%s: a set changed the subscription", r.rule)
		}
	}
}

func TestSetOfOthers(t *testing.T) {
	_, m, s := setup(t)
	for _, to := range []string{"juliet", "nobody"} {
		for _, typ := range []string{"get", "set"} {
			st := xmpptest.Serve(t, m, s, `<iq type='`+typ+`' id='1' to='`+to+`@example.org'><query xmlns='jabber:iq:roster'><item jid='a@example.org'/></query></iq>`)
			if xmpptest.Condition(st) != string(stanza.Forbidden) {
				t.Error("RFC 6121 2.3.3:", st)
			}
		}
	}
}

func TestCoreRefuses(t *testing.T) {
	c, m, s := setup(t)
	for code, want := range map[im.ErrorCode]stanza.Condition{
		im.CodeTooLarge:        stanza.NotAcceptable,
		im.CodeInvalid:         stanza.NotAcceptable,
		im.CodeTooMany:         stanza.ResourceConstraint,
		im.CodeZoneUnavailable: stanza.ResourceConstraint,
	} {
		c.Fail["ContactPut"] = im.Errorf(code, "no")
		if got := put(t, m, s, `<item jid='juliet@example.org'/>`); got != string(want) {
			t.Error(code, got)
		}
	}
	for _, method := range []string{"Resolve", "Contact"} {
		c.Fail[method] = im.Errorf(im.CodeZoneUnavailable, "")
		if got := put(t, m, s, `<item jid='juliet@example.org' subscription='remove'/>`); got != string(stanza.ResourceConstraint) {
			t.Error(method, got)
		}
	}
}

func TestRemove(t *testing.T) {
	c, m, s := setup(t)
	c.Befriend("romeo", "juliet")
	old := xmpptest.Addr("rosaline")
	c.PutContact("romeo", im.Contact{User: im.ForeignID(old), Addr: old, Listed: true})
	c.User("rosaline")
	for _, name := range []string{"juliet", "rosaline"} {
		if got := put(t, m, s, `<item jid='`+name+`@example.org' subscription='remove'/>`); got != "" {
			t.Fatal("RFC 6121 2.5.1:", got)
		}
	}
	if got := ask(t, m, s, `<query xmlns='jabber:iq:roster'/>`); got != head+`><query xmlns='jabber:iq:roster'/></iq>` {
		t.Error("RFC 6121 2.5.2:", got)
	}
	k, err := c.Session("juliet/b").Core().Contact(context.Background(), c.User("romeo"))
	if err != nil || k.Sub != im.SubNone {
		t.Error("RFC 6121 2.5.2: both subscriptions end", k, err)
	}
}

// Roster versioning (RFC 6121 section 2.6).
func TestVersions(t *testing.T) {
	c, m, s := setup(t)
	for _, n := range []string{"a", "b", "c"} {
		if got := put(t, m, s, `<item jid='`+n+`@example.org'/>`); got != "" {
			t.Fatal(got)
		}
	}
	c.Append("romeo", im.Entry{Kind: im.KindMessage})
	const empty = head + `/>`
	query := func(ver string) string { return ask(t, m, s, `<query xmlns='jabber:iq:roster' ver='`+ver+`'/>`) }
	if got := query("3"); got != empty || len(s.Sent()) != 0 {
		t.Error("2.6.3 up to date:", got)
	}
	put(t, m, s, `<item jid='b@example.org' name='B'/>`)              // 5
	put(t, m, s, `<item jid='b@example.org' name='BB'/>`)             // 6
	put(t, m, s, `<item jid='a@example.org' subscription='remove'/>`) // 7
	if got := query("3"); got != empty {
		t.Error("2.6.3 changes:", got)
	}
	const push = `<iq type='set' id='push-%' to='romeo@example.org/orchard'><query xmlns='jabber:iq:roster' ver='%'>`
	want := []string{
		strings.ReplaceAll(push, "%", "6") + `<item jid='b@example.org' name='BB' subscription='none'/></query></iq>`,
		strings.ReplaceAll(push, "%", "7") + `<item jid='a@example.org' subscription='remove'/></query></iq>`,
	}
	if got := xmpptest.Texts(s.Sent()); !slices.Equal(got, want) {
		t.Errorf("2.6.3 pushes:\n got %v\nwant %v", got, want)
	}
	if got := query("7"); got != empty || len(s.Sent()) != 0 {
		t.Error("2.6.3 after the pushes:", got)
	}
	for rule, ver := range map[string]string{
		"no number": "x", "not of the list": "4", "of the future": "8", "negative": "-1", "huge": strings.Repeat("9", 40),
		"not as we write it": "07", "quotes": "7&apos; or 1=1",
	} {
		got := query(ver)
		if !strings.HasPrefix(got, head+`><query xmlns='jabber:iq:roster' ver='7'><item`) || len(s.Sent()) != 0 {
			t.Error("2.6.3", rule, got)
		}
	}
	if got := ask(t, m, s, `<query xmlns='jabber:iq:roster'/>`); strings.Contains(got, "ver=") {
		t.Error("2.6.2: the client speaks no versions:", got)
	}
	for i := range maxDelta + 1 {
		put(t, m, s, `<item jid='b@example.org' name='`+strconv.Itoa(i)+`'/>`)
	}
	if got := query("7"); !strings.Contains(got, "<item") || len(s.Sent()) != 0 {
		t.Error("2.6.3: many changes are the whole list", got)
	}
}

func TestFeatures(t *testing.T) {
	var got []string
	for _, f := range Features() {
		got = append(got, xmpptest.Text(f))
	}
	if !slices.Equal(got, []string{`<ver xmlns='urn:xmpp:features:rosterver'/>`, `<sub xmlns='urn:xmpp:features:pre-approval'/>`}) {
		t.Error("RFC 6121 2.6.1, 3.4.1:", got)
	}
}

func FuzzSet(f *testing.F) {
	f.Add(`<item jid='juliet@example.org' name='J' subscription='remove'><group>a</group></item>`)
	f.Add(`<item jid=''/><item/>`)
	f.Fuzz(func(t *testing.T, in string) {
		st, err := stanza.Parse([]byte(`<iq type='set' id='1'><query xmlns='jabber:iq:roster'>` + in + `</query></iq>`))
		if err != nil {
			return
		}
		_, m, s := setup(t)
		r := xmpptest.Request(t, s, st)
		if _, err := m.Serve(context.Background(), r); err != nil && stanza.Of(err).Condition == stanza.InternalServerError {
			t.Error(in, err)
		}
	})
}
