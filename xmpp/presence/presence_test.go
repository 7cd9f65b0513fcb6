package presence

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func parse(t testing.TB, text string) *xmlstream.Element {
	t.Helper()
	e, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func text(st *xmlstream.Element) string { return string(stanza.Bytes(st)) }

func addr(t testing.TB, s string) im.Addr {
	t.Helper()
	a, err := im.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		rule, in string
		want     im.Presence
		bad      stanza.Condition
	}{
		{"RFC 6121 4.7.1: no type is available", `<presence/>`, im.Presence{Show: im.ShowOnline}, ""},
		{"4.7.1: unavailable", `<presence type='unavailable'><status>gone</status></presence>`, im.Presence{Status: "gone"}, ""},
		{"4.7.2.1: away", `<presence><show>away</show></presence>`, im.Presence{Show: im.ShowAway}, ""},
		{"4.7.2.1: chat", `<presence><show>chat</show></presence>`, im.Presence{Show: im.ShowChat}, ""},
		{"4.7.2.1: dnd", `<presence><show>dnd</show></presence>`, im.Presence{Show: im.ShowDND}, ""},
		{"4.7.2.1: xa", `<presence><show>xa</show></presence>`, im.Presence{Show: im.ShowXA}, ""},
		{"4.7.2.1: empty, as clients send it", `<presence><show/><status/><priority/></presence>`, im.Presence{Show: im.ShowOnline}, ""},
		{"4.7.2.1: no other value", `<presence><show>online</show></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.1: case counts", `<presence><show>Away</show></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.1: one at most", `<presence><show>away</show><show>xa</show></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.2: status", `<presence><status>a &amp; b</status></presence>`, im.Presence{Show: im.ShowOnline, Status: "a & b"}, ""},
		{"4.7.2.3: priority", `<presence><priority> 5 </priority></presence>`, im.Presence{Show: im.ShowOnline, Priority: 5}, ""},
		{"4.7.2.3: lowest", `<presence><priority>-128</priority></presence>`, im.Presence{Show: im.ShowOnline, Priority: -128}, ""},
		{"4.7.2.3: highest", `<presence><priority>127</priority></presence>`, im.Presence{Show: im.ShowOnline, Priority: 127}, ""},
		{"4.7.2.3: too high", `<presence><priority>128</priority></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.3: too low", `<presence><priority>-129</priority></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.3: no number", `<presence><priority>1.5</priority></presence>`, im.Presence{}, stanza.BadRequest},
		{"4.7.2.3: one at most", `<presence><priority>1</priority><priority>1</priority></presence>`, im.Presence{}, stanza.BadRequest},
		{
			"4.7.3: extended content", `<presence id='1' xml:lang='en' from='a@b/c' to='d@e'> <c xmlns='u'/> </presence>`,
			im.Presence{Show: im.ShowOnline, Ext: `<presence id='1' xml:lang='en'><c xmlns='u'/></presence>`},
			"",
		},
		{
			"4.7.2.2: other languages", `<presence><status xml:lang='cs'>x</status><status>y</status></presence>`,
			im.Presence{Show: im.ShowOnline, Status: "y", Ext: `<presence><status xml:lang='cs'>x</status></presence>`},
			"",
		},
		{
			"a status only in one language", `<presence><status xml:lang='cs'>x</status></presence>`,
			im.Presence{Show: im.ShowOnline, Status: "x", Ext: `<presence><status xml:lang='cs'>x</status></presence>`},
			"",
		},
		{
			"XEP-0203 5: a delay of ours is forged", `<presence from='a@b/c'><delay xmlns='urn:xmpp:delay' from='b'/><delay xmlns='urn:xmpp:delay' from='a@b'/><delay xmlns='urn:xmpp:delay'/></presence>`,
			im.Presence{Show: im.ShowOnline},
			"",
		},
		{"bounded", `<presence><x xmlns='u'>` + strings.Repeat("x", MaxExt) + `</x></presence>`, im.Presence{}, stanza.PolicyViolation},
	} {
		got, err := Read(parse(t, c.in))
		if c.bad != "" {
			if err == nil || stanza.Of(err).Condition != c.bad {
				t.Errorf("%s: %v; want %s", c.rule, err, c.bad)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %+v %v\nwant %+v", c.rule, got, err, c.want)
		}
	}
}

func TestWrite(t *testing.T) {
	from, to := addr(t, "romeo@example.org/orchard"), addr(t, "juliet@example.org/balcony")
	const head = `<presence from='romeo@example.org/orchard' to='juliet@example.org/balcony'`
	for _, c := range []struct {
		rule string
		in   im.Presence
		want string
	}{
		{"RFC 6121 4.7.1", im.Presence{Show: im.ShowOnline}, head + `/>`},
		{"4.7.2", im.Presence{Show: im.ShowDND, Status: "a<b", Priority: -1}, head + `><show>dnd</show><priority>-1</priority><status>a&lt;b</status></presence>`},
		{"4.5.2", im.Presence{Show: im.ShowOffline, Status: "gone", Priority: 3}, head + ` type='unavailable'><status>gone</status></presence>`},
		{"invisible says nothing", im.Presence{Show: im.ShowInvisible, Status: "here", Ext: `<presence><x xmlns='u'/></presence>`}, head + ` type='unavailable'/>`},
		{"4.7.3", im.Presence{Show: im.ShowChat, Ext: `<presence id='1'><c xmlns='u'/></presence>`}, head + ` id='1'><show>chat</show><c xmlns='u'/></presence>`},
		{"a status in one language once", im.Presence{Show: im.ShowOnline, Status: "x", Ext: `<presence><status xml:lang='cs'>x</status></presence>`}, head + `><status xml:lang='cs'>x</status></presence>`},
		{"what is no presence is left out", im.Presence{Show: im.ShowOnline, Ext: "\x01\x02"}, head + `/>`},
		{"what is another element is left out", im.Presence{Show: im.ShowOnline, Ext: "<message/>"}, head + `/>`},
		{"addresses in there are not ours", im.Presence{Show: im.ShowOnline, Ext: "<presence from='e@vil' to='x' type='subscribe'/>"}, head + `/>`},
	} {
		if got := text(Write(c.in, from, to)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`<presence><show>away</show><status xml:lang='de'>x</status><priority>5</priority><c xmlns='u' ver='1'/></presence>`)
	f.Add(`<presence type='unavailable' id='1'><status>x</status></presence>`)
	f.Fuzz(func(t *testing.T, in string) {
		st, err := stanza.Parse([]byte(in))
		if err != nil || !st.Is(stanza.NSClient, "presence") {
			return
		}
		p, err := Read(st)
		if err != nil {
			return
		}
		from, to := addr(t, "a@b/c"), addr(t, "d@e/f")
		again, err := Read(Write(p, from, to))
		if err != nil || again != p {
			t.Errorf("%s\nfirst %+v\nthen  %+v %v", in, p, again, err)
		}
	})
}
