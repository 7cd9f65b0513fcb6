package conform

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func carbonsOn(c *xmpptest.T) {
	c.Ask("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>")
}

func forwarded(how, inner string) string {
	return "<" + how + " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + inner + "</forwarded></" + how + ">"
}

// XEP-0280 between two clients on two nodes.
func TestXEP0280(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	alice, bob := w.pair(t)
	a := w.online(t, alice)
	desk, phone, old := w.online(t, bob+"/desk"), w.onlineAt(t, 2, bob+"/phone"), w.online(t, bob+"/old")
	carbonsOn(desk)
	carbonsOn(phone)
	quiet := func(all ...*xmpptest.T) {
		t.Helper()
		for _, c := range all {
			c.Do(c.RoundTrip)
			for _, e := range c.Heard() {
				if e.Local == "message" {
					t.Errorf("%s got %v", c.JID, e)
				}
			}
		}
	}
	mark := func() { // everything before has come when this has
		t.Helper()
		for _, c := range []*xmpptest.T{desk, phone, old} {
			id := a.ID()
			a.Say("<iq type='result' id='%s' to='%s'/>", id, c.JID)
			c.Want("<iq type='result' id='" + id + "'/>")
		}
		quiet(a, desk, phone, old)
	}
	// 7: received
	a.Say("<message to='%s' type='chat' id='1'><body>x</body></message>", desk.JID)
	desk.Want("<message id='1' from='" + a.JID + "'><body>x</body></message>")
	e := phone.Want("<message from='" + phone.Bare() + "' to='" + phone.JID + "' type='chat'>" + forwarded("received", "<message xmlns='jabber:client' from='"+a.JID+"' to='"+desk.JID+"' id='1'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='"+phone.Bare()+"' id='$sid'/></message>") + "</message>")
	if e.Attr("id") != "" && e.Attr("id") == "1" {
		t.Errorf("the copy has the id of the message: %v", e)
	}
	mark()
	// 8: sent
	desk.Say("<message to='%s' type='chat' id='2'><body>y</body></message>", a.JID)
	a.Want("<message id='2' from='" + desk.JID + "'/>")
	phone.Want("<message from='" + phone.Bare() + "'>" + forwarded("sent", "<message xmlns='jabber:client' from='"+desk.JID+"' to='"+a.JID+"' id='2'><body>y</body></message>") + "</message>")
	mark()
	// 6.1 and 9: what is not copied
	for i, st := range []string{
		"type='chat' id='n%d'><body>x</body><private xmlns='urn:xmpp:carbons:2'/><no-copy xmlns='urn:xmpp:hints'/>",
		"type='headline' id='n%d'><body>x</body>",
		"type='error' id='n%d'><error type='cancel'/>",
	} {
		id := fmt.Sprintf("n%d", i)
		a.Say("<message to='%s' %s</message>", desk.JID, fmt.Sprintf(st, i))
		desk.Want("<message id='" + id + "'/>")
	}
	mark()
	// 5: turned off
	phone.Ask("set", "", "<disable xmlns='urn:xmpp:carbons:2'/>")
	a.Say("<message to='%s' type='chat' id='3'><body>x</body></message>", desk.JID)
	desk.Want("<message id='3'/>")
	mark()
	// Security row 21: copies that are not ours
	a.Say("<message to='%s' type='chat' id='4'><body>x</body>%s%s</message>", desk.JID, forwarded("received", "<message xmlns='jabber:client'><body>lie</body></message>"),
		"<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'/></result><stanza-id xmlns='urn:xmpp:sid:0' by='"+desk.Bare()+"' id='lie'/>")
	desk.Want("<message id='4'><body>x</body><t:no><received xmlns='urn:xmpp:carbons:2'/><result xmlns='urn:xmpp:mam:2'/><stanza-id xmlns='urn:xmpp:sid:0' id='lie'/></t:no></message>")
	a.Say("<message to='%s' id='5'>%s</message>", desk.JID, forwarded("sent", "<message xmlns='jabber:client'><body>lie</body></message>"))
	mark()
}

