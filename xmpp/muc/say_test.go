package muc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func parse(t testing.TB, text string) *xmlstream.Element {
	t.Helper()
	st, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return st
}

func groupchat(in string) string { return "<message type='groupchat' id='a'>" + in + "</message>" }

// What a message is does not depend on its type being groupchat, and what is logged of
// it does not say which client has sent it.
func TestClassifyAndPack(t *testing.T) {
	for in, want := range map[string]message.Sort{
		"<body>hi</body>": message.Text,
		"<active xmlns='http://jabber.org/protocol/chatstates'/>":                           message.Typing,
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='4'/>":                               message.Displayed,
		"<reactions xmlns='urn:xmpp:reactions:0' id='4'><reaction>y</reaction></reactions>": message.Note,
		"<body>hi</body><no-store xmlns='urn:xmpp:hints'/>":                                 message.Fleeting,
		"<body>hi</body><replace xmlns='urn:xmpp:message-correct:0' id='b'/>":               message.Text,
		"": message.Empty,
	} {
		st := parse(t, groupchat(in))
		if got := Classify(st); got != want {
			t.Errorf("%s is %v; want %v", in, got, want)
		}
		if st.Attr("type") != "groupchat" {
			t.Errorf("%s was changed", in)
		}
	}
	st := parse(t, "<message type='groupchat' from='bob@example.org/pda' to='den@conference.example.org' id='a'><body>hi</body></message>")
	out, err := Pack(st)
	if err != nil || out.Text != "hi" || string(out.Ext) != "<message id='a'/>" {
		t.Errorf("packed as %q %s, %v", out.Text, out.Ext, err)
	}
}

// Section 8.1: a subject without a body sets it, also to nothing.
func TestNewSubject(t *testing.T) {
	for in, want := range map[string]string{
		"<subject>tea</subject>":                   "tea true",
		"<subject/>":                               " true",
		"<subject>tea</subject><body/>":            "tea true",
		"<subject>tea</subject><body>x</body>":     " false",
		"<subject>tea</subject><thread>x</thread>": " false",
		"<body>x</body>":                           " false",
	} {
		s, ok := NewSubject(parse(t, groupchat(in)))
		if got := fmt.Sprint(s, " ", ok); got != want {
			t.Errorf("%s: %s; want %s", in, got, want)
		}
	}
}

