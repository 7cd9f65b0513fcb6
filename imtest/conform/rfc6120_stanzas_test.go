package conform

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Sections 8 and 10 by what one client says and hears; nobody else is concerned.
func TestRFC6120Stanzas(t *testing.T) {
	w := open(t)
	for _, c := range []struct {
		name, say string
		want      string // pattern; empty: nothing
	}{
		{"8.1.1.1 malformed to of a message", "<message to='@' id='1'><body>x</body></message>", stanzaError("message", "1", "modify", "jid-malformed")},
		{"8.1.1.1 malformed to of presence", "<presence to='a@b@c' id='1'/>", stanzaError("presence", "1", "modify", "jid-malformed")},
		{"8.1.1.1 malformed to of an iq", "<iq to='/x' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "modify", "jid-malformed")},
		{"8.1.1.1 empty to", "<iq to='' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "modify", "jid-malformed")},
		{"8.1.1.1 malformed to of an answer", "<iq to='@' type='result' id='1'/>", ""},
		{"8.1.2.1 own full address", "<iq from='$full' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1'/>"},
		{"8.1.2.1 own bare address", "<iq from='$bare' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1'/>"},
		{"8.1.3 any id", "<iq type='get' id='&apos;&quot;&lt;&amp; é'><ping xmlns='urn:xmpp:ping'/></iq>", `<iq type='result' id="'&quot;&lt;&amp; é"/>`},
		{"8.2.3 no id", "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='error' id='!'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"},
		{"8.2.3 no type", "<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "modify", "bad-request")},
		{"8.2.3 unknown type", "<iq id='1' type='push'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "modify", "bad-request")},
		{"8.2.3 get without payload", "<iq id='1' type='get'/>", stanzaError("iq", "1", "modify", "bad-request")},
		{"8.2.3 set with two payloads", "<iq id='1' type='set'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>", stanzaError("iq", "1", "modify", "bad-request")},
		{"8.2.3 to somebody, two payloads", "<iq id='1' type='set' to='$peer'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>", stanzaError("iq", "1", "modify", "bad-request")},
		{"8.2.3 result is not answered", "<iq id='1' type='result' to='$domain'/>", ""},
		{"8.2.3 result without id", "<iq type='result'/>", ""},
		{"8.2.3 result to nobody", "<iq id='1' type='result' to='nobody@$domain/x'/>", ""},
		{"8.3.1 error is not answered", "<iq id='1' type='error'><error type='cancel'/></iq>", ""},
		{"8.3.1 error to nobody", "<iq id='1' type='error' to='nobody@$domain'><error type='cancel'/></iq>", ""},
		{"8.3.1 message error to nobody", "<message id='1' type='error' to='nobody@$domain'><error type='cancel'/></message>", ""},
		{"8.3.1 message error to the server", "<message id='1' type='error' to='$domain'><error type='cancel'/></message>", ""},
		{"8.3.1 message error elsewhere", "<message id='1' type='error' to='a@elsewhere.example'><error type='cancel'/></message>", ""},
		{"8.3.1 presence error elsewhere", "<presence id='1' type='error' to='a@elsewhere.example'><error type='cancel'/></presence>", ""},
		{"8.3.1 addresses are swapped", "<message id='1' to='a@elsewhere.example/r'><body>x</body></message>", "<message type='error' id='1' from='a@elsewhere.example/r' to='$full'><error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"},
		{"8.4 unknown payload, server", "<iq id='1' type='get' to='$domain'><x xmlns='urn:unknown'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"8.4 unknown payload, account", "<iq id='1' type='set'><x xmlns='urn:unknown'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"8.4 unknown payload, other account", "<iq id='1' type='set' to='$peer'><x xmlns='urn:unknown'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"8.4 unknown element in a known namespace", "<iq id='1' type='get'><x xmlns='jabber:iq:roster'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"8.4 payload without namespace", "<iq id='1' type='get'><x xmlns=''/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"10.3.3 no to: the account answers", "<iq id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1' to='$full'/>"},
		{"10.3.3 own bare address answers", "<iq id='1' type='get' to='$bare'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1' from='$bare'/>"},
		{"10.4 message elsewhere", "<message id='1' to='a@elsewhere.example'><body>x</body></message>", stanzaError("message", "1", "cancel", "remote-server-not-found")},
		{"10.4 headline elsewhere", "<message id='1' type='headline' to='a@elsewhere.example'><body>x</body></message>", stanzaError("message", "1", "cancel", "remote-server-not-found")},
		{"10.4 iq elsewhere", "<iq id='1' type='get' to='elsewhere.example'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "cancel", "remote-server-not-found")},
		{"10.4 iq to a resource elsewhere", "<iq id='1' type='get' to='a@elsewhere.example/r'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "cancel", "remote-server-not-found")},
		{"10.4 iq answer elsewhere", "<iq id='1' type='result' to='a@elsewhere.example/r'/>", ""},
		{"10.4 presence elsewhere", "<presence id='1' to='a@elsewhere.example'/>", stanzaError("presence", "1", "cancel", "remote-server-not-found")},
		{"10.5.1 message to the server", "<message id='1' to='$domain'><body>x</body></message>", stanzaError("message", "1", "cancel", "service-unavailable")},
		{"10.5.1 presence to the server", "<presence id='1' to='$domain'/>", ""},
		{"10.5.1 iq to the server", "<iq id='1' type='get' to='$domain'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1' from='$domain'/>"},
		{"10.5.1 domain in capitals", "<iq id='1' type='get' to='EXAMPLE.org'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='1'/>"},
		{"10.5.2 resource of the server", "<iq id='1' type='get' to='$domain/x'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq id='1' from='$domain/x'/>"},
		{"10.5.2 message to a resource of the server", "<message id='1' to='$domain/x'><body>x</body></message>", "<message id='1' type='error'/>"},
		{"10.5.3.1 message to nobody", "<message id='1' to='nobody@$domain'><body>x</body></message>", stanzaError("message", "1", "cancel", "service-unavailable")},
		{"10.5.3.1 iq to nobody", "<iq id='1' type='get' to='nobody@$domain'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"10.5.3.1 presence to nobody", "<presence id='1' to='nobody@$domain'/>", ""},
		{"10.5.4 iq to a resource of nobody", "<iq id='1' type='get' to='nobody@$domain/x'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"10.5.4 iq to no resource", "<iq id='1' type='get' to='$peer/x'><ping xmlns='urn:xmpp:ping'/></iq>", stanzaError("iq", "1", "cancel", "service-unavailable")},
		{"10.5.4 iq answer to no resource", "<iq id='1' type='result' to='$peer/x'/>", ""},
		{"11.1 CDATA in a stanza", "<iq id='1' type='get'><ping xmlns='urn:xmpp:ping'><![CDATA[<x/>]]></ping></iq>", "<iq type='result' id='1'/>"},
		{"11.1 references", "<iq id='&#49;&#x32;' type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result' id='12'/>"},
		{"8 stanza of nothing", "<message id='1' to='$peer'/>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, peer := w.pair(t)
			a := w.bound(t, name)
			r := strings.NewReplacer("$full", a.JID, "$bare", a.Bare(), "$domain", domain, "$peer", peer+"@"+domain)
			a.Say("%s", r.Replace(c.say))
			if c.want != "" {
				a.Want(r.Replace(c.want))
			}
			a.Quiet()
		})
	}
}

// Section 8.1 by what another client hears.
func TestRFC6120Delivery(t *testing.T) {
	w := open(t)
	type two struct{ a, b *xmpptest.T }
	meet := func(t *testing.T) two {
		alice, bob := w.pair(t)
		return two{w.bound(t, alice), w.online(t, bob)}
	}
	t.Run("8.1.2.1 from is stamped", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		x.a.Say("<message to='%[1]s' type='chat' id='1'><body>a</body></message><message from='%[3]s' to='%[1]s' type='chat' id='2'><body>b</body></message>"+
			"<presence to='%[2]s'/><iq type='get' id='3' to='%[2]s'><x xmlns='urn:x'/></iq>", x.b.Bare(), x.b.JID, x.a.Bare())
		for _, p := range []string{"<message id='1' from='$a'/>", "<message id='2' from='$a'/>", "<presence from='$a'/>", "<iq id='3' from='$a'/>"} {
			x.b.Want(strings.ReplaceAll(p, "$a", x.a.JID))
		}
	})
	t.Run("8.1.1 to is kept", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		x.a.Say("<message to='%s' type='chat' id='1'><body>a</body></message><message to='%s' type='chat' id='2'><body>b</body></message>", x.b.Bare(), x.b.JID)
		x.b.Want("<message id='1' to='" + x.b.Bare() + "'/>")
		x.b.Want("<message id='2' to='" + x.b.JID + "'/>")
	})
	t.Run("8.1.5 xml:lang", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		b := w.online(t, bob)
		r := dial(t, w.Node(1).XMPPAddr())
		german := header("to='" + domain + "' version='1.0' xml:lang='de'")
		r.say(german)
		r.until("</stream:features>")
		r.say(auth("PLAIN", plain("", alice, w.options(1, alice).Password)))
		r.until("<success [^>]*>")
		r.say(german)
		r.until("</stream:features>")
		r.say("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
		r.until("</iq>")
		r.say("<message to='" + b.Bare() + "' type='chat' id='1'><body>eins</body></message>" +
			"<message to='" + b.Bare() + "' type='chat' id='2' xml:lang='fr'><body>deux</body></message>" +
			"<message to='" + b.Bare() + "' type='chat' id='3'><body xml:lang='es'>tres</body></message>")
		b.Want("<message id='1' xml:lang='de'><body>eins</body></message>")
		b.Want("<message id='2' xml:lang='fr'><body>deux</body></message>")
		b.Want("<message id='3' xml:lang='de'><body xml:lang='es'>tres</body></message>")
	})
	t.Run("8.4 what the server does not know goes through", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		const ext = "<x:ext xmlns:x='urn:x' x:a='1' b=\"2&quot;\"> <y xmlns=''>  text &amp; <body xmlns='jabber:client'/> </y></x:ext>"
		x.a.Say("<message to='%s' type='chat' id='1'><body>see</body>%s</message>", x.b.Bare(), ext)
		x.a.Say("<iq type='get' id='2' to='%s'>%s</iq>", x.b.JID, ext)
		x.a.Say("<presence to='%s'>%s</presence>", x.b.JID, ext)
		want := x.b.Want("<iq id='2'/>").First()
		if got := x.b.Want("<message id='1'/>").Child("urn:x", "ext"); !want.Equal(got) || got.Child("", "y") == nil || !strings.HasPrefix(got.Child("", "y").Text(), "  text & ") {
			t.Errorf("%v came", got)
		}
		if got := x.b.Want("<presence from='"+x.a.JID+"'/>").Child("urn:x", "ext"); !want.Equal(got) {
			t.Errorf("%v came", got)
		}
	})
	t.Run("8.2.3 a request and its answer between clients", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		x.a.Say("<iq type='get' id='q' to='%s'><x xmlns='urn:x'/></iq>", x.b.JID)
		x.b.Want("<iq type='get' id='q' from='" + x.a.JID + "'/>")
		x.b.Say("<iq type='error' id='q' to='%s'><x xmlns='urn:x'/><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", x.a.JID)
		x.a.Want("<iq type='error' id='q' from='" + x.b.JID + "'><x xmlns='urn:x'/><error><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
		x.a.Quiet()
		x.b.Quiet()
	})
	t.Run("10.1 order", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		for i := range 30 {
			x.a.Say("<message to='%s' type='chat' id='%d'><body>%[2]d</body></message>", x.b.Bare(), i)
		}
		for i := range 30 {
			e := x.b.Want("<message/>")
			if want := string(rune('0'+i/10)) + string(rune('0'+i%10)); strings.TrimLeft(want, "0") != strings.TrimLeft(e.Attr("id"), "0") {
				t.Fatalf("%s came in place of %s", e.Attr("id"), want)
			}
		}
	})
	t.Run("13.12 a stanza of 10000 bytes and more", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		x.a.Say("<message to='%s' type='chat' id='1'><body>%s</body></message>", x.b.Bare(), strings.Repeat("ä", 10000))
		x.b.Want("<message id='1'/>")
	})
	t.Run("10.3.1 message without to", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "self")
		a, b := w.bound(t, name+"/a"), w.online(t, name+"/b")
		a.Say("<message type='chat' id='1'><body>note</body></message>")
		b.Want("<message id='1' from='" + a.JID + "'><body>note</body></message>")
	})
	t.Run("8.3.3.12 a text that is too long", func(t *testing.T) {
		t.Parallel()
		x := meet(t)
		x.a.Say("<message to='%s' type='chat' id='1'><body>%s</body></message>", x.b.Bare(), strings.Repeat("x", 100<<10))
		x.a.Want(stanzaError("message", "1", "modify", "policy-violation"))
	})
}
