package message

import (
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/im"
)

const (
	uAlice im.UserID = 1
	uBob   im.UserID = 2
)

// TestDecide is the delivery table, seen from the client "one" of bob's.
func TestDecide(t *testing.T) {
	x := func(resource string, show im.Show, priority int8) im.SessionInfo {
		return im.SessionInfo{Resource: resource, Protocol: im.ProtocolXMPP, Presence: im.Presence{Show: show, Priority: priority}}
	}
	on, off, neg := x("two", im.ShowOnline, 0), x("two", im.ShowOffline, 0), x("two", im.ShowOnline, -1)
	cxx := im.SessionInfo{Resource: "phone", Protocol: im.ProtocolCXX, Presence: im.Presence{Show: im.ShowOnline}}
	const (
		private = `<private xmlns='urn:xmpp:carbons:2'/>`
		noCopy  = `<no-copy xmlns='urn:xmpp:hints'/>`
		store   = `<store xmlns='urn:xmpp:hints'/>`
		receipt = `<received xmlns='urn:xmpp:receipts' id='1'/>`
		odd     = `<x xmlns='urn:example:odd'/>`
		inRoom  = `<x xmlns='http://jabber.org/protocol/muc#user'/>`
		invite  = `<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.net'/></x>`
	)
	me := Me{User: uBob, Resource: "one", Available: true}
	with := func(change func(*Me)) Me { m := me; change(&m); return m }
	carbons := with(func(m *Me) { m.Carbons = true })
	negative := with(func(m *Me) { m.Priority = -1 })
	negCarbons := with(func(m *Me) { m.Priority, m.Carbons = -1, true })
	away := with(func(m *Me) { m.Available = false })
	awayCarbons := with(func(m *Me) { m.Available, m.Carbons = false, true })
	for _, c := range []struct {
		section string
		f, t    string // resources; f "-" for an entry of a C-XX client
		typ     string
		in      string
		note    bool
		sent    bool // by bob to alice
		self    bool // by bob to himself
		me      Me
		other   im.SessionInfo
		want    Verdict
	}{
		{section: "RFC 6121 8.5.2.1.1 available", me: me, other: on, want: Live},
		{section: "RFC 6121 8.5.2.1.1 chat", typ: "chat", me: me, other: on, want: Live},
		{section: "RFC 6121 8.5.2.1.1 negative priority", me: negative, other: on, want: Skip},
		{section: "RFC 6121 8.5.2.1.1 no presence yet", me: away, other: on, want: Skip},
		{section: "RFC 6121 8.5.2.2.1 nobody", me: away, other: off, want: Skip},
		{section: "RFC 6121 8.5.3.1 for me", t: "one", me: me, other: on, want: Live},
		{section: "RFC 6121 8.5.3.1 for me, negative priority", t: "one", me: negative, other: on, want: Live},
		{section: "RFC 6121 8.5.3.1 for me, connected only", t: "one", me: away, other: on, want: Live},
		{section: "RFC 6121 8.5.3.1 for another", t: "two", me: me, other: on, want: Skip},
		{section: "RFC 6121 8.5.3.1 for another, connected only", t: "two", me: me, other: off, want: Skip},
		{section: "RFC 6121 8.5.3.1 for a C-XX device", t: "phone", me: me, other: cxx, want: Skip},
		{section: "RFC 6121 8.5.3.2.1 for one that is gone", t: "gone", typ: "chat", me: me, other: on, want: Live},
		{section: "RFC 6121 8.5.3.2.1 for one that is gone, negative priority", t: "gone", typ: "chat", me: negative, other: on, want: Skip},
		{section: "RFC 6121 8.5.3.2.1 for one that is gone, no presence", t: "gone", typ: "chat", me: away, other: on, want: Skip},
		{section: "from a C-XX client", f: "-", me: me, other: on, want: Live},
		{section: "from a C-XX client, carbons", f: "-", me: negCarbons, other: on, want: CarbonReceived},

		{section: "XEP-0280 7 no copy of what comes live", typ: "chat", me: carbons, other: on, want: Live},
		{section: "XEP-0280 7 no copy of what is for me", t: "one", typ: "chat", me: carbons, other: on, want: Live},
		{section: "XEP-0280 7 for another", t: "two", typ: "chat", me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 7 for a C-XX device", t: "phone", typ: "chat", me: carbons, other: cxx, want: CarbonReceived},
		{section: "XEP-0280 7 negative priority", typ: "chat", me: negCarbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 7 no presence, another has it", typ: "chat", me: awayCarbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 7 no presence, a C-XX device has it", typ: "chat", me: awayCarbons, other: cxx, want: CarbonReceived},
		{section: "XEP-0160 3 no presence, it waits", typ: "chat", me: awayCarbons, other: off, want: Skip},
		{section: "XEP-0160 3 no presence, others are negative", typ: "chat", me: awayCarbons, other: neg, want: Skip},
		{section: "XEP-0280 6.1 normal with body", t: "two", me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 6.1 receipt", t: "two", in: receipt, note: true, me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 6.1 chat, something", t: "two", typ: "chat", in: odd, note: true, me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 6.1 normal, something", t: "two", in: odd + store, note: true, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 6.1 from somebody in a room", t: "two", typ: "chat", in: inRoom, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 6.1 invitation to a room", t: "two", in: invite, note: true, me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 9 private", t: "two", typ: "chat", in: private, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 9 private to all is live", typ: "chat", in: private, me: carbons, other: on, want: Live},
		{section: "XEP-0334 4.3 no-copy", t: "two", typ: "chat", in: noCopy, me: carbons, other: on, want: Skip},
		{section: "XEP-0334 4.4 another hint", t: "two", typ: "chat", in: store, me: carbons, other: on, want: CarbonReceived},

		{section: "XEP-0280 8 sent by another", f: "two", typ: "chat", sent: true, me: carbons, other: on, want: CarbonSent},
		{section: "XEP-0280 8 sent by another, no carbons", f: "two", typ: "chat", sent: true, me: me, other: on, want: Skip},
		{section: "XEP-0280 8 sent by me", f: "one", typ: "chat", sent: true, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 8 sent by another, no presence", f: "two", typ: "chat", sent: true, me: awayCarbons, other: on, want: CarbonSent},
		{section: "XEP-0280 8 sent by a C-XX client", f: "-", sent: true, me: carbons, other: cxx, want: CarbonSent},
		{section: "XEP-0280 9 sent, private", f: "two", typ: "chat", in: private, sent: true, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 6.1 sent to somebody in a room", f: "two", t: "nick", typ: "chat", in: inRoom, sent: true, me: carbons, other: on, want: CarbonSent},
		{section: "XEP-0280 6.1 sent, receipt", f: "two", in: receipt, note: true, sent: true, me: carbons, other: on, want: CarbonSent},

		{section: "RFC 6121 8.5.2.1.1 to himself", f: "two", typ: "chat", self: true, me: me, other: on, want: Live},
		{section: "RFC 6121 8.5.2.1.1 to himself, by me", f: "one", typ: "chat", self: true, me: carbons, other: on, want: Live},
		{section: "RFC 6121 8.5.3.1 to himself, by me, for another", f: "one", t: "two", typ: "chat", self: true, me: carbons, other: on, want: Skip},
		{section: "XEP-0280 7 to himself, for another", f: "three", t: "two", typ: "chat", self: true, me: carbons, other: on, want: CarbonReceived},
		{section: "XEP-0280 7 to himself, negative priority", f: "two", typ: "chat", self: true, me: negCarbons, other: on, want: CarbonReceived},
		{section: "to himself from a C-XX client", f: "-", self: true, me: me, other: cxx, want: Live},

		{section: "a note of C-XX clients", f: "-", note: true, me: carbons, other: on, want: Skip},
		{section: "a note of C-XX clients, sent", f: "-", note: true, sent: true, me: carbons, other: on, want: Skip},
	} {
		e := im.Entry{Kind: im.KindMessage, From: uAlice, Peer: uAlice, Text: "hi"}
		if c.note {
			e.Kind, e.Text = im.KindNote, ""
		}
		if c.sent || c.self {
			e.From = uBob
		}
		if c.self {
			e.Peer = uBob
		}
		if c.f != "-" {
			e.Ext = fmt.Appendf(nil, "<message f='%s' t='%s' type='%s'>%s</message>", c.f, c.t, c.typ, c.in)
		}
		mine := im.SessionInfo{Resource: "one", Protocol: im.ProtocolXMPP, Presence: im.Presence{Priority: c.me.Priority}}
		if c.me.Available {
			mine.Presence.Show = im.ShowOnline
		}
		if got := Decide(&e, c.me, []im.SessionInfo{mine, c.other}); got != c.want {
			t.Errorf("%s: %v, want %v", c.section, got, c.want)
		}
	}
}

func TestDecideReadMarks(t *testing.T) {
	marker := []byte(`<message f='two' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>`)
	me := Me{User: uBob, Resource: "one", Available: true, Carbons: true}
	for _, c := range []struct {
		what string
		e    im.Entry
		want Verdict
	}{
		{"XEP-0333 4.2 of the other side", im.Entry{Kind: im.KindRead, From: uAlice, Peer: uAlice, Ext: marker}, Live},
		{"of the other side, C-XX", im.Entry{Kind: im.KindRead, From: uAlice, Peer: uAlice}, Live},
		{"XEP-0280 8 his own", im.Entry{Kind: im.KindRead, From: uBob, Peer: uAlice, Ext: marker}, CarbonSent},
		{"his own, C-XX", im.Entry{Kind: im.KindRead, From: uBob, Peer: uAlice}, CarbonSent},
		{"of notes to himself", im.Entry{Kind: im.KindRead, From: uBob, Peer: uBob, Ext: marker}, CarbonSent},
	} {
		if got := Decide(&c.e, me, nil); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	me.Resource = "two"
	if got := Decide(&im.Entry{Kind: im.KindRead, From: uBob, Peer: uAlice, Ext: marker}, me, nil); got != Skip {
		t.Errorf("my own: %v", got)
	}
}

func TestScanReadsWhatTheParserReads(t *testing.T) {
	for _, ext := range []string{
		`<message f='r' t='x' type='chat' id='1'/>`,
		`<message f='it&apos;s'/>`,
		`<message f="r" id='1'/>`,
		`<message  f='r'/>`,
		`<message f = 'r'/>`,
		"<message f='a\tb'/>",
		`<message o:id='2' xmlns:o='urn:x' id='1'/>`,
		`<message f='r'><body id='3'/></message>`,
		`<message id='&#x41;'/>`,
	} {
		root := parse([]byte(ext))
		if root == nil {
			t.Fatalf("%s does not parse", ext)
		}
		h, ok := headOf([]byte(ext))
		if want := (head{root.Attr("f"), root.Attr("t"), root.Attr("type"), root.Attr("id")}); !ok || h != want {
			t.Errorf("%s: %+v, want %+v", ext, h, want)
		}
	}
}
