package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// The tests of this file are named after what went wrong in other servers, by
// kind; each says which rule keeps it from happening here.

// A SCRAM exchange for an unknown user goes on to the proof, with the same salt
// each time (row 4).
func TestSecurity04UnknownUserIsNotTold(t *testing.T) {
	w := open(t)
	name := w.user(t, "known")
	first := func(user string) string {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		r.until("</stream:features>")
		r.say(auth("SCRAM-SHA-1", b64("n,,n="+user+",r=abcdefghijklmnop")))
		got := r.until("</challenge>")
		got = got[strings.LastIndex(got[:len(got)-len("</challenge>")], ">")+1 : len(got)-len("</challenge>")]
		text := decode(t, got)
		r.say("<response xmlns='" + nsSASL + "'>" + b64("c=biws,"+text[:strings.Index(text, ",")]+",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=") + "</response>")
		if got := r.until("</failure>"); !strings.Contains(got, "<not-authorized/>") {
			t.Errorf("%s fails with %s", user, got)
		}
		return text[strings.Index(text, ",s="):]
	}
	if a, b := first("nobody"), first("nobody"); a != b {
		t.Errorf("an unknown user has %s and %s", a, b)
	}
	known, unknown := first(name), first("nobody2")
	if len(known) != len(unknown) || known[strings.Index(known, ",i="):] != unknown[strings.Index(unknown, ",i="):] {
		t.Errorf("a user has %s, nobody has %s", known, unknown)
	}
}

// A client that lies about a capabilities hash changes nothing for others that
// have it (row 6).
func TestSecurity06CapsArePoisonedForNobody(t *testing.T) {
	w := open(t)
	features := []string{"urn:x:tune+notify"}
	claim := func(c *xmpptest.T, answer []string) {
		c.Answer = func(q element) element {
			if info := q.Child(stanza.NSInfo, "query"); info != nil {
				return resultOf(q, xmpptest.Info(info.Attr("node"), answer...))
			}
			return polite(q)
		}
		c.Say("<presence>%s</presence>", xmpptest.Caps(features...))
		c.Do(c.RoundTrip)
		c.Do(c.RoundTrip)
	}
	claim(w.bound(t, w.user(t, "mallory")), []string{"urn:x:other"})
	a := w.bound(t, w.user(t, "alice"))
	claim(a, features)
	a.Ask("set", "", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:x:tune'><item id='1'><x xmlns='urn:x'/></item></publish></pubsub>")
	a.Want("<message><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>")
}

// Whatever stands in a request for a page reaches no storage as it is (row 7).
func TestSecurity07PagesAreNoQueries(t *testing.T) {
	w := open(t)
	a := w.bound(t, w.user(t, "alice"))
	a.Ask("set", "", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item id='1'><x xmlns='urn:x'/></item></publish></pubsub>")
	for _, value := range []string{"'", "' OR 1=1 --", "&quot;;DROP TABLE x;", "-1", "1" + strings.Repeat("0", 20), "\u00e9", "%", "9999999999999999999", "0x10", "1.5", " "} {
		for _, rsm := range []string{"<after>%s</after>", "<before>%s</before>", "<max>%s</max>", "<index>%s</index>"} {
			set := "<set xmlns='http://jabber.org/protocol/rsm'>" + fmt.Sprintf(rsm, value) + "</set>"
			for _, request := range []string{
				"set|<query xmlns='urn:xmpp:mam:2'>" + set + "</query>",
				"get|<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/>" + set + "</pubsub>",
			} {
				typ, payload, _ := strings.Cut(request, "|")
				a.Do(func(ctx ctx) error {
					_, err := a.IQ(ctx, typ, "", payload)
					var refused *xmpptest.Refused
					if errors.As(err, &refused) {
						switch refused.Condition() {
						case "bad-request", "item-not-found", "feature-not-implemented":
							return nil
						}
					}
					return err
				})
			}
		}
	}
}

// What only a room or the server may say of a message (row 9).
func TestSecurity09NoClientSpeaksForOthers(t *testing.T) {
	w := open(t)
	alice, bob := w.pair(t)
	a, b := w.bound(t, alice), w.online(t, bob)
	for n := 1; n <= 3; n++ {
		forged := strings.Repeat("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' by='"+b.Bare()+"' id='forged'/><delay xmlns='urn:xmpp:delay' from='"+domain+"' stamp='2001-01-01T00:00:00Z'/>", n)
		a.Say("<message to='%s' type='chat' id='%d'><body>x</body>%s</message>", b.Bare(), n, forged)
		e := b.Want(fmt.Sprintf("<message id='%d'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='%s'/></message>", n, b.Bare()))
		ids := 0
		for c := range e.Children() {
			if c.Local == "stanza-id" {
				ids++
			}
		}
		if text := e.String(); ids != 1 || strings.Contains(text, "forged") || strings.Contains(text, "2001") {
			t.Errorf("%v came", e)
		}
	}
}

// What cannot be read costs little and ends the stream, before a login (row 13).
func TestSecurity13BeforeLogin(t *testing.T) {
	w := open(t)
	var attrs, spaces strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&attrs, " a%d=''", i)
		fmt.Fprintf(&spaces, " xmlns:n%d='u'", i)
	}
	for name, say := range map[string]string{
		"attributes":           hello + "<a" + attrs.String()[:9000] + "/>",
		"attributes of header": "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'" + attrs.String()[:9000] + ">",
		"namespaces":           hello + "<a" + spaces.String()[:9000] + "/>",
		"nesting":              hello + strings.Repeat("<a>", 3000),
		"name":                 hello + "<" + strings.Repeat("a", 5000) + "/>",
		"value":                hello + "<a b='" + strings.Repeat("x", 9000) + "' c='" + strings.Repeat("x", 9000) + "'/>",
		"text":                 hello + "<a>" + strings.Repeat("x", 11000) + "</a>",
		"one tag":              "<" + strings.Repeat("a", 1<<17),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(say)
			if got := r.rest(); !strings.Contains(got, "<policy-violation ") && !strings.Contains(got, "<not-well-formed ") && !strings.Contains(got, "<bad-format ") && !strings.Contains(got, "<invalid-namespace ") {
				t.Errorf("the answer is %s", got)
			}
		})
	}
}