// XEP-0313 and XEP-0359: the id of a live message is that of the archive.
func TestXEP0313(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	alice, bob := w.pair(t)
	a, b := w.online(t, alice), w.onlineAt(t, 2, bob)
	var ids []string
	for i := range 3 {
		a.Say("<message to='%s' type='chat' id='m%d'><body>%[2]d</body></message>", b.Bare(), i)
		b.Want(fmt.Sprintf("<message id='m%d'><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='$id%d'/></message>", i, b.Bare(), i))
		ids = append(ids, b.Vars[fmt.Sprintf("$id%d", i)])
	}
	for _, c := range []*xmpptest.T{b, w.bound(t, bob+"/other")} {
		r := c.Ask("set", "", "<query xmlns='urn:xmpp:mam:2' queryid='q'/>")
		for i, id := range ids {
			e := c.Want("<message from='" + b.Bare() + "' to='" + c.JID + "'><result xmlns='urn:xmpp:mam:2' queryid='q' id='" + id + "'/></message>")
			if !strings.Contains(e.String(), fmt.Sprintf("<body>%d</body>", i)) {
				t.Errorf("%s has %v", id, e)
			}
		}
		if r.First().Attr("complete") != "true" {
			t.Errorf("the end is %v", r)
		}
	}
	b.AskFails("item-not-found", "set", "", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><after>99999999</after></set></query>")
	a.AskFails("forbidden", "set", b.Bare(), "<query xmlns='urn:xmpp:mam:2'/>")
}

// XEP-0352: presence waits while the client is inactive, messages do not.
func TestXEP0352(t *testing.T) {
	w := open(t)
	a, b := w.met(t, 1)
	b.Say("<inactive xmlns='urn:xmpp:csi:0'/>")
	b.Do(b.RoundTrip)
	a.Say("<presence><show>away</show></presence>")
	a.Say("<presence><show>dnd</show></presence>")
	a.Say("<message to='%s' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", b.Bare())
	a.Say("<iq type='get' id='q' to='%s'><x xmlns='urn:x'/></iq>", b.JID)
	b.Want("<iq id='q'/>")
	b.Quiet()
	a.Say("<message to='%s' type='chat' id='m'><body>wake up</body></message>", b.Bare())
	b.Want("<message id='m'/>")
	a.Say("<presence><show>xa</show></presence>")
	a.Want("<presence><show>xa</show></presence>")
	b.Say("<active xmlns='urn:xmpp:csi:0'/>")
	b.Want("<presence from='" + a.JID + "'><show>xa</show></presence>")
}

func block(jid string) string {
	return "<block xmlns='urn:xmpp:blocking'><item jid='" + jid + "'/></block>"
}

// XEP-0191 sections 3.3 to 3.5: what a block does to each kind of stanza.
func TestXEP0191(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for name, jid := range map[string]string{"user": "$a", "resource": "$a/main", "domain": "example.org"} {
		t.Run("a "+name+" is blocked", func(t *testing.T) {
			t.Parallel()
			a, b := w.met(t, 2)
			b.Ask("set", "", block(strings.ReplaceAll(jid, "$a", a.Bare())))
			b.Do(b.RoundTrip)
			a.Want("<presence from='" + b.JID + "' type='unavailable'/>") // 3.3
			// from the blocked
			for _, to := range []string{b.Bare(), b.JID} {
				a.Say("<message to='%s' type='chat' id='m'><body>x</body></message>", to)
				a.Want("<message type='error' id='m'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
				a.AskFails("service-unavailable", "get", to, "<query xmlns='jabber:iq:version'/>")
			}
			a.Say("<presence><show>away</show></presence><presence to='%s'><show>dnd</show></presence>", b.JID)
			a.Say("<message to='%s' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", b.Bare())
			a.Say("<message to='%s' type='headline' id='h'><body>x</body></message>", b.JID)
			a.Want("<presence from='" + a.JID + "'><show>away</show></presence>")
			a.Do(a.RoundTrip)
			b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
			b.Quiet()
			a.Heard()
			// from the one who blocks
			b.Say("<message to='%s' type='chat' id='o'><body>x</body></message>", a.JID)
			b.Want("<message type='error' id='o'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/></error></message>")
			b.AskFails("not-acceptable", "get", a.JID, "<query xmlns='jabber:iq:version'/>")
			b.Say("<presence><show>xa</show></presence>")
			b.Want("<presence from='" + b.JID + "'><show>xa</show></presence>")
			a.Quiet()
			// 3.4: all is as before
			b.Ask("set", "", "<unblock xmlns='urn:xmpp:blocking'/>")
			a.Want("<presence from='" + b.JID + "' type='!'><show>xa</show></presence>")
			b.Want("<presence from='" + a.JID + "' type='!'><show>away</show></presence>")
		})
	}
}

// XEP-0160 and XEP-0203: what comes while nobody is there.
func TestXEP0160(t *testing.T) {
	w := open(t)
	alice, bob := w.pair(t)
	a := w.managed(t, alice, false)
	to := bob + "@" + domain
	a.Say("<message to='%s' type='chat' id='1'><body>one</body><x xmlns='urn:x'/></message>", to)
	a.Say("<message to='%s' type='chat' id='s'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>", to)
	a.Say("<message to='%s' type='headline' id='h'><body>news</body></message>", to)
	a.Say("<message to='%s' id='2'><body>two</body></message>", to)
	a.Do(a.Sync) // all is committed
	negative := w.bound(t, bob+"/negative")
	negative.Say("<presence><priority>-1</priority></presence>")
	negative.Do(negative.RoundTrip)
	for _, e := range negative.Heard() {
		if e.Local == "message" {
			t.Errorf("a negative priority gets %v", e)
		}
	}
	b := w.bound(t, bob+"/b")
	b.Say("<presence/>")
	for i, id := range []string{"1", "2"} {
		e := b.Want("<message><delay xmlns='urn:xmpp:delay' from='" + domain + "'/></message>")
		stamp, err := time.Parse(time.RFC3339, e.Child("urn:xmpp:delay", "delay").Attr("stamp"))
		if e.Attr("id") != id || err != nil || time.Since(stamp) > time.Hour || i == 0 && e.Child("urn:x", "x") == nil {
			t.Errorf("%v came in place of %s: %v", e, id, err)
		}
	}
	b.Do(b.RoundTrip)
	again := w.bound(t, bob+"/c")
	again.Say("<presence/>")
	again.Do(again.RoundTrip)
	for _, e := range append(b.Heard(), again.Heard()...) {
		if e.Local == "message" {
			t.Errorf("%v came, too", e)
		}
	}
}

// XEP-0085, XEP-0184, XEP-0333 and XEP-0334: passed on as they are.
func TestMessagesWithoutBody(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	alice, bob := w.pair(t)
	a, b := w.online(t, alice), w.onlineAt(t, 2, bob)
	for _, state := range []string{"active", "composing", "paused", "inactive", "gone"} {
		a.Say("<message to='%s' type='chat' id='%s'><%[2]s xmlns='http://jabber.org/protocol/chatstates'/></message>", b.Bare(), state)
		b.Want("<message type='chat' from='" + a.JID + "'><" + state + " xmlns='http://jabber.org/protocol/chatstates'/></message>")
	}
	a.Say("<message to='%s' type='chat' id='ask'><body>x</body><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>", b.JID)
	b.Want("<message id='ask'><body>x</body><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>")
	b.Say("<message to='%s' type='chat' id='r'><received xmlns='urn:xmpp:receipts' id='ask'/></message>", a.JID)
	a.Want("<message id='r' from='" + b.JID + "'><received xmlns='urn:xmpp:receipts' id='ask'/></message>")
	b.Say("<message to='%s' type='chat' id='d'><displayed xmlns='urn:xmpp:chat-markers:0' id='ask'/></message>", a.JID)
	a.Want("<message from='" + b.JID + "'><displayed xmlns='urn:xmpp:chat-markers:0' id='ask'/></message>")
	a.Say("<message to='%s' type='chat' id='e'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>", b.Bare())
	b.Want("<message id='e'><body>x</body></message>")
	r := b.Ask("set", "", "<query xmlns='urn:xmpp:mam:2'/>")
	_ = r
	for _, e := range b.Heard() {
		if strings.Contains(e.String(), "id='e'") {
			t.Errorf("no-store was stored: %v", e)
		}
	}
}

// XEP-0163 with XEP-0115: events reach the contacts that want them.
func TestXEP0163(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	alice, bob := w.pair(t)
	w.friends(t, alice, bob)
	want, deaf := []string{"urn:x:tune+notify"}, []string{"urn:x:other+notify"}
	join := func(node int, name string, features []string) *xmpptest.T {
		c := xmpptest.Join(t, w.options(node, name))
		c.Answer = func(q element) element {
			if info := q.Child("http://jabber.org/protocol/disco#info", "query"); info != nil {
				return resultOf(q, xmpptest.Info(info.Attr("node"), features...))
			}
			return polite(q)
		}
		c.Ask("get", "", rosterSet(""))
		c.Say("<presence>%s</presence>", xmpptest.Caps(features...))
		c.Want("<presence from='" + c.JID + "' type='!'/>")
		return c
	}
	a := join(1, alice, want)
	b, other := join(2, bob+"/b", want), join(1, bob+"/other", deaf)
	b.Want("<presence from='" + a.JID + "' type='!'/>")
	publish := func(c *xmpptest.T, text string) {
		c.Ask("set", "", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:x:tune'><item id='current'><tune xmlns='urn:x:tune'>"+text+"</tune></item></publish></pubsub>")
	}
	event := func(from, text string) string {
		return "<message from='" + from + "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:x:tune'><item id='current'><tune xmlns='urn:x:tune'>" + text + "</tune></item></items></event></message>"
	}
	wants := func(c *xmpptest.T, leaf string) {
		c.Do(c.RoundTrip) // it answers on the way what it is asked
		c.Do(c.RoundTrip)
		_, resource, _ := strings.Cut(c.JID, "/")
		w.Wants(w.Account(c.Options.User), resource, leaf)
	}
	wants(a, "urn:x:tune")
	wants(b, "urn:x:tune")
	wants(other, "urn:x:other")
	publish(a, "one")
	a.Want(event(a.Bare(), "one")) // 4.3.3: to oneself as well
	b.Want(event(a.Bare(), "one"))
	publish(a, "two")
	b.Want(event(a.Bare(), "two"))
	late := join(2, bob+"/late", want)
	late.Want(event(a.Bare(), "two"))
	for _, e := range other.Heard() {
		if e.Local == "message" {
			t.Errorf("not wanted: %v", e)
		}
	}
	stranger := join(1, w.user(t, "stranger"), want)
	stranger.Do(stranger.RoundTrip)
	stranger.AskFails("not-authorized", "get", a.Bare(), "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:x:tune'/></pubsub>")
	for _, e := range stranger.Heard() {
		if e.Local == "message" {
			t.Errorf("a stranger got %v", e)
		}
	}
}
