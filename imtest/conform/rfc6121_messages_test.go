package conform

import (
	"testing"

	"github.com/cxx-im/cxx/imtest"
)

// Section 5: what a message is made of goes through as it is.
func TestRFC6121Messages(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for _, c := range []struct{ name, say, want string }{
		{"5.2.2 no type", "id='1'><body>x</body>", "<message id='1' type='!'><body>x</body></message>"},
		{"5.2.2 unknown type is normal", "id='1' type='shout'><body>x</body>", "<message id='1' type='normal'><body>x</body></message>"},
		{
			"5.2.3 bodies in languages", "id='1' type='chat' xml:lang='en'><body>x</body><body xml:lang='cs'>y</body>",
			"<message id='1' xml:lang='en'><body>x</body><body xml:lang='cs'>y</body></message>",
		},
		{"5.2.3 white space in the body", "id='1' type='chat'><body> x\n&#x9;&#xD;y </body>", "<message id='1'><body>x\n\t&#xD;y</body></message>"},
		{
			"5.2.4 subject", "id='1'><subject>s</subject><subject xml:lang='cs'>t</subject><body>x</body>",
			"<message id='1'><subject>s</subject><subject xml:lang='cs'>t</subject><body>x</body></message>",
		},
		{"5.2.5 thread", "id='1' type='chat'><thread parent='p'>t</thread><body>x</body>", "<message id='1'><thread parent='p'>t</thread><body>x</body></message>"},
		{"5.2.1 without id", "type='chat'><body>x</body>", "<message id='!' type='chat'><body>x</body></message>"},
		{
			"5.1 error", "id='1' type='error' ><body>x</body><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
			"<message id='1' type='error'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			alice, bob := w.pair(t)
			a, b := w.online(t, alice), w.onlineAt(t, 2, bob)
			a.Say("<message to='%s' %s</message>", b.JID, c.say)
			b.Want(c.want)
			a.Quiet()
		})
	}
	t.Run("8.5.3.1 a request to oneself", func(t *testing.T) {
		t.Parallel()
		a := w.online(t, w.user(t, "alice"))
		a.Ask("get", a.JID, "<ping xmlns='urn:xmpp:ping'/>")
		a.AskFails("service-unavailable", "get", a.Bare()+"/other", "<ping xmlns='urn:xmpp:ping'/>")
	})
	t.Run("2.1.6 a push to a client on another node", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "alice")
		a, b := w.online(t, name+"/a"), w.onlineAt(t, 2, name+"/b")
		a.Ask("set", "", rosterSet("<item jid='nurse@example.org' name='Nurse'/>"))
		a.Want(push("<item jid='nurse@example.org' name='Nurse'/>"))
		b.Want(push("<item jid='nurse@example.org' name='Nurse'/>"))
	})
}

// RFC 6120 section 4.9.3.20: a server that ends says so.
func TestRFC6120Shutdown(t *testing.T) {
	w := open(t)
	c := w.online(t, w.user(t, "alice"))
	r := dial(t, w.Node(1).XMPPAddr())
	r.say(hello)
	r.until("</stream:features>")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.Node(1).Stop()
	}()
	c.Ends("system-shutdown")
	if got := r.rest(); !errorPattern.MatchString(got) {
		t.Errorf("before the login: %s", got)
	}
	<-stopped
}