// Restricted XML ends the stream on every transport (row 14).
func TestSecurity14RestrictedXML(t *testing.T) {
	w := open(t)
	for name, xml := range map[string]string{
		"entity":      "<message><body>&lol;</body></message>",
		"comment":     "<message><!-- --><body/></message>",
		"instruction": "<message><?php x?></message>",
		"type":        "<!DOCTYPE x [<!ENTITY lol 'lol'>]><message/>",
	} {
		for _, via := range []string{"", "tls", "ws"} {
			t.Run(name+" "+via, func(t *testing.T) {
				t.Parallel()
				words := strings.Fields(via)
				c := w.bound(t, w.user(t, "xml"), words...)
				c.Say("%s", xml)
				c.Ends("restricted-xml")
			})
		}
		t.Run(name+" bosh", func(t *testing.T) {
			t.Parallel()
			res, err := http.Post("http://"+w.Node(1).HTTPAddr()+"/bosh", "text/xml", strings.NewReader(
				"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='"+domain+"' wait='1' hold='1' ver='1.6'>"+xml+"</body>"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if bytes.Contains(body, []byte("sid=")) || res.StatusCode == http.StatusOK && !bytes.Contains(body, []byte("terminate")) {
				t.Errorf("%s: %s", res.Status, body)
			}
		})
	}
}

// Who has logged in at one domain does not come to another (row 16).
func TestSecurity16OtherHostAfterLogin(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) { c.Server.Domains = []string{domain, "other.example"} }))
	name := w.user(t, "alice")
	password := w.options(1, name).Password
	t.Run("tcp", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		r.until("</stream:features>")
		r.say(auth("PLAIN", plain("", name, password)))
		r.until("<success [^>]*>")
		r.say(header("to='other.example' version='1.0'"))
		if got := r.rest(); !strings.Contains(got, "<host-unknown ") || strings.Contains(got, "features") {
			t.Errorf("the answer is %s", got)
		}
	})
	t.Run("ws", func(t *testing.T) {
		c := xmpptest.Connect(t, w.options(1, name, "ws"))
		c.Say("%s", auth("PLAIN", plain("", name, password)))
		c.Want("<success xmlns='" + nsSASL + "'/>")
		c.Options.Domain = "other.example"
		c.Do(func(ctx context.Context) error {
			if err := c.Restart(ctx); err == nil {
				t.Errorf("the stream goes on with %v", c.Features)
			}
			return nil
		})
	})
	t.Run("an account of one domain is none of the other", func(t *testing.T) {
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(header("to='other.example' version='1.0'"))
		r.until("</stream:features>")
		r.say(auth("PLAIN", plain("", name, password)))
		r.until("<failure [^>]*><not-authorized/>")
	})
}

