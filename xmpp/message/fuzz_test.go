package message

import (
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

var seeds = []string{
	`<message type='chat' id='1'><body>hi</body></message>`,
	`<message id='1' type='normal'><body>h&#xD;i&gt;</body></message>`,
	`<message type='chat' id='&apos;&lt;'><body>hi</body></message>`,
	`<message xml:lang='en'><body xml:lang='cs'>ahoj</body><thread/></message>`,
	`<message><x xmlns='urn:x'><y xmlns=''> <z a='1'/></y></x><body>a &amp; b</body></message>`,
	`<message xmlns:o='urn:o' o:id='2' t='q'><o:x y='o:z'/><subject>s</subject></message>`,
	`<message type='chat'><body/><body>x</body><body>y</body></message>`,
	`<message type='chat'><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='1'/><sent xmlns='urn:xmpp:carbons:2'/></message>`,
	`<message type='headline'><no-store xmlns='urn:xmpp:hints'/></message>`,
}

// FuzzRoundTrip: whatever a client sends reads the same to the other side, but
// for what it may not say.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := stanza.Parse([]byte(text))
		if err != nil || !st.Is(stanza.NSClient, "message") {
			return
		}
		sort := Classify(st)
		st.SetAttr("to", "bob@example.org/two")
		Clean(st, alice)
		if sort != Text && sort != Note && sort != Displayed {
			return
		}
		out, err := Pack(st, full(alice, "o'ne"), full(bob, "two"))
		if err != nil {
			t.Fatal(err)
		}
		e := im.Entry{Kind: im.KindMessage, From: uAlice, Peer: uAlice, Seq: 9, Text: out.Text, Ext: out.Ext}
		if out.Note {
			e.Kind = im.KindNote
		}
		want := expected(st)
		got := Unpack(&e, alice, bob)
		if !got.Equal(want) {
			t.Fatalf("%s\n ext %s\n got %s\nwant %s", text, out.Ext, stanza.Bytes(got), stanza.Bytes(want))
		}
		AddStanzaID(want, bob, 9)
		live := AppendLive([]byte("x"), &e, alice, bob, bob)
		back, err := stanza.Parse(live[1:])
		if err != nil || !back.Equal(want) {
			t.Fatalf("%s\nlive %s\nwant %s: %v", text, live, stanza.Bytes(want), err)
		}
		if h, ok := headOf(e.Ext); ok && (h.from != "o'ne" || h.to != "two" || h.typ != st.Attr("type") || ID(&e) != st.Attr("id")) {
			t.Fatalf("%s: head %+v", out.Ext, h)
		}
	})
}

// expected is st as it must arrive: addresses set, the body first and only text,
// no text between the elements.
func expected(st *xmlstream.Element) *xmlstream.Element {
	body := bodyOf(st)
	out := xmlstream.New(stanza.NSClient, "message").SetAttr("from", "alice@example.org/o'ne").SetAttr("to", "bob@example.org/two")
	for _, a := range st.Attrs {
		if !rewritten(a) {
			out.Attrs = append(out.Attrs, a)
		}
	}
	if body != nil {
		b := out.AddNew(stanza.NSClient, "body").AddText(body.Text())
		if body.Lang() != st.Lang() {
			b.SetLang(body.Lang())
		}
	}
	for c := range st.Children() {
		if c != body {
			out.Add(c)
		}
	}
	return out
}

// FuzzForeign: whatever a C-XX client keeps with a message, an XMPP client gets
// one well-formed message from the right sender.
func FuzzForeign(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), "hi")
	}
	f.Fuzz(func(t *testing.T, ext []byte, text string) {
		e := im.Entry{Kind: im.KindMessage, Seq: 9, Text: text, Ext: ext}
		st, err := stanza.Parse(AppendLive(nil, &e, alice, bob, bob))
		if err != nil {
			t.Fatal(err)
		}
		from, err := im.ParseAddr(st.Attr("from"))
		if st.Local != "message" || err == nil && from.Bare() != alice {
			t.Fatalf("%q: %v %v", ext, st, err)
		}
		ids := 0
		for c := range st.Children() {
			if c.Is(stanza.NSSID, "stanza-id") && c.Attr("by") == "bob@example.org" {
				ids++
			}
		}
		if ids != 1 {
			t.Fatalf("%d stanza-ids: %v", ids, st)
		}
		// What is written with and without a tree is the same.
		if tree := Unpack(&e, alice, bob); e.Text != "" {
			AddStanzaID(tree, bob, 9)
			tree, err = stanza.Parse(stanza.Bytes(tree))
			st.Remove(stanza.NSSID, "stanza-id")
			tree.Remove(stanza.NSSID, "stanza-id")
			if err != nil || !st.Equal(tree) {
				t.Fatalf("%q\nlive %v\ntree %v", ext, st, tree)
			}
		}
		Decide(&e, Me{User: uBob, Resource: "one", Carbons: true}, nil)
	})
}
