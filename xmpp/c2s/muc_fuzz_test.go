package c2s

import (
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Whatever a client says to a room, to somebody there, or of a room, from inside and from
// outside, the server does not stumble over it.
func FuzzRoom(f *testing.F) {
	for _, in := range []string{
		enter,
		"<presence to='den@conference.example.org/x'/>",
		"<presence type='unavailable' to='den@conference.example.org'/>",
		"<message type='groupchat' to='den@conference.example.org'><body>@p0: hi @all</body></message>",
		"<message type='groupchat' to='den@conference.example.org'><subject>tea</subject></message>",
		"<message type='groupchat' to='den@conference.example.org'><retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>",
		"<message type='groupchat' to='den@conference.example.org'><displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='den@conference.example.org' id='1'/></displayed></message>",
		"<message type='chat' to='den@conference.example.org/p0'><body>x</body></message>",
		"<message type='error' to='den@conference.example.org/p0'/>",
		"<message to='den@conference.example.org'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='juliet@example.org'/><decline/></x></message>",
		"<message to='den@conference.example.org'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field></x></message>",
		"<message to='juliet@example.org'><x xmlns='jabber:x:conference' jid='den@conference.example.org'/></message>",
		"<iq type='result' id='a.b' to='den@conference.example.org/p0'/>",
		"<iq type='get' id='a' to='den@conference.example.org/p0'><vCard xmlns='vcard-temp'/></iq>",
		"<iq type='get' id='a' to='conference.example.org'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		st, err := xmlstream.Parse([]byte(in), stanza.Client, xmlstream.DefaultLimits())
		if err != nil || !stanza.IsStanza(st) {
			return
		}
		to, err := addressee(st)
		if err != nil {
			return
		}
		for _, inside := range []bool{false, true} {
			s := visitor(t, inside)
			st := st.Copy()
			switch st.Local {
			case "message":
				s.message(st, to, s.in.next())
			case "presence":
				s.clientPresence(st, to)
			case "iq":
				s.request(st, to)
			}
		}
	})
}

// visitor is a session of romeo's that nothing runs, beside a room or in it.
func visitor(t *testing.T, inside bool) *session {
	s, _, d := stranger(t, 2, nil)
	d.log = []im.Entry{{Seq: 1, MsgID: im.MakeMsgID(xmpptest.Now, 1, 1), Kind: im.KindMessage, From: 9, Text: "hi", Post: &im.Post{Nick: "ann"}}}
	if inside {
		st, err := stanza.Parse([]byte(enter))
		if err != nil {
			t.Fatal(err)
		}
		s.clientPresence(st, addr(d.group.Addr.String()+"/romeo"))
	}
	return s
}

func addr(s string) im.Addr {
	a, err := im.ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}