// Compression is not offered, and asking for it gets none (row 18).
func TestSecurity18NoCompression(t *testing.T) {
	w := open(t)
	zlib := "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"
	r := dial(t, w.Node(1).XMPPAddr())
	r.say(hello)
	if got := r.until("</stream:features>"); strings.Contains(got, "compress") {
		t.Errorf("offered: %s", got)
	}
	r.say(zlib)
	r.until("<failure xmlns='http://jabber.org/protocol/compress'><unsupported-method/></failure>")
	c := w.dialed(t, 1, w.user(t, "alice"))
	if strings.Contains(c.Features.String(), "compress") {
		t.Errorf("offered: %v", c.Features)
	}
	c.Say("%s", zlib)
	c.Want("<failure xmlns='http://jabber.org/protocol/compress'><unsupported-method/></failure>")
	c.Do(c.Bind)
	c.Do(c.RoundTrip)
}

// Bytes that two parsers may read in two ways are read by neither (row 20).
func TestSecurity20Smuggling(t *testing.T) {
	w := open(t)
	for name, text := range map[string]string{
		"overlong":       "\xc0\xbc",
		"overlong slash": "\xe0\x80\xaf",
		"surrogate":      "\xed\xa0\x80",
		"ff":             "\xff",
		"cut":            "\xe2\x82",
		"too high":       "\xf4\x90\x80\x80",
		"nul":            "\x00",
		"control":        "\x0b",
		"fffe":           "\ufffe",
		"nul reference":  "&#0;",
		"fffe reference": "&#xFFFE;",
		"half reference": "&#xD800;",
		"prefix":         "</body></message><x:message xmlns:x='jabber:client\n'/><message><body>",
		"closing":        "</body></message></stream:stream><stream:stream>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := w.pair(t)
			a, b := w.bound(t, alice), w.online(t, bob)
			a.Say("%s", "<message to='"+b.Bare()+"' type='chat' id='1'><body>x"+text+"y</body></message>")
			a.Do(func(ctx ctx) error {
				for {
					if _, err := a.Next(ctx); err != nil {
						if ctx.Err() != nil {
							return ctx.Err() // the stream must end
						}
						return nil
					}
				}
			})
			w.bound(t, alice).Say("<message to='%s' type='chat' id='mark'><body>x</body></message>", b.Bare())
			b.Want("<message id='mark'/>")
			for _, e := range b.Heard() {
				if e.Local == "message" && strings.ContainsAny(e.ChildText("jabber:client", "body"), "xy") && name != "prefix" && name != "closing" {
					t.Errorf("%v came", e)
				}
			}
		})
	}
}

// What a server pushes to its client, nobody else does (row 22).
func TestSecurity22ForgedPush(t *testing.T) {
	w := open(t)
	alice, bob := w.pair(t)
	a, b := w.online(t, alice), w.online(t, bob)
	for _, payload := range []string{
		"<query xmlns='jabber:iq:roster'><item jid='mallory@example.org' subscription='both'/></query>",
		block("bob@example.org"),
		"<query xmlns='jabber:iq:privacy'/>",
	} {
		a.AskFails("service-unavailable", "set", b.JID, payload)
	}
	b.Quiet()
	// An answer reaches who it is for, with the name of its sender (row 23).
	a.Say("<iq type='result' id='1' to='%s' from='%s'/>", b.JID, a.JID)
	b.Want("<iq type='result' id='1' from='" + a.JID + "'/>")
}

// Channel binding: a downgrade fails, and so does what another channel was
// bound to (row 24).
func TestSecurity24Downgrade(t *testing.T) {
	w := open(t)
	name := w.user(t, "alice")
	for what, first := range map[string]string{
		"the client thinks that it was not offered": "y,,n=" + name + ",r=abcdefghijklmnop",
		"an unknown binding":                        "p=tls-unique,,n=" + name + ",r=abcdefghijklmnop",
	} {
		t.Run(what, func(t *testing.T) {
			r := dial(t, w.Node(1).XMPPAddr())
			r.say(hello)
			r.until("</stream:features>")
			r.say(starttls)
			r.until("<proceed [^>]*>")
			r.secure()
			r.say(hello)
			got := r.until("</stream:features>")
			if !strings.Contains(got, "SCRAM-SHA-1-PLUS") || !strings.Contains(got, "tls-exporter") {
				t.Fatalf("not offered (XEP-0440): %s", got)
			}
			mechanism := "SCRAM-SHA-1"
			if first[0] == 'p' {
				mechanism += "-PLUS"
			}
			r.say(auth(mechanism, b64(first)))
			r.until("<failure [^>]*><(not-authorized|malformed-request)/>")
		})
	}
}