func TestRetracts(t *testing.T) {
	for in, want := range map[string]string{
		"<retract xmlns='urn:xmpp:message-retract:1' id='7'/>":  "7 true",
		"<retract xmlns='urn:xmpp:message-retract:1' id='x'/>":  "0 true",
		"<retract xmlns='urn:xmpp:message-retract:1' id='-1'/>": "0 true",
		"<body>x</body>": "0 false",
	} {
		seq, ok := Retracts(parse(t, groupchat(in)))
		if got := fmt.Sprint(seq, ok); got != want {
			t.Errorf("%s: %s; want %s", in, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	ref := func(uri string) string {
		return "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='" + uri + "'/>"
	}
	for in, want := range map[string]string{
		"<body>ann: hi</body>":                                          "ann;;false",
		"<body>ann, hi</body>":                                          "ann;;false",
		"<body>hi @ann, and @bob!</body>":                               "hi @ann,ann,bob;;false",
		"<body>@all listen</body>":                                      "all;;true",
		"<body>mail@all.example</body>":                                 "all.example;;false",
		"<body>x</body>" + ref("xmpp:den@conference.example.org/Ann B"): "Ann B;;false",
		"<body>x</body>" + ref("xmpp:cat@example.org/pda"):              ";cat@example.org;false",
		"<body>x</body>" + ref("https://x") + ref("xmpp:@"):             ";;false",
		"<body>" + strings.Repeat("@a", 50) + "</body>":                 "",
	} {
		m := ReadMentions(parse(t, groupchat(in)), addr("den@conference.example.org"))
		if len(m.Nicks) > mostNames || len(m.Users) > mostNames {
			t.Errorf("%s mentions %d", in, len(m.Nicks))
		}
		var users []string
		for _, u := range m.Users {
			users = append(users, u.String())
		}
		if got := strings.Join(m.Nicks, ",") + ";" + strings.Join(users, ",") + ";" + fmt.Sprint(m.All); want != "" && got != want {
			t.Errorf("%s: %s; want %s", in, got, want)
		}
	}
}

// However long a body is, no more of it is looked at behind an @ than a nickname has,
// and few such places: a body of nothing else would cost minutes.
func TestMentionsInLongBodies(t *testing.T) {
	for _, body := range []string{strings.Repeat("@", 60_000), "@" + strings.Repeat("a", 60_000), strings.Repeat("a", 60_000) + ": hi", strings.Repeat("@a@", 20_000)} {
		m := ReadMentions(parse(t, groupchat("<body>"+body+"</body>")), addr("den@conference.example.org"))
		for _, nick := range m.Nicks {
			if len(nick) > im.MaxNick {
				t.Errorf("%.8s mentions a name of %d bytes", body, len(nick))
			}
		}
	}
}

func TestClean(t *testing.T) {
	st := parse(t, groupchat("<body>hi</body><x xmlns='http://jabber.org/protocol/muc#user'><item jid='eve@x'/></x><x xmlns='http://jabber.org/protocol/muc'/>"+
		"<delay xmlns='urn:xmpp:delay' stamp='2000-01-01T00:00:00Z'/>"))
	Clean(st)
	same(t, "cleaned", string(stanza.Bytes(st)), groupchat("<body>hi</body>"))
}

// Section 7.8.2: what is an invitation, its refusal, or neither.
func TestInvites(t *testing.T) {
	x := func(in string) string {
		return "<message><x xmlns='http://jabber.org/protocol/muc#user'>" + in + "</x></message>"
	}
	list, err := ReadInvites(parse(t, x("<invite to='cat@example.org/pda'><reason>come</reason></invite><invite to='dan@example.org'/>")))
	if err != nil || len(list) != 2 || list[0].To != addr("cat@example.org") || list[0].Reason != "come" {
		t.Errorf("read %v, %v", list, err)
	}
	for _, bad := range []string{"<invite/>", "<invite to='example.org'/>", strings.Repeat("<invite to='a@b'/>", mostInvites+1)} {
		if _, err := ReadInvites(parse(t, x(bad))); err == nil {
			t.Errorf("%.40s is taken", bad)
		}
	}
	if list, err := ReadInvites(parse(t, "<message><body>x</body></message>")); len(list) > 0 || err != nil {
		t.Errorf("no invitation is read as %v, %v", list, err)
	}
	if reason, ok := ReadDecline(parse(t, x("<decline to='a@b'><reason>no</reason></decline>"))); !ok || reason != "no" {
		t.Errorf("declined %v for %q", ok, reason)
	}
	for in, want := range map[string]string{
		"<x xmlns='jabber:x:conference' jid='den@conference.example.org' reason='r'/>": "den@conference.example.org r true",
		"<x xmlns='jabber:x:conference' jid='example.org'/>":                           "example.org  false",
		"<x xmlns='jabber:x:conference'/>":                                             "  false",
		"<body/>":                                                                      "  false",
	} {
		room, reason, ok := ReadDirect(parse(t, "<message>"+in+"</message>"))
		if got := fmt.Sprint(room, " ", reason, " ", ok); got != want {
			t.Errorf("%s: %q; want %q", in, got, want)
		}
	}
}

// What an inbox says of groups: each is told what concerns him, once.
func TestNews(t *testing.T) {
	g, open := room(), room()
	g.Join = im.JoinInvite
	who := &im.Member{User: 3, Addr: addr("cat@example.org"), Nick: "cat"}
	from := "<message from='den@conference.example.org'>" + user
	ann := addr("ann@example.org")
	for name, c := range map[string]struct {
		ev   im.GroupEvent
		me   im.UserID
		want string
	}{
		"invited":           {im.GroupEvent{What: im.GroupInvited, Reason: "come"}, 3, from + "<invite from='ann@example.org'><reason>come</reason></invite></x></message>"},
		"invited by XMPP":   {im.GroupEvent{What: im.GroupInvited, Direct: true}, 3, ""},
		"another":           {im.GroupEvent{What: im.GroupInvited}, 1, ""},
		"declined":          {im.GroupEvent{What: im.GroupDeclined}, 1, from + "<decline from='ann@example.org'/></x></message>"},
		"declined, oneself": {im.GroupEvent{What: im.GroupDeclined}, 3, ""},
		"asked, oneself":    {im.GroupEvent{What: im.GroupAsked}, 3, ""},
		"let in":            {im.GroupEvent{What: im.GroupJoined}, 3, from + "<invite from='ann@example.org'/></x></message>"},
		"joined":            {im.GroupEvent{What: im.GroupJoined, ByNick: "cat"}, 3, ""},
		"let in, open":      {im.GroupEvent{What: im.GroupJoined, Group: open}, 3, ""},
		"let in, another":   {im.GroupEvent{What: im.GroupJoined}, 1, ""},
	} {
		if c.ev.Member = who; c.ev.Group == nil {
			c.ev.Group = g
		}
		got := ""
		by := ann
		if c.ev.ByNick == who.Nick {
			by = who.Addr
		}
		if st := News(&c.ev, c.me, by); st != nil {
			got = string(stanza.Bytes(st))
		}
		same(t, name, got, c.want)
	}
	st := News(&im.GroupEvent{What: im.GroupAsked, Group: g, Member: who, Reason: "please"}, 1, who.Addr)
	submit := st.Child(stanza.NSData, "x").SetAttr("type", "submit")
	if a, ok := ReadAnswer(st); !ok || !a.Join || a.Allow || a.User != who.Addr || submit == nil {
		t.Errorf("the form of a request reads as %+v, %v", a, ok)
	}
}

// Sections 7.13 and 8.6: the form that a moderator gets is the one that he sends back.
func TestVoiceRequest(t *testing.T) {
	o := occupant("bob", im.RoleVisitor)
	st := VoiceRequest(room(), &o)
	if _, ok := ReadAnswer(st); ok {
		t.Error("a form that nobody has filled in is an answer")
	}
	st.Child(stanza.NSData, "x").SetAttr("type", "submit")
	if a, ok := ReadAnswer(st); !ok || a.Wish || a.Join || a.Allow || a.Nick != "bob" || a.User != o.Member.Addr {
		t.Errorf("read %+v, %v", a, ok)
	}
	wish := parse(t, "<message><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"+
		"<field var='muc#role'><value>participant</value></field></x></message>")
	if a, ok := ReadAnswer(wish); !ok || !a.Wish {
		t.Errorf("a wish reads as %+v, %v", a, ok)
	}
	if _, ok := ReadAnswer(parse(t, "<message><x xmlns='jabber:x:data' type='submit'/></message>")); ok {
		t.Error("any form is an answer")
	}
}

func FuzzSay(f *testing.F) {
	f.Add(groupchat("<body>@a b: @all</body><reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:den@conference.example.org/x'/>"))
	f.Add("<message><x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/><decline/></x><x xmlns='jabber:x:conference' jid='a@b'/></message>")
	f.Add("<message><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field></x></message>")
	f.Fuzz(func(t *testing.T, text string) {
		st, err := xmlstream.Parse([]byte(text), stanza.Client, xmlstream.DefaultLimits())
		if err != nil || !st.Is(stanza.NSClient, "message") {
			return
		}
		if m := ReadMentions(st, addr("den@conference.example.org")); len(m.Nicks) > mostNames {
			t.Errorf("%s mentions %d", text, len(m.Nicks))
		}
		if list, err := ReadInvites(st); err == nil && len(list) > mostInvites {
			t.Errorf("%s invites %d", text, len(list))
		}
		ReadDecline(st)
		ReadDirect(st)
		ReadAnswer(st)
		Retracts(st)
		Clean(st)
		if out, err := Pack(st); err == nil {
			e := entry(1, out.Text, string(out.Ext))
			if m := Message(room(), &e, nil); m != nil && m.Attr("type") != "groupchat" {
				t.Errorf("%s is shown as %v", text, m)
			}
		}
	})
}
