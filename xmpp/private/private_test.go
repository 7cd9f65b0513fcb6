package private

import (
	"context"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func setup(t testing.TB, b Bookmarks) (*xmpptest.Cell, *iq.Mux, *xmpptest.Session) {
	t.Helper()
	m := iq.NewMux()
	Register(m, b)
	c := xmpptest.New()
	return c, m, c.Session("hamlet/denmark")
}

func do(t testing.TB, m *iq.Mux, s *xmpptest.Session, typ, to, children string) (string, string) {
	t.Helper()
	st := xmpptest.Serve(t, m, s, `<iq type='`+typ+`' id='1'`+to+`><query xmlns='jabber:iq:private'>`+children+`</query></iq>`)
	return xmpptest.Text(st.Child(NS, "query")), xmpptest.Condition(st)
}

func TestStorage(t *testing.T) {
	_, m, s := setup(t, nil)
	const notes = `<storage xmlns='storage:rosternotes'><note jid='a@b' cdate='2026-01-01T00:00:00Z'>x &amp; y</note></storage>`
	const prefs = `<exodus xmlns='exodus:prefs'><defaultnick>Hamlet</defaultnick></exodus>`
	for _, c := range []struct{ rule, typ, children, want string }{
		{"XEP-0049 2.3: never stored", "get", `<exodus xmlns='exodus:prefs'/>`, `<exodus xmlns='exodus:prefs'/>`},
		{"2.3: store", "set", prefs, ""},
		{"2.3: retrieve", "get", `<exodus xmlns='exodus:prefs'/>`, prefs},
		{"2.3: another of the namespace", "get", `<other xmlns='exodus:prefs'/>`, `<other xmlns='exodus:prefs'/>`},
		{"2.3: several at once", "set", notes + `<roster xmlns='roster:delimiter'>::</roster>`, ""},
		{"XEP-0145: notes", "get", `<storage xmlns='storage:rosternotes'/>`, notes},
		{"XEP-0083: the delimiter", "get", `<roster xmlns='roster:delimiter'/>`, `<roster xmlns='roster:delimiter'>::</roster>`},
		{"the last of a name counts", "set", `<a xmlns='u'>1</a><a xmlns='u'>2</a>`, ""},
		{"the last of a name", "get", `<a xmlns='u'/><b xmlns='u'/>`, `<a xmlns='u'>2</a><b xmlns='u'/>`},
		{"2.3: replaced", "set", `<exodus xmlns='exodus:prefs'><x/></exodus>`, ""},
		{"2.3: after that", "get", `<exodus xmlns='exodus:prefs'/>`, `<exodus xmlns='exodus:prefs'><x/></exodus>`},
		{"emptied", "set", `<exodus xmlns='exodus:prefs'> </exodus>`, ""},
		{"after that", "get", `<exodus xmlns='exodus:prefs'/>`, `<exodus xmlns='exodus:prefs'/>`},
	} {
		got, cond := do(t, m, s, c.typ, "", c.children)
		want := c.want
		if want != "" {
			want = `<query xmlns='jabber:iq:private'>` + want + `</query>`
		}
		if cond != "" || got != want {
			t.Errorf("%s:\n got %s %s\nwant %s", c.rule, got, cond, want)
		}
	}
}

func TestRefused(t *testing.T) {
	c, m, s := setup(t, nil)
	c.User("ophelia")
	many := strings.Repeat(`<a xmlns='u'/>`, maxElements+1)
	long := `<a xmlns='` + strings.Repeat("u", maxName) + `'/>`
	for _, r := range []struct {
		rule, typ, to, children string
		want                    stanza.Condition
	}{
		{"XEP-0049 2.3: no element", "get", "", "", stanza.BadRequest},
		{"2.3: no element", "set", "", "", stanza.NotAcceptable},
		{"2.3: no namespace of its own", "set", "", "<a/>", stanza.NotAcceptable},
		{"2.3: no namespace", "set", "", "<a xmlns=''/>", stanza.NotAcceptable},
		{"2.3: that of stanzas", "set", "", "<a xmlns='jabber:client'/>", stanza.NotAcceptable},
		{"2.3: two namespaces", "get", "", "<a xmlns='u'/><a xmlns='v'/>", stanza.BadRequest},
		{"bounded", "set", "", many, stanza.PolicyViolation},
		{"bounded", "set", "", long, stanza.NotAcceptable},
		{"2.3: of another user", "get", " to='ophelia@example.org'", "<a xmlns='u'/>", stanza.Forbidden},
		{"2.3: of another user", "set", " to='ophelia@example.org'", "<a xmlns='u'/>", stanza.Forbidden},
		{"of nobody", "get", " to='nobody@example.org'", "<a xmlns='u'/>", stanza.Forbidden},
		{"of nobody", "set", " to='nobody@example.org'", "<a xmlns='u'/>", stanza.Forbidden},
		{"of the server", "get", " to='example.org'", "<a xmlns='u'/>", stanza.ServiceUnavailable},
	} {
		if _, got := do(t, m, s, r.typ, r.to, r.children); got != string(r.want) {
			t.Errorf("%s: %q; want %q", r.rule, got, r.want)
		}
	}
	for _, method := range []string{"LeafItems", "EditLeaf"} {
		c.Fail[method] = im.Errorf(im.CodeZoneUnavailable, "")
	}
	for _, typ := range []string{"get", "set"} {
		if _, got := do(t, m, s, typ, "", "<a xmlns='u'>x</a>"); got != string(stanza.ResourceConstraint) {
			t.Error(typ, got)
		}
	}
}

// rooms stands for the bookmarks of PEP.
type rooms struct {
	set  *xmlstream.Element
	fail error
}

func (b *rooms) Bookmarks(_ context.Context, _ iq.Session, stored *xmlstream.Element) (*xmlstream.Element, error) {
	out := xmlstream.New(nsBookmarks, "storage")
	for c := range stored.Children() {
		out.Add(c)
	}
	return out.Add(xmlstream.New(nsBookmarks, "conference").SetAttr("jid", "r@c")), b.fail
}

func (b *rooms) SetBookmarks(_ context.Context, _ iq.Session, storage *xmlstream.Element) error {
	b.set = storage
	return b.fail
}

func TestBookmarks(t *testing.T) {
	b := &rooms{}
	_, m, s := setup(t, b)
	const ask = `<storage xmlns='storage:bookmarks'/>`
	if got, _ := do(t, m, s, "get", "", ask); got != `<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='r@c'/></storage></query>` {
		t.Error("XEP-0402 6:", got)
	}
	if _, cond := do(t, m, s, "set", "", `<storage xmlns='storage:bookmarks'><url url='u'/></storage>`); cond != "" || b.set == nil {
		t.Error("XEP-0402 6:", cond, b.set)
	}
	if got, _ := do(t, m, s, "get", "", ask); got != `<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><url url='u'/><conference jid='r@c'/></storage></query>` {
		t.Error("XEP-0402 6:", got)
	}
	b.fail = im.Errorf(im.CodeTooMany, "")
	for _, typ := range []string{"get", "set"} {
		if _, cond := do(t, m, s, typ, "", ask); cond != string(stanza.ResourceConstraint) {
			t.Error(typ, cond)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add(`<a xmlns='u'>x</a><b xmlns='v' c='d'/>`)
	f.Fuzz(func(t *testing.T, in string) {
		st, err := stanza.Parse([]byte(`<iq type='set' id='1'><query xmlns='jabber:iq:private'>` + in + `</query></iq>`))
		if err != nil {
			return
		}
		_, m, s := setup(t, nil)
		if _, err := m.Serve(context.Background(), xmpptest.Request(t, s, st)); err != nil {
			return
		}
		for e := range st.First().Children() {
			ask := stanza.New("iq", "get").Add(xmlstream.New(NS, "query").Add(xmlstream.New(e.Space, e.Local)))
			got, err := m.Serve(context.Background(), xmpptest.Request(t, s, ask))
			if err != nil || !got.First().Is(e.Space, e.Local) {
				t.Error(in, got, err)
			}
		}
	})
}
