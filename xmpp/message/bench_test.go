package message

import (
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// A message of 340 bytes, as a common client sends it.
const benchMessage = `<message to='romeo@montague.example/orchard' from='juliet@capulet.example/balcony' type='chat' id='c7a3f1f2-90b4-4b9d' xml:lang='en'>` +
	`<body>Wherefore art thou? Deny thy father &amp; thy name.</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>` +
	`<origin-id xmlns='urn:xmpp:sid:0' id='4'/></message>`

func benchEntry(b *testing.B) *im.Entry {
	st, err := stanza.Parse([]byte(benchMessage))
	if err != nil {
		b.Fatal(err)
	}
	out, err := Pack(st, full(alice, "balcony"), full(bob, "orchard"))
	if err != nil {
		b.Fatal(err)
	}
	return &im.Entry{Kind: im.KindMessage, From: uAlice, Peer: uAlice, Seq: 12345, Text: out.Text, Ext: out.Ext}
}

func BenchmarkReceive(b *testing.B) {
	st, err := stanza.Parse([]byte(benchMessage))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Classify(st)
		Clean(st, alice)
		_, _ = Pack(st, full(alice, "balcony"), full(bob, "orchard"))
	}
}

func BenchmarkUnpack(b *testing.B) {
	e := benchEntry(b)
	b.ReportAllocs()
	for b.Loop() {
		Unpack(e, alice, bob)
	}
}

func BenchmarkAppendLive(b *testing.B) {
	e := benchEntry(b)
	b.ReportAllocs()
	dst := []byte{}
	for b.Loop() {
		dst = AppendLive(dst[:0], e, alice, bob, bob)
	}
}

func BenchmarkAppendLiveBare(b *testing.B) {
	e := &im.Entry{Kind: im.KindMessage, From: uAlice, Peer: uAlice, Seq: 12345, Text: "Wherefore art thou?", Ext: []byte(`<message f='balcony' type='chat' id='c7a3f1f2-90b4-4b9d'/>`)}
	b.ReportAllocs()
	dst := []byte{}
	for b.Loop() {
		dst = AppendLive(dst[:0], e, alice, bob, bob)
	}
}

func BenchmarkDecide(b *testing.B) {
	e := benchEntry(b)
	me := Me{User: uBob, Resource: "orchard", Available: true, Carbons: true}
	sessions := []im.SessionInfo{{Resource: "orchard"}, {Resource: "two"}}
	b.ReportAllocs()
	for b.Loop() {
		Decide(e, me, sessions)
	}
}