// Nobody tells a stranger whether an account exists, or is online (row 25).
func TestSecurity25Strangers(t *testing.T) {
	w := open(t)
	alice, bob := w.pair(t)
	a, b := w.online(t, alice), w.online(t, bob)
	answer := func(to, typ, payload string) string {
		var got string
		a.Do(func(ctx ctx) error {
			e, err := a.IQ(ctx, typ, to, payload)
			var refused *xmpptest.Refused
			if errors.As(err, &refused) {
				err = nil
			}
			if e != nil {
				got = strings.NewReplacer(to, "$to", e.Attr("id"), "$id").Replace(e.String())
			}
			return err
		})
		return got
	}
	for _, payload := range []string{
		"get|<query xmlns='jabber:iq:last'/>",
		"get|<query xmlns='http://jabber.org/protocol/disco#info'/>",
		"get|<query xmlns='http://jabber.org/protocol/disco#items'/>",
		"get|<query xmlns='jabber:iq:version'/>",
		"get|<ping xmlns='urn:xmpp:ping'/>",
		"get|<time xmlns='urn:xmpp:time'/>",
		"get|<vCard xmlns='vcard-temp'/>",
		"get|<query xmlns='jabber:iq:roster'/>",
		"get|<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'/></pubsub>",
		"get|<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>",
		"get|<blocklist xmlns='urn:xmpp:blocking'/>",
		"set|<query xmlns='urn:xmpp:mam:2'/>",
		"set|<x xmlns='urn:x'/>",
	} {
		typ, xml, _ := strings.Cut(payload, "|")
		there, nobody := answer(b.Bare(), typ, xml), answer("nobody@"+domain, typ, xml)
		if there != nobody {
			t.Errorf("%s is answered for an account\n\t%s\nfor nobody\n\t%s", xml, there, nobody)
		}
		if there, nobody := answer(b.Bare()+"/x", typ, xml), answer("nobody@"+domain+"/x", typ, xml); there != nobody {
			t.Errorf("%s is answered for a resource\n\t%s\nof nobody\n\t%s", xml, there, nobody)
		}
	}
	a.Say("<presence type='probe' to='%s'/><presence type='probe' to='nobody@%s'/>", b.Bare(), domain)
	a.Quiet()
	b.Quiet()
}

// Slow and large (row 28).
func TestSecurity28SlowAndLarge(t *testing.T) {
	w := open(t, imtest.Configure(func(c *node.Config) {
		c.XMPP.LoginTimeout = config.Duration(time.Second)
		c.XMPP.ProgressTimeout = config.Duration(time.Second)
	}))
	t.Run("no login", func(t *testing.T) {
		t.Parallel()
		r := dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		if got := r.rest(); !strings.Contains(got, "<connection-timeout ") {
			t.Errorf("the end is %s", got)
		}
	})
	t.Run("nothing at all", func(t *testing.T) {
		t.Parallel()
		dial(t, w.Node(1).XMPPAddr()).rest()
	})
	t.Run("a byte at a time", func(t *testing.T) {
		t.Parallel()
		r := dial(t, w.Node(1).XMPPAddr())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				if _, err := r.Write([]byte{hello[i%len(hello)]}); err != nil {
					return
				}
				<-tick.C
			}
		}()
		r.rest()
		r.Close()
		<-done
	})
	for name, st := range map[string]string{
		"stanza":    "<message to='example.org'><body>" + strings.Repeat("x", 257<<10) + "</body></message>",
		"attribute": "<message to='example.org' id='" + strings.Repeat("x", 65<<10) + "'/>",
		"depth":     "<message to='example.org'>" + strings.Repeat("<x xmlns='urn:x'>", 129) + strings.Repeat("</x>", 129) + "</message>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.bound(t, w.user(t, "large"))
			c.Say("%s", st)
			c.Ends("policy-violation")
		})
	}
	t.Run("a client that does not read", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		c := w.online(t, w.user(t, "carol"))
		text := strings.Repeat("x", 200<<10)
		for i := range 80 {
			a.Say("<message to='%s' type='headline' id='%d'><body>%s</body></message>", b.JID, i, text)
			if i%20 == 0 {
				a.Do(a.RoundTrip) // and neither sender nor others wait
				c.Do(c.RoundTrip)
			}
		}
		a.Want("<presence from='" + b.JID + "' type='unavailable'/>")
	})
}
