package message

import (
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

var (
	alice = im.Addr{Local: "alice", Domain: "example.org"}
	bob   = im.Addr{Local: "bob", Domain: "example.org"}
)

func full(a im.Addr, resource string) im.Addr {
	a.Resource = resource
	return a
}

func read(t *testing.T, text string) *xmlstream.Element {
	t.Helper()
	st, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return st
}

func same(t *testing.T, what string, got *xmlstream.Element, want string) {
	t.Helper()
	if w := read(t, want); !got.Equal(w) {
		t.Errorf("%s:\n got %s\nwant %s", what, stanza.Bytes(got), want)
	}
}

func TestClassify(t *testing.T) {
	const (
		state   = `<composing xmlns='http://jabber.org/protocol/chatstates'/>`
		noStore = `<no-store xmlns='urn:xmpp:hints'/>`
		store   = `<store xmlns='urn:xmpp:hints'/>`
		seen    = `<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>`
		odd     = `<x xmlns='urn:example:odd'/>`
	)
	for _, c := range []struct {
		section, attrs, children string
		want                     Sort
	}{
		{"RFC 6121 5.2.2 chat", "type='chat'", "<body>hi</body>", Text},
		{"RFC 6121 5.2.2 normal", "type='normal'", "<body>hi</body>", Text},
		{"RFC 6121 5.2.2 no type is normal", "", "<body>hi</body>", Text},
		{"RFC 6121 5.2.2 what is not known is normal", "type='what'", "<body>hi</body>", Text},
		{"RFC 6121 5.2.2 error", "type='error'", "<body>hi</body>" + store, Fleeting},
		{"RFC 6121 5.2.2 headline", "type='headline'", "<body>hi</body>", Fleeting},
		{"RFC 6121 5.2.2 groupchat", "type='groupchat'", "<body>hi</body>", Groupchat},
		{"RFC 6121 5.2.2 groupchat without anything", "type='groupchat'", "", Groupchat},
		{"RFC 6121 5.2.3 body in another language", "type='chat'", "<body xml:lang='cs'>ahoj</body>", Text},
		{"RFC 6121 5.2.3 an empty body is no text", "type='chat'", "<body/>", Fleeting},
		{"RFC 6121 5.2.4 subject without body", "type='normal' to='b@example.org/r'", "<subject>s</subject>", Note},
		{"RFC 6121 5.2.5 thread alone", "type='chat'", "<thread>t</thread>", Fleeting},
		{"nothing", "type='chat'", "", Empty},
		{"white space only", "type='chat'", " \n", Empty},
		{"a body of another namespace is none", "type='chat'", "<body xmlns='urn:example:odd'>x</body>", Note},
		{"XEP-0085 5.1 state alone", "type='chat'", state, Typing},
		{"XEP-0085 5.1 with thread", "type='chat'", state + "<thread>t</thread>", Typing},
		{"XEP-0085 state with hints", "type='chat'", state + noStore + `<origin-id xmlns='urn:xmpp:sid:0' id='1'/>`, Typing},
		{"XEP-0085 5.1 state with body", "type='chat'", state + "<body>hi</body>", Text},
		{"XEP-0160 3 state with more", "type='chat'", state + odd, Note},
		{"XEP-0334 4.1 no-permanent-store", "type='chat'", `<body>hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>`, Fleeting},
		{"XEP-0334 4.2 no-store", "type='chat'", "<body>hi</body>" + noStore, Fleeting},
		{"XEP-0334 4.2 no-store without body", "type='chat'", `<received xmlns='urn:xmpp:receipts' id='1'/>` + noStore, Fleeting},
		{"XEP-0334 4.3 no-copy is kept", "type='chat'", `<body>hi</body><no-copy xmlns='urn:xmpp:hints'/>`, Text},
		{"XEP-0334 4.4 store", "to='b@example.org/r'", odd + store, Note},
		{"XEP-0334 5 hints in errors", "type='error'", odd + store, Fleeting},
		{"XEP-0333 4.2 displayed", "type='chat'", seen, Displayed},
		{"XEP-0333 displayed with hint", "", seen + store, Displayed},
		{"XEP-0333 displayed with body", "", seen + "<body>hi</body>", Text},
		{"XEP-0333 received", "type='chat'", `<received xmlns='urn:xmpp:chat-markers:0' id='1'/>`, Note},
		{"XEP-0333 acknowledged", "type='chat'", `<acknowledged xmlns='urn:xmpp:chat-markers:0' id='1'/>`, Note},
		{"XEP-0184 7 receipt", "to='b@example.org/r'", `<received xmlns='urn:xmpp:receipts' id='1'/>`, Note},
		{"XEP-0444 reactions", "to='b@example.org/r'", `<reactions xmlns='urn:xmpp:reactions:0' id='1'/>`, Note},
		{"XEP-0424 retraction", "", `<retract xmlns='urn:xmpp:message-retract:1' id='1'/>`, Note},
		{"XEP-0384 key transport", "to='b@example.org/r'", `<encrypted xmlns='eu.siacs.conversations.axolotl'/>`, Note},
		{"XEP-0353 3.1 call", "to='b@example.org/r'", `<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>`, Note},
		{"XEP-0249 invitation", "to='b@example.org/r'", `<x xmlns='jabber:x:conference' jid='r@c.example.org'/>`, Note},
		{"XEP-0047 bytes of a stream", "type='chat' to='b@example.org'", `<data xmlns='http://jabber.org/protocol/ibb'/>`, Fleeting},
		{"XEP-0160 3 normal, something, to all", "to='b@example.org'", odd, Note},
		{"XEP-0280 6.1 chat, something", "type='chat' to='b@example.org/r'", odd, Note},
		{"something for one client", "to='b@example.org/r'", odd, Fleeting},
	} {
		if got := Classify(read(t, "<message "+c.attrs+">"+c.children+"</message>")); got != c.want {
			t.Errorf("%s: %v, want %v", c.section, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	const sid = `<stanza-id xmlns='urn:xmpp:sid:0' id='1' by=`
	for _, c := range []struct {
		section, in string
		kept        bool
	}{
		{"XEP-0359 3 by the sender", sid + `'alice@example.org'/>`, false},
		{"XEP-0359 3 by the recipient", sid + `'bob@example.org'/>`, false},
		{"XEP-0359 3 by another of the domain", sid + `'carol@example.org'/>`, false},
		{"XEP-0359 3 by, not normalized", sid + `'BOB@Example.ORG'/>`, false},
		{"XEP-0359 3 by a service of ours", sid + `'room@conference.example.org'/>`, false},
		{"XEP-0359 3 by a domain of the recipient", sid + `'bob@example.com'/>`, false},
		{"XEP-0359 3 by nobody", `<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>`, false},
		{"XEP-0359 3 by no address", sid + `'@@'/>`, false},
		{"XEP-0359 3 by somebody else", sid + `'room@muc.elsewhere.net'/>`, true},
		{"XEP-0359 3 by a domain that only ends alike", sid + `'a@notexample.org'/>`, true},
		{"XEP-0359 2.2 origin-id", `<origin-id xmlns='urn:xmpp:sid:0' id='1'/>`, true},
		{"XEP-0421 5", `<occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>`, false},
		{"XEP-0203 5 from the domain", `<delay xmlns='urn:xmpp:delay' from='example.org' stamp='2002-09-10T23:08:25Z'/>`, false},
		{"XEP-0203 5 from a room of ours", `<delay xmlns='urn:xmpp:delay' from='r@c.example.org' stamp='2002-09-10T23:08:25Z'/>`, false},
		{"XEP-0203 5 from another user", `<delay xmlns='urn:xmpp:delay' from='bob@example.org' stamp='2002-09-10T23:08:25Z'/>`, false},
		{"XEP-0203 5 from himself", `<delay xmlns='urn:xmpp:delay' from='alice@example.org/r' stamp='2002-09-10T23:08:25Z'/>`, true},
		{"XEP-0203 5 from elsewhere", `<delay xmlns='urn:xmpp:delay' from='elsewhere.net' stamp='2002-09-10T23:08:25Z'/>`, true},
		{"XEP-0203 5 from nobody", `<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>`, true},
		{"XEP-0091 from the domain", `<x xmlns='jabber:x:delay' from='example.org' stamp='20020910T23:08:25'/>`, false},
		{"XEP-0280 11 received", `<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></received>`, false},
		{"XEP-0280 11 sent", `<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></sent>`, false},
		{"XEP-0280 9 private", `<private xmlns='urn:xmpp:carbons:2'/>`, true},
		{"XEP-0313 8.2 result", `<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'/></result>`, false},
		{"XEP-0313 8.2 fin", `<fin xmlns='urn:xmpp:mam:2'/>`, false},
		{"XEP-0313 8.2 older", `<result xmlns='urn:xmpp:mam:1' id='1'/>`, false},
		{"XEP-0297 a message passed on", `<forwarded xmlns='urn:xmpp:forward:0'><message from='x@y.net'/></forwarded>`, true},
		{"XEP-0356 privilege", `<privilege xmlns='urn:xmpp:privilege:2'/>`, false},
		{"RFC 6121 5.2.3", `<body>hi</body>`, true},
	} {
		for _, n := range []int{1, 3} { // the second and third too
			st := read(t, `<message to='bob@example.com'><body>a</body>`+strings.Repeat(c.in, n)+`<thread>t</thread></message>`)
			Clean(st, alice)
			want := `<message to='bob@example.com'><body>a</body>`
			if c.kept {
				want += strings.Repeat(c.in, n)
			}
			same(t, c.section, st, want+`<thread>t</thread></message>`)
		}
	}
	st := read(t, `<message to='bob@example.org' f='x' t='y' l='de' id='1'/>`)
	Clean(st, alice)
	same(t, "attributes of ours", st, `<message to='bob@example.org' id='1'/>`)
}

func TestPack(t *testing.T) {
	for _, c := range []struct{ section, in, text, ext string }{
		{"body only", `<message type='chat'><body>hi</body></message>`, "hi", `<message f='r' type='chat'/>`},
		{"id", `<message type='chat' id='a1' from='x' to='y'><body>hi</body></message>`, "hi", `<message f='r' type='chat' id='a1'/>`},
		{"RFC 6121 5.2.2 no type", `<message id='a1'><body>hi</body></message>`, "hi", `<message f='r' id='a1'/>`},
		{
			"RFC 6121 5.2.3 languages", `<message xml:lang='en'><body xml:lang='cs'>ahoj</body><body>hi</body></message>`, "hi",
			`<message f='r' xml:lang='en'><body xml:lang='cs'>ahoj</body></message>`,
		},
		{
			"RFC 6121 5.2.3 the stanza's language", `<message xml:lang='en'><body xml:lang='cs'>ahoj</body><body xml:lang='en'>hi</body></message>`, "hi",
			`<message f='r' xml:lang='en'><body xml:lang='cs'>ahoj</body></message>`,
		},
		{
			"RFC 6121 5.2.3 only another language", `<message xml:lang='en'><body xml:lang='cs'>ahoj</body></message>`, "ahoj",
			`<message f='r' l='cs' xml:lang='en'/>`,
		},
		{"white space between elements", "<message>\n <body>hi</body>\n</message>", "hi", `<message f='r'/>`},
		{
			"white space within", "<message type='chat'><body> h\n </body><x xmlns='urn:example:odd'> a <b/> </x></message>", " h\n ",
			"<message f='r' type='chat'><x xmlns='urn:example:odd'> a <b/> </x></message>",
		},
		{
			"prefixes", "<message type='chat' xmlns:o='urn:example:odd'><o:x o:y='1' q='o:z'/></message>", "",
			"<message xmlns:o='urn:example:odd' f='r' type='chat'><o:x o:y='1' q='o:z'/></message>",
		},
		{"attributes of ours", `<message f='x' t='y' l='z'><body>hi</body></message>`, "hi", `<message f='r'/>`},
	} {
		got, err := Pack(read(t, c.in), full(alice, "r"), bob)
		if err != nil || got.Text != c.text || string(got.Ext) != c.ext || got.Note != (c.text == "") {
			t.Errorf("%s: %q %s %v %v\nwant %q %s", c.section, got.Text, got.Ext, got.Note, err, c.text, c.ext)
		}
	}
	if got, _ := Pack(read(t, `<message type='chat'><body>hi</body></message>`), alice, bob); got.Ext != nil {
		t.Errorf("a chat with nothing but a body has %s", got.Ext)
	}
	if got, _ := Pack(read(t, `<message><body>hi</body></message>`), alice, full(bob, "it's")); string(got.Ext) != `<message t='it&apos;s'/>` {
		t.Errorf("addressed resource: %s", got.Ext)
	}
	if _, err := Pack(read(t, `<presence/>`), alice, bob); im.CodeOf(err) != im.CodeInvalid {
		t.Errorf("a presence: %v", err)
	}
}

// Contract 1.5: the key against duplicates is an origin-id that is long enough.
func TestClientID(t *testing.T) {
	of := func(id string) im.ClientID {
		out, err := Pack(read(t, `<message type='chat'><body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='`+id+`'/></message>`), alice, bob)
		if err != nil {
			t.Fatal(err)
		}
		return out.ClientID
	}
	a, b := of("de305d54-75b4-431b-adb2-eb6b9e546013"), of("de305d54-75b4-431b-adb2-eb6b9e546014")
	if a.IsZero() || a == b || a != of("de305d54-75b4-431b-adb2-eb6b9e546013") {
		t.Errorf("%v %v", a, b)
	}
	if !of("123456789012345").IsZero() || of("1234567890123456").IsZero() {
		t.Error("15 characters are too short, 16 are enough")
	}
	out, _ := Pack(read(t, `<message type='chat' id='1234567890123456'><body>x</body></message>`), alice, bob)
	if !out.ClientID.IsZero() {
		t.Error("the id attribute protects against nothing")
	}
}

var noon = im.MakeMsgID(time.Date(2027, 3, 1, 12, 0, 0, 25_000_000, time.UTC), 0, 1)

func TestUnpack(t *testing.T) {
	for _, c := range []struct {
		what string
		e    im.Entry
		want string
		id   string
	}{
		{
			"C-XX",
			im.Entry{Kind: im.KindMessage, Text: "a<b", MsgID: 7, ClientID: im.ClientID{1, 2, 3}},
			`<message from='alice@example.org' to='bob@example.org' type='chat' id='7'><body>a&lt;b</body></message>`, "7",
		},
		{
			"C-XX without client id",
			im.Entry{Kind: im.KindMessage, Text: "hi", MsgID: noon},
			`<message from='alice@example.org' to='bob@example.org' type='chat' id='` + noon.String() + `'><body>hi</body></message>`, noon.String(),
		},
		{
			"C-XX with something of its own",
			im.Entry{Kind: im.KindMessage, Text: "hi", MsgID: 7, Ext: []byte{8, 1, 18, 2}},
			`<message from='alice@example.org' to='bob@example.org' type='chat' id='7'><body>hi</body></message>`, "7",
		},
		{
			"resources",
			im.Entry{Kind: im.KindMessage, Text: "hi", Ext: []byte(`<message f='it&apos;s' t='two' type='chat' id='a1' xml:lang='en'><x xmlns='urn:example:odd'> </x></message>`)},
			`<message from='alice@example.org/it&apos;s' to='bob@example.org/two' type='chat' id='a1' xml:lang='en'><body>hi</body><x xmlns='urn:example:odd'> </x></message>`, "a1",
		},
		{
			"normal, no id",
			im.Entry{Kind: im.KindMessage, Text: "hi", MsgID: 7, Ext: []byte(`<message f='r'/>`)},
			`<message from='alice@example.org/r' to='bob@example.org'><body>hi</body></message>`, "",
		},
		{
			"language of the body",
			im.Entry{Kind: im.KindMessage, Text: "ahoj", Ext: []byte(`<message f='r' l='cs' xml:lang='en'/>`)},
			`<message from='alice@example.org/r' to='bob@example.org' xml:lang='en'><body xml:lang='cs'>ahoj</body></message>`, "",
		},
		{
			"note",
			im.Entry{Kind: im.KindNote, Ext: []byte(`<message f='r' id='3'><received xmlns='urn:xmpp:receipts' id='1'/></message>`)},
			`<message from='alice@example.org/r' to='bob@example.org' id='3'><received xmlns='urn:xmpp:receipts' id='1'/></message>`, "3",
		},
		{
			"read mark",
			im.Entry{Kind: im.KindRead, Ext: []byte(`<message f='r' type='chat' id='3'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>`)},
			`<message from='alice@example.org/r' to='bob@example.org' type='chat' id='3'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>`, "3",
		},
	} {
		same(t, c.what, Unpack(&c.e, alice, bob), c.want)
		if got := ID(&c.e); got != c.id {
			t.Errorf("%s: id %q, want %q", c.what, got, c.id)
		}
	}
}

// What a C-XX client put in the place of elements reaches an XMPP client as
// elements that its sender may send, or not at all (security rows 20 and 21).
func TestUnpackTrustsNobody(t *testing.T) {
	plain := `<message from='alice@example.org' to='bob@example.org' type='chat' id='7'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`
	for _, c := range []struct{ ext, want string }{
		{`<message/><iq type='set'/>`, plain},
		{`<message f='r'></message><message>`, plain},
		{`<message f='r'><a></message>`, plain},
		{`<message f='r'><!-- --></message>`, plain},
		{"<message f='r'>\xff</message>", plain},
		{`<message f='r'>`, plain},
		{`<message f='r' xmlns='urn:example:odd'/>`, plain},
		{`<message f='r' type='error'/>`, plain},
		{`<message f='r' type='groupchat'/>`, plain},
		{`<message-x/>`, plain},
		{`<message`, plain},
		{
			`<message f='r' id='1'><received xmlns='urn:xmpp:carbons:2'/><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='66'/><delay xmlns='urn:xmpp:delay' from='example.org'/></message>`,
			`<message from='alice@example.org/r' to='bob@example.org' id='1'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`,
		},
		{
			`<message f='r' from='carol@example.org' to='x@y.net' id="1"/>`,
			`<message from='alice@example.org/r' to='bob@example.org' id='1'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`,
		},
		{
			`<message f='` + strings.Repeat("x", 1024) + `' id='1'/>`,
			`<message from='alice@example.org' to='bob@example.org' id='1'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`,
		},
		{
			`<message f='&#x9;' t='a&#x7f;' id='1'/>`,
			`<message from='alice@example.org' to='bob@example.org' id='1'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`,
		},
		{
			`<message f='büro' t="it's" id='1'/>`,
			`<message from='alice@example.org/büro' to="bob@example.org/it's" id='1'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.org' id='9'/></message>`,
		},
	} {
		e := im.Entry{Kind: im.KindMessage, Text: "hi", MsgID: 7, Seq: 9, Ext: []byte(c.ext)}
		same(t, c.ext, read(t, string(AppendLive(nil, &e, alice, bob, bob))), c.want)
	}
}

func TestMarkersAndStates(t *testing.T) {
	same(t, "XEP-0333", Marker("m1", alice, bob),
		`<message from='alice@example.org' to='bob@example.org' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/></message>`)
	if got := DisplayedID(Marker("m1", alice, bob)); got != "m1" {
		t.Errorf("DisplayedID = %q", got)
	}
	same(t, "XEP-0085 typing", ChatState(im.SignalTyping, alice, bob),
		`<message from='alice@example.org' to='bob@example.org' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`)
	same(t, "XEP-0085 stopped", ChatState(im.SignalStopped, alice, bob),
		`<message from='alice@example.org' to='bob@example.org' type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/></message>`)
	for state, want := range map[string]im.SignalKind{"composing": im.SignalTyping, "paused": im.SignalStopped, "active": im.SignalStopped, "inactive": im.SignalStopped, "gone": im.SignalStopped} {
		if got := SignalKind(read(t, `<message><`+state+` xmlns='http://jabber.org/protocol/chatstates'/></message>`)); got != want {
			t.Errorf("%s is %v", state, got)
		}
	}
	st := stanza.New("message", "chat")
	AddDelay(st, "example.org", noon.Time())
	same(t, "XEP-0203 2", st, `<message type='chat'><delay xmlns='urn:xmpp:delay' from='example.org' stamp='2027-03-01T12:00:00.025Z'/></message>`)
}

// Contract 1.5: the key is the origin-id with an equal body, for messages without
// one equal elements. A client that sends again may have another resource by now,
// speak another language, or say that it is late.
func TestSameAgain(t *testing.T) {
	const first, again = "<message xml:lang='de'", "<message xml:lang='cs' id='other'"
	for name, c := range map[string]struct {
		first, again string
		same         bool
	}{
		"a body":           {"><body>hi</body><thread>1</thread>", "><body>hi</body><thread>2</thread>", true},
		"a note":           {" type='chat'><received xmlns='urn:xmpp:receipts' id='1'/>", " type='chat'><delay xmlns='urn:xmpp:delay' stamp='2027-03-01T12:00:00Z'/><received xmlns='urn:xmpp:receipts' id='1'/>", true},
		"another note":     {" type='chat'><received xmlns='urn:xmpp:receipts' id='1'/>", " type='chat'><received xmlns='urn:xmpp:receipts' id='2'/>", false},
		"a note that says": {"><received xmlns='urn:xmpp:receipts' id='1'/>", "><received xmlns='urn:xmpp:receipts' id='1'/><store xmlns='urn:xmpp:hints'/>", false},
	} {
		before, err := Pack(read(t, first+c.first+"</message>"), full(alice, "r"), bob)
		if err != nil {
			t.Fatal(err)
		}
		now, err := Pack(read(t, again+c.again+"</message>"), full(alice, "another"), bob)
		if err != nil || now.Same(before.Ext) != c.same || !before.Same(before.Ext) {
			t.Errorf("%s: sent again it is the same: %v, %v; want %v", name, now.Same(before.Ext), err, c.same)
		}
	}
	note, _ := Pack(read(t, "<message><received xmlns='urn:xmpp:receipts' id='1'/></message>"), alice, bob)
	if note.Same([]byte("from an app")) || note.Same(nil) {
		t.Error("a note is the same as what is none of XMPP's")
	}
}
