package xmlstream

import (
	"math/rand/v2"
	"testing"
)

// What is written within a scope. The first is read standalone.
func TestAppend(t *testing.T) {
	for _, c := range []struct {
		why, text string
		in        Scope
		want      string
	}{
		{"the stream declares the namespace", `<message xmlns='jabber:client'><body>a</body></message>`, Client, `<message><body>a</body></message>`},
		{"each WebSocket message declares its own (RFC 7395, 3.3.3)", `<message xmlns='jabber:client'><body>a</body></message>`, Standalone, `<message xmlns='jabber:client'><body>a</body></message>`},
		{"no namespace within one", `<a xmlns='u'><b xmlns=''/></a>`, Client, `<a xmlns='u'><b xmlns=''/></a>`},
		{"no namespace within the stream", `<a/>`, Client, `<a xmlns=''/>`},
		{"a payload keeps its prefix", `<x:a xmlns:x='u'><x:b/></x:a>`, Client, `<x:a xmlns:x='u'><x:b/></x:a>`},
		{"a prefix for the content namespace is not needed", `<c:message xmlns:c='jabber:client'/>`, Standalone, `<c:message xmlns:c='jabber:client'/>`},
		{"a prefix that a value may use stays", `<a xmlns='u' xmlns:x='v' t='x:y'/>`, Standalone, `<a xmlns='u' xmlns:x='v' t='x:y'/>`},
		{"a prefix used for two things", `<x:a xmlns:x='u'><x:a xmlns:x='v'/><x:a/></x:a>`, Standalone, `<x:a xmlns:x='u'><x:a xmlns:x='v'/><x:a/></x:a>`},
		{"attributes", `<a xmlns:x='u' x:b='1' b='2' xml:lang='en'/>`, Standalone, `<a xmlns:x='u' x:b='1' b='2' xml:lang='en'/>`},
		{"white space and order", "<a c='1' b='2'> <b/>\n\t</a>", Standalone, "<a c='1' b='2'> <b/>\n\t</a>"},
		{"escapes", `<a b='&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13;'>&lt;&gt;&amp;"'&#9;&#10;&#13;</a>`, Standalone, "<a b='&lt;&gt;&amp;\"&apos;&#x9;&#xA;&#xD;'>&lt;&gt;&amp;\"'\t\n&#xD;</a>"},
		{"CDATA becomes text", `<a>b<![CDATA[<&]]>c</a>`, Standalone, `<a>b&lt;&amp;c</a>`},
		{"the stream's own prefix", `<features xmlns='http://etherx.jabber.org/streams'/>`, Client, `<stream:features/>`},
		{"the element's names in a scope that shadows", `<stream:a xmlns:stream='u'/>`, Client, `<stream:a xmlns:stream='u'/>`},
	} {
		e, err := Parse([]byte(c.text), Standalone, DefaultLimits())
		if err != nil {
			t.Fatal(c.text, err)
		}
		if got := string(Append(nil, e, c.in)); got != c.want {
			t.Errorf("%s:\n%s became\n%s, want\n%s", c.why, c.text, got, c.want)
		}
	}
}

func TestAppendBuilt(t *testing.T) {
	for _, c := range []struct {
		why  string
		e    *Element
		in   Scope
		want string
	}{
		{"a reply in code", New(NSClient, "iq").SetAttr("type", "result").OptAttr("id", "").Add(New("u", "query").Add(NewText("u", "item", "<")), nil), Client, `<iq type='result'><query xmlns='u'><item>&lt;</item></query></iq>`},
		{"a stream error on WebSocket", New(NSStreams, "error").Add(New("urn:ietf:params:xml:ns:xmpp-streams", "reset")), Standalone, `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`},
		{"characters that XML has not", NewText("", "a", "\x00\ufffe\xff\ufffd").SetAttr("b", "\x1b"), Standalone, "<a b='\ufffd'>\ufffd\ufffd\ufffd\ufffd</a>"},
		{"names that are none", New("", "a").SetAttr("b c", "1").SetAttr("d", "2").Add(New("", "e>f"), New("", "")), Standalone, `<a d='2'/>`},
		{"an attribute twice", &Element{Local: "a", Attrs: []Attr{{Local: "b", Value: "1"}, {Local: "b", Value: "2"}}}, Standalone, `<a b='1'/>`},
		{"a declaration as a plain attribute", New("", "a").SetAttr("xmlns", "u"), Standalone, `<a/>`},
		{"an attribute that has no prefix", New("", "a").SetAttrNS("u", "b", "1").SetAttrNS("v", "b", "2"), Standalone, `<a xmlns:ns1='u' xmlns:ns2='v' ns1:b='1' ns2:b='2'/>`},
		{"prefixes that may not be declared", &Element{Space: "u", Local: "a", Prefix: "xmlns", Attrs: []Attr{{"v", "b", "xml", "1"}}}, Standalone, `<a xmlns='u' xmlns:ns1='v' ns1:b='1'/>`},
		{"an attribute must not shadow its element's prefix", New("u", "a").Add(&Element{Space: "u", Local: "b", Prefix: "x", Attrs: []Attr{{"v", "c", "x", "1"}}}), Standalone, `<a xmlns='u'><b xmlns:x='v' x:c='1'/></a>`},
	} {
		if got := string(Append(nil, c.e, c.in)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.why, got, c.want)
		}
	}
}

// Whatever tree is built, what is written is well-formed and means the same.
func TestAppendAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	space := func() string { return pick("", "", "u", "v", NSClient, NSXML, NSStreams, "a&'é", NSServer) }
	prefix := func() string { return pick("", "", "x", "y", "xml", "xmlns", "stream", "1", "ns1", "a:b") }
	var tree func(depth int) *Element
	tree = func(depth int) *Element {
		e := &Element{Space: space(), Local: pick("a", "b", "xmlns", "é"), Prefix: prefix()}
		for range r.IntN(4) {
			a := Attr{Space: space(), Local: pick("a", "b", "xml", "lang"), Prefix: prefix(), Value: pick("", "\t\r\n '\"<>&", "é]]>", "u")}
			if r.IntN(4) == 0 {
				a.Space, a.Value = NSXMLNS, pick("", "u", "v", NSXML, NSXMLNS)
				a.Local = pick("x", "y", "ns1", "xml", "xmlns", "stream", "")
			}
			if !given(e.Attrs, &a) {
				e.Attrs = append(e.Attrs, a)
			}
		}
		for range r.IntN(4) {
			if depth < 4 && r.IntN(2) == 0 {
				e.Add(tree(depth + 1))
			} else {
				e.AddText(pick("", "a", "\r\n", "]]>", "<&>"))
			}
		}
		return e
	}
	for range 20_000 {
		e := tree(0)
		for _, in := range []Scope{Standalone, Client, Server} {
			text := Append(nil, e, in)
			back, err := Parse(text, in, DefaultLimits())
			if err != nil || !back.Equal(e) {
				t.Fatalf("%+v became %s: %v", e, text, err)
			}
		}
	}
}
