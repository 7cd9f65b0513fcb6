package disco

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func info(t testing.TB, body string) *xmlstream.Element {
	t.Helper()
	return xmpptest.Parse(t, `<query xmlns='http://jabber.org/protocol/disco#info'>`+body+`</query>`)
}

const (
	simple = `<identity category='client' name='Exodus 0.9.1' type='pc'/><feature var='http://jabber.org/protocol/disco#info'/>` +
		`<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/muc'/><feature var='http://jabber.org/protocol/disco#items'/>`
	features = `<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>` +
		`<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>`
	software = `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>` +
		`<field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field><field var='software_version'><value>0.11</value></field>` +
		`<field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field></x>`
	complex = `<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/><identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>` +
		features + software
)

func TestVerify(t *testing.T) {
	for _, c := range []struct{ rule, body, hash, want string }{
		{"XEP-0115 5.2", simple, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"5.3", complex, "sha-1", "q07IKJEyjvHSyhy//CH0CxmKi8w="},
		{"5.4: a form that does not say what it is about does not count", simple + `<x xmlns='jabber:x:data' type='result'><field var='a'><value>b</value></field></x>`, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"5.4: nor one that says so openly", simple + `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>b</value></field></x>`, "sha-1", "QgayPKawpkPSDYmwT/WM94uAlu0="},
		{"5.4: an identity twice", `<identity category='client' type='pc'/><identity category='client' type='pc'/>`, "sha-1", ""},
		{"5.4: a feature twice", `<feature var='a'/><feature var='a'/>`, "sha-1", ""},
		{"5.4: a form twice", simple + software + software, "sha-1", ""},
		{"5.4: a form about two things", `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>`, "sha-1", ""},
		{"9.2: features within a feature", `<identity category='client' name='Exodus 0.9.1' type='pc'/><feature var='http://jabber.org/protocol/caps&lt;http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>`, "sha-1", ""},
		{"8.1: a hash that nobody knows", simple, "md2", ""},
		{"12: no hash", simple, "", ""},
	} {
		got, ok := Verify(info(t, c.body), c.hash)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q; want %q", c.rule, got, c.want)
		}
	}
	if got, ok := Verify(info(t, simple), "sha-256"); !ok || len(got) != 44 {
		t.Error("8.1: sha-256:", got)
	}
}

// presence announces capabilities.
func presence(t testing.TB, hash, ver string) *xmlstream.Element {
	t.Helper()
	return xmpptest.Parse(t, `<presence><c xmlns='http://jabber.org/protocol/caps' node='u'`+hash+` ver='`+ver+`'/></presence>`)
}

const sha1Attr = ` hash='sha-1'`

func answer(t testing.TB, body string) *xmlstream.Element {
	t.Helper()
	return stanza.New("iq", "result").Add(info(t, body))
}

const wanting = `<identity category='client' type='pc'/><feature var='b+notify'/><feature var='a+notify'/><feature var='c'/>`

func TestClientCaps(t *testing.T) {
	c, _, d := setup(t)
	ver, _ := Verify(info(t, wanting), "sha-1")
	first := c.Session("romeo/a")
	var known Client
	d.Presence(first, &known, presence(t, sha1Attr, ver))
	d.Presence(first, &known, presence(t, sha1Attr, ver))
	d.Presence(first, &known, xmpptest.Parse(t, `<presence/>`))
	asked := first.Asked()
	if len(asked) != 1 || !asked[0].Get || asked[0].Payload.Attr("node") != "u#"+ver {
		t.Fatal("XEP-0115 6.2: asked", asked)
	}
	asked[0].Answer(answer(t, wanting))
	if got := first.Interested(); !slices.Equal(got, []string{"a", "b"}) {
		t.Error("XEP-0163 4:", got)
	}
	second := c.Session("juliet/b")
	d.Presence(second, new(Client), presence(t, sha1Attr, ver))
	if got := second.Interested(); len(second.Asked()) != 0 || !slices.Equal(got, []string{"a", "b"}) {
		t.Error("XEP-0115 5.4: a verified string is remembered for all:", got)
	}
	more := strings.Replace(wanting, "var='c'", "var='d+notify'", 1)
	next, _ := Verify(info(t, more), "sha-1")
	d.Presence(first, &known, presence(t, sha1Attr, next))
	first.Asked()[0].Answer(answer(t, more))
	if got := first.Interested(); !slices.Equal(got, []string{"a", "b", "d"}) {
		t.Error("XEP-0115 6.1: capabilities that change:", got)
	}
}

