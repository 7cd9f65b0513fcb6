package conform

import (
	"testing"

	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// met logs in two users who see each other, on two nodes when there are two.
func (w world) met(t *testing.T, nodes int) (a, b *xmpptest.T) {
	t.Helper()
	alice, bob := w.pair(t)
	w.friends(t, alice, bob)
	a, b = w.onlineAt(t, 1, alice), w.onlineAt(t, nodes, bob)
	a.Want("<presence from='" + b.JID + "' type='!'/>")
	b.Want("<presence from='" + a.JID + "' type='!'/>")
	return a, b
}

// Section 4, with the two clients on one node and on two.
func TestRFC6121Presence(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for nodes := 1; nodes <= 2; nodes++ {
		t.Run(map[int]string{1: "one node", 2: "two nodes"}[nodes], func(t *testing.T) {
			t.Parallel()
			w.presence(t, nodes)
		})
	}
}

func (w world) presence(t *testing.T, nodes int) {
	t.Run("4.2.2 initial presence goes to contacts and to oneself", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		b := w.onlineAt(t, nodes, bob)
		a := w.interested(t, alice+"/a")
		stranger := w.online(t, w.user(t, "stranger"))
		a.Say("<presence id='p1'><show>xa</show><status>down the rabbit hole</status><priority>5</priority><x xmlns='urn:x'>y</x></presence>")
		want := "<presence from='" + a.JID + "' type='!' id='p1'><show>xa</show><status>down the rabbit hole</status><priority>5</priority><x xmlns='urn:x'>y</x></presence>"
		a.Want(want)
		b.Want(want)
		a.Want("<presence from='" + b.JID + "' type='!'/>") // 4.3: the probe of the server
		a.Quiet()
		b.Quiet()
		stranger.Quiet()
	})
	t.Run("4.2.2 only once it is sent, 4.3.2 of every resource", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		one, two := w.onlineAt(t, nodes, bob+"/one"), w.online(t, bob+"/two")
		one.Want("<presence from='" + two.JID + "' type='!'/>")
		two.Want("<presence from='" + one.JID + "' type='!'/>")
		a := w.interested(t, alice)
		a.Quiet()
		one.Quiet() // binding tells nobody
		a.Say("<presence/>")
		a.Want("<presence from='" + one.JID + "' type='!'/>")
		a.Want("<presence from='" + two.JID + "' type='!'/>")
		one.Want("<presence from='" + a.JID + "' type='!'/>")
	})
	t.Run("4.2.2 to which subscriptions", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.interested(t, alice), w.interested(t, bob)
		a.Say("<presence type='subscribe' to='%s'/>", b.Bare())
		a.Do(a.RoundTrip)
		b.Say("<presence type='subscribed' to='%s'/>", a.Bare())
		b.Do(b.RoundTrip) // alice sees bob, bob not alice
		a.Do(a.Close)
		b.Do(b.Close)
		a, b = w.online(t, alice), w.onlineAt(t, nodes, bob)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Quiet()
		a.Quiet()
	})
	t.Run("4.3.2 probe of a client", func(t *testing.T) {
		t.Parallel()
		a, b := w.met(t, nodes)
		a.Say("<presence type='probe' to='%s'/>", b.Bare())
		a.Want("<presence from='" + b.JID + "' to='" + a.JID + "' type='!'/>")
		a.Say("<presence type='probe' to='%s'/>", b.JID)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Quiet() // 4.3.2: probes are for servers
		b.Say("<presence type='unavailable'><status>gone</status></presence>")
		a.Want("<presence from='" + b.JID + "' type='unavailable'><status>gone</status></presence>")
		a.Say("<presence type='probe' to='%s'/>", b.Bare())
		a.Want("<presence from='" + b.Bare() + "' type='unavailable'/>")
	})
	t.Run("4.3.2 probe of a stranger, of nobody", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a := w.online(t, alice)
		w.onlineAt(t, nodes, bob)
		a.Say("<presence type='probe' to='%s@%s'/><presence type='probe' to='nobody@%[2]s'/>", bob, domain)
		a.Quiet()
	})
	t.Run("4.4 later presence", func(t *testing.T) {
		t.Parallel()
		a, b := w.met(t, nodes)
		for _, show := range []string{"away", "chat", "dnd", "xa"} { // 4.7.2.1
			a.Say("<presence><show>%s</show></presence>", show)
			a.Want("<presence from='" + a.JID + "'><show>" + show + "</show></presence>")
			b.Want("<presence from='" + a.JID + "' type='!'><show>" + show + "</show></presence>")
		}
		a.Say("<presence><priority>-128</priority></presence>")
		b.Want("<presence from='" + a.JID + "'><t:no><show/></t:no><priority>-128</priority></presence>")
		a.Want("<presence from='" + a.JID + "'><priority>-128</priority></presence>")
		a.Quiet() // 4.4.2: no probes again
		b.Quiet()
	})
	t.Run("4.5.2 unavailable", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		b := w.onlineAt(t, nodes, bob)
		a, other := w.online(t, alice+"/a"), w.onlineAt(t, nodes, alice+"/other")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		b.Want("<presence from='" + other.JID + "' type='!'/>")
		a.Want("<presence from='" + other.JID + "' type='!'/>")
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		other.Want("<presence from='" + a.JID + "' type='!'/>")
		a.Say("<presence type='unavailable'><status>going home</status></presence>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'><status>going home</status></presence>")
		other.Want("<presence from='" + a.JID + "' type='unavailable'><status>going home</status></presence>")
		a.Do(a.RoundTrip)
		a.Heard()
		b.Say("<presence><show>away</show></presence>")
		b.Want("<presence from='" + b.JID + "'><show>away</show></presence>")
		other.Want("<presence from='" + b.JID + "'><show>away</show></presence>")
		a.Quiet() // it is not available, so it hears nothing (4.5.3)
		b.Quiet()
	})
	for name, leave := range map[string]func(c *xmpptest.T){
		"the stream ends":       func(c *xmpptest.T) { c.Do(c.Close) },
		"the connection breaks": func(c *xmpptest.T) { c.Abort() },
		"the stream is broken":  func(c *xmpptest.T) { c.Say("</what>"); c.Ends("not-well-formed") },
	} {
		t.Run("4.5.4 unavailable when "+name, func(t *testing.T) {
			t.Parallel()
			a, b := w.met(t, nodes)
			leave(a)
			b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
			b.Quiet()
		})
	}
	t.Run("4.6.3 directed presence", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.onlineAt(t, nodes, bob)
		a.Say("<presence to='%s'><show>chat</show><x xmlns='urn:x'/></presence>", b.JID)
		b.Want("<presence from='" + a.JID + "' to='" + b.JID + "' type='!'><show>chat</show><x xmlns='urn:x'/></presence>")
		a.Say("<presence><show>away</show></presence>")
		a.Want("<presence from='" + a.JID + "'><show>away</show></presence>")
		b.Quiet() // broadcasts are not for him (4.6.3 rule 2)
		a.Say("<presence type='unavailable'><status>bye</status></presence>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'><status>bye</status></presence>")
		b.Quiet()
	})
	t.Run("4.6.4 directed presence, taken back", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.onlineAt(t, nodes, bob)
		a.Say("<presence to='%s'/><presence to='%[1]s' type='unavailable'/>", b.JID)
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
		a.Do(a.Close)
		w.known(t, a, false)
		b.Quiet()
	})
	t.Run("4.6.3 directed presence without being available", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.bound(t, alice), w.onlineAt(t, nodes, bob)
		a.Say("<presence to='%s'/>", b.Bare())
		b.Want("<presence from='" + a.JID + "' to='" + b.Bare() + "' type='!'/>")
		a.Abort()
		b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
	})
	t.Run("4.6.3 directed presence to a contact changes nothing", func(t *testing.T) {
		t.Parallel()
		a, b := w.met(t, nodes)
		a.Say("<presence to='%s'><show>dnd</show></presence>", b.Bare())
		b.Want("<presence from='" + a.JID + "' type='!'><show>dnd</show></presence>")
		a.Say("<presence><show>xa</show></presence>")
		b.Want("<presence from='" + a.JID + "' type='!'><show>xa</show></presence>")
		a.Say("<presence type='unavailable'/>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
	})
	t.Run("4.7.2 what presence may hold", func(t *testing.T) {
		t.Parallel()
		a, b := w.met(t, nodes)
		for _, bad := range []string{
			"<show>here</show>", "<show>away</show><show>xa</show>", "<priority>128</priority>",
			"<priority>-129</priority>", "<priority>x</priority>", "<priority>1</priority><priority>2</priority>",
		} {
			a.Say("<presence id='bad'>%s</presence>", bad)
			a.Want(stanzaError("presence", "bad", "modify", "bad-request"))
		}
		a.Say("<presence type='online' id='t'/>")
		a.Want(stanzaError("presence", "t", "modify", "bad-request"))
		a.Say("<presence><show/><status/></presence>") // clients do
		a.Do(a.RoundTrip)
		a.Heard()
		a.Say("<presence xml:lang='en'><status>hi</status><status xml:lang='de'>hallo</status></presence>") // 4.7.2.2
		b.Want("<presence from='" + a.JID + "'><status>hi</status><status xml:lang='de'>hallo</status></presence>")
	})
	t.Run("4.5.4 and back again", func(t *testing.T) {
		t.Parallel()
		a, b := w.met(t, nodes)
		a.Say("<presence type='unavailable'/>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
		a.Say("<presence/>")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		a.Want("<presence from='" + b.JID + "' type='!'/>")
	})
}
