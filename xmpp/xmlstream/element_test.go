package xmlstream

import (
	"reflect"
	"slices"
	"testing"
)

func parsed(t testing.TB, text string) *Element {
	e, err := Parse([]byte(text), Client, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestElement(t *testing.T) {
	e := parsed(t, benchMessage)
	const states = "http://jabber.org/protocol/chatstates"
	if e.Attr("type") != "chat" || e.Attr("none") != "" || e.Lang() != "en" {
		t.Error("attributes", e)
	}
	if e.ChildText(NSClient, "body") != "Wherefore art thou? Deny thy father & thy name." {
		t.Error(e.Child(NSClient, "body"))
	}
	if e.Child(states, "active") == nil || e.Child(NSClient, "active") != nil {
		t.Error("names without regard to namespaces")
	}
	if e.First() != e.Child(NSClient, "body") || len(slices.Collect(e.Children())) != 4 {
		t.Error("children")
	}
	names := 0
	if e.Walk(func(*Element) bool { names++; return names < 3 }) || names != 3 {
		t.Error("walked", names)
	}
	var none *Element
	if none.Child("", "a").Attr("b") != "" || none.Text() != "" || none.First() != nil || none.Copy() != nil || !none.Walk(nil) {
		t.Error("a nil element is not empty")
	}
}

func TestEdit(t *testing.T) {
	e := parsed(t, `<a b='1'><x xmlns='u'/>t<y xmlns='u'/><z/>s</a>`)
	kept := e.Shallow()
	if n := e.RemoveSpace("u"); n != 2 || e.Text() != "ts" {
		t.Error(n, e)
	}
	if e.Remove(NSClient, "z") != 1 || e.First() != nil {
		t.Error(e)
	}
	e.SetAttr("b", "2").SetAttr("c", "3").SetLang("de").RemoveAttr("", "b").SetLang("")
	e.AddNew("v", "w").AddText("x")
	if got := string(Append(nil, e, Client)); got != `<a c='3'>ts<w xmlns='v'>x</w></a>` {
		t.Error(got)
	}
	if kept.Attr("b") != "1" || kept.Child("u", "y") == nil {
		t.Error("the shallow copy changed with the original", kept)
	}
}

// Growing one element of a parsed tree must not run into its neighbours, which
// lie in the same slices.
func TestGrowthIsLocal(t *testing.T) {
	for _, cut := range []func(*Element) *Element{func(e *Element) *Element { return e }, (*Element).Copy} {
		e := cut(parsed(t, `<a><b c='1'>d</b><e f='2'>g</e></a>`))
		b := e.First()
		b.SetAttr("x", "3").AddText("y").AddNew("", "z")
		if got, want := string(Append(nil, e, Client)), `<a><b c='1' x='3'>dy<z xmlns=''/></b><e f='2'>g</e></a>`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCopy(t *testing.T) {
	for _, text := range []string{benchMessage, benchPresence, benchRoster(), `<a/>`, `<a xmlns:x='u' x:b=''>c</a>`} {
		e := parsed(t, text)
		c := e.Copy()
		if !reflect.DeepEqual(e, c) || !e.Equal(c) {
			t.Errorf("%v became %v", e, c)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`<a/>`, `<a></a>`, true},
		{`<x:a xmlns:x='u'/>`, `<a xmlns='u'/>`, true},
		{`<a b='1' c='2'/>`, `<a c='2' b='1'/>`, false},
		{`<a>b</a>`, `<a><![CDATA[b]]></a>`, true},
		{`<a>b</a>`, `<a>b </a>`, false},
		{`<a><b/></a>`, `<a><c/></a>`, false},
		{`<a xmlns='u'/>`, `<a/>`, false},
	} {
		if got := parsed(t, c.a).Equal(parsed(t, c.b)); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
	if e := New("", "a"); !e.AddText("b").AddText("").AddText("c").Equal(NewText("", "a", "bc")) {
		t.Error("texts side by side")
	}
}

// The whitespace rules of values and line ends (XML 1.0 sections 2.11, 3.3.3).
func TestNormalisation(t *testing.T) {
	e := parsed(t, "<a b='1\t2\n3\r\n4\r5&#9;&#10;&#13;'>1\t2\n3\r\n4\r5&#13;\r&#10;<![CDATA[\r\n&#13;]]></a>")
	if got, want := e.Attr("b"), "1 2 3 4 5\t\n\r"; got != want {
		t.Errorf("value %q, want %q", got, want)
	}
	if got, want := e.Text(), "1\t2\n3\n4\n5\r\n\n\n&#13;"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if len(e.Nodes) != 1 {
		t.Errorf("%d texts side by side", len(e.Nodes))
	}
}