// A client that lies harms only itself (XEP-0115 section 9.2).
func TestPoison(t *testing.T) {
	good, _ := Verify(info(t, simple), "sha-1")
	for _, x := range []struct{ rule, attr, ver, body string }{
		{"9.2: a wrong hash", sha1Attr, good, wanting},
		{"9.2: an ill-formed answer", sha1Attr, good, simple + simple},
		{"5.4: an unknown hash", ` hash='rot13'`, good, wanting},
		{"12: the format of old", ``, good, wanting},
		{"12: the format of old with a hash for version", ` hash=''`, "sha-1 " + good, wanting},
	} {
		c, _, d := setup(t)
		liar, victim := c.Session("mallory/a"), c.Session("romeo/a")
		d.Presence(liar, new(Client), presence(t, x.attr, x.ver))
		for _, q := range liar.Asked() {
			q.Answer(answer(t, x.body))
		}
		if n := len(d.cache.items); n != 0 {
			t.Errorf("%s: %d remembered", x.rule, n)
		}
		d.Presence(victim, new(Client), presence(t, sha1Attr, good))
		q := victim.Asked()
		if len(q) != 1 {
			t.Errorf("%s: the next client is not asked", x.rule)
			continue
		}
		q[0].Answer(answer(t, simple))
		if got := victim.Interested(); len(got) != 0 {
			t.Errorf("%s: poisoned: %v", x.rule, got)
		}
	}
}

func TestClientDoesNotAnswer(t *testing.T) {
	c, _, d := setup(t)
	s := c.Session("romeo/a")
	var known Client
	for _, a := range []*xmlstream.Element{nil, stanza.New("iq", "error"), stanza.New("iq", "result"), stanza.New("iq", "error").Add(info(t, wanting))} {
		d.Presence(s, &known, presence(t, sha1Attr, "x"))
		q := s.Asked()
		if len(q) != 1 {
			t.Fatal("not asked again")
		}
		q[0].Answer(a)
		if s.Interested() != nil {
			t.Error(a)
		}
	}
	d.Presence(s, &known, presence(t, sha1Attr, "x"))
	d.Presence(s, &known, presence(t, sha1Attr, "y"))
	q := s.Asked()
	q[1].Answer(answer(t, wanting))
	q[0].Answer(answer(t, simple))
	if got := s.Interested(); !slices.Equal(got, []string{"a", "b"}) {
		t.Error("an answer that is late counts:", got)
	}
}

func TestCapsBounds(t *testing.T) {
	c, _, d := setup(t)
	s := c.Session("romeo/a")
	for _, bad := range []*xmlstream.Element{
		presence(t, sha1Attr, ""), presence(t, sha1Attr, strings.Repeat("x", maxCaps)),
		xmpptest.Parse(t, `<presence><c xmlns='u' ver='1' hash='sha-1'/></presence>`),
	} {
		d.Presence(s, new(Client), bad)
	}
	if len(s.Asked()) != 0 {
		t.Error("asked for nothing")
	}
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, `<feature var='%03d%s+notify'/>`, i, strings.Repeat("x", 100))
	}
	if n := len(strings.Join(interests(info(t, b.String())), "\n")); n > maxInterests || n < maxInterests/2 {
		t.Error("interests of", n, "bytes")
	}
	if got := interests(info(t, `<feature var='+notify'/><feature var='a&#10;b+notify'/><feature/><other var='a+notify'/>`)); len(got) != 0 {
		t.Error(got)
	}
	k := newCache(2)
	k.put("a", nil)
	k.put("b", nil)
	k.get("a")
	k.put("c", nil)
	k.put("c", nil)
	if _, ok := k.get("b"); ok || len(k.items) != 2 || k.order.Len() != 2 {
		t.Error("the oldest did not go", k.items)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(simple)
	f.Add(complex)
	f.Add(`<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'/></x><identity/><feature/>`)
	f.Fuzz(func(t *testing.T, in string) {
		e, err := stanza.Parse([]byte(`<query xmlns='http://jabber.org/protocol/disco#info'>` + in + `</query>`))
		if err != nil {
			return
		}
		a, ok := Verify(e, "sha-1")
		interests(e)
		slices.Reverse(e.Nodes)
		if b, again := Verify(e, "sha-1"); a != b || ok != again {
			t.Errorf("the order of children counts: %s %q %q", in, a, b)
		}
	})
}
