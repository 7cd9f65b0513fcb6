package conform

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func rosterSet(item string) string {
	return "<query xmlns='jabber:iq:roster'>" + item + "</query>"
}

func push(item string) string {
	return "<iq type='set'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>"
}

// interested logs in a client that has asked for the roster and is not available.
func (w world) interested(t *testing.T, name string) *xmpptest.T {
	t.Helper()
	c := w.bound(t, name)
	c.Ask("get", "", rosterSet(""))
	return c
}

// Section 2: roster requests that are refused.
func TestRFC6121RosterRefused(t *testing.T) {
	w := open(t)
	for _, c := range []struct{ name, typ, to, say, want string }{
		{"2.1.5 two items", "set", "", "<item jid='a@x.example'/><item jid='b@x.example'/>", "bad-request"},
		{"2.1.5 no item", "set", "", "", "bad-request"},
		{"2.3.3 item without jid", "set", "", "<item name='x'/>", "bad-request"},
		{"2.3.3 a group twice", "set", "", "<item jid='a@x.example'><group>g</group><group>g</group></item>", "bad-request"},
		{"2.3.3 empty group", "set", "", "<item jid='a@x.example'><group/></item>", "not-acceptable"},
		{"2.3.3 long group", "set", "", "<item jid='a@x.example'><group>" + strings.Repeat("x", 2000) + "</group></item>", "not-acceptable"},
		{"2.3.3 long name", "set", "", "<item jid='a@x.example' name='" + strings.Repeat("x", 2000) + "'/>", "not-acceptable"},
		{"2.3.3 malformed jid", "set", "", "<item jid='@'/>", "jid-malformed"},
		{"2.3.3 oneself", "set", "", "<item jid='$bare'/>", "not-allowed"},
		{"2.3.3 set of somebody else's", "set", "$peer", "<item jid='a@x.example'/>", "forbidden"},
		{"2.1.3 get of somebody else's", "get", "$peer", "", "forbidden"},
		{"2.1.3 get of nobody's", "get", "nobody@example.org", "", "forbidden"},
		{"2.5.3 remove what is not there", "set", "", "<item jid='a@x.example' subscription='remove'/>", "item-not-found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, peer := w.pair(t)
			a := w.interested(t, name)
			r := strings.NewReplacer("$bare", a.Bare(), "$peer", peer+"@"+domain)
			e := a.AskFails(c.want, c.typ, r.Replace(c.to), rosterSet(r.Replace(c.say)))
			if c.to != "" && e.Attr("from") != r.Replace(c.to) {
				t.Errorf("the answer is from %s", e.Attr("from"))
			}
			if got := a.Ask("get", "", rosterSet("")).First(); got.First() != nil {
				t.Errorf("the roster has %v", got)
			}
			a.Quiet() // and no push
		})
	}
}

// Section 2: what is changed, and who hears of it.
func TestRFC6121Roster(t *testing.T) {
	w := open(t)
	t.Run("2.1.4 empty", func(t *testing.T) {
		t.Parallel()
		a := w.bound(t, w.user(t, "alice"))
		r := a.Ask("get", "", rosterSet(""))
		if q := r.Child("jabber:iq:roster", "query"); q == nil || q.First() != nil || r.Attr("to") != a.JID {
			t.Errorf("the roster is %v", r)
		}
	})
	t.Run("2.1.6 pushes to interested resources only", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "alice")
		one, two, deaf := w.interested(t, name+"/one"), w.interested(t, name+"/two"), w.bound(t, name+"/deaf")
		one.Ask("set", "", rosterSet("<item jid='nurse@example.org' name='Nurse &amp; &lt;'><group>Servants</group><group>Friends</group></item>"))
		for _, c := range []*xmpptest.T{one, two} {
			e := c.Want(push("<item jid='nurse@example.org' name='Nurse &amp; &lt;' subscription='none' ask='!'><group>Servants</group><group>Friends</group></item>"))
			if from := e.Attr("from"); from != "" && from != c.Bare() || e.Attr("to") != c.JID || e.Attr("id") == "" {
				t.Errorf("the push is %v (2.1.6)", e)
			}
			c.Quiet()
		}
		deaf.Quiet()
		// 2.4: name and groups are replaced
		two.Ask("set", "", rosterSet("<item jid='nurse@example.org' subscription='both' ask='subscribe'><group>Others</group></item>"))
		for _, c := range []*xmpptest.T{one, two} {
			c.Want(push("<item jid='nurse@example.org' name='!' subscription='none' ask='!'><group>Others</group><t:no><group>Servants</group></t:no></item>"))
		}
		// 2.5: removed
		one.Ask("set", "", rosterSet("<item jid='nurse@example.org' subscription='remove'/>"))
		for _, c := range []*xmpptest.T{one, two} {
			c.Want(push("<item jid='nurse@example.org' subscription='remove'/>"))
			c.Quiet()
		}
		if q := one.Ask("get", "", rosterSet("")).First(); q.First() != nil {
			t.Errorf("the roster is %v", q)
		}
		deaf.Quiet()
	})
	t.Run("2.3.2 bare address", func(t *testing.T) {
		t.Parallel()
		a := w.interested(t, w.user(t, "alice"))
		a.Ask("set", "", rosterSet("<item jid='Nurse@EXAMPLE.org/desk'/>"))
		a.Want(push("<item jid='nurse@example.org'/>"))
	})
	t.Run("2.3 addressed to the own account", func(t *testing.T) {
		t.Parallel()
		a := w.interested(t, w.user(t, "alice"))
		a.Ask("set", a.Bare(), rosterSet("<item jid='nurse@example.org'/>"))
		a.Want(push("<item jid='nurse@example.org'/>"))
	})
	t.Run("2.6 versions", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "alice")
		a := w.interested(t, name+"/a")
		if a.Features.Child("urn:xmpp:features:rosterver", "ver") == nil {
			t.Errorf("not advertised (2.6.1): %v", a.Features)
		}
		a.Ask("set", "", rosterSet("<item jid='one@example.org'/>"))
		first := a.Want(push("<item jid='one@example.org'/>")).First().Attr("ver")
		a.Ask("set", "", rosterSet("<item jid='two@example.org'/>"))
		second := a.Want(push("<item jid='two@example.org'/>")).First().Attr("ver")
		if first == "" || second == "" || first == second {
			t.Fatalf("versions %q and %q", first, second)
		}
		ask := func(ver string) (*xmpptest.T, *xmpptest.T) {
			c := w.bound(t, name+"/b")
			r := c.Ask("get", "", "<query xmlns='jabber:iq:roster' ver='"+ver+"'/>")
			if ver == second || ver == first {
				if r.First() != nil {
					t.Errorf("version %s is answered with %v (2.6.3)", ver, r)
				}
				return c, nil
			}
			if q := r.First(); q.Attr("ver") != second || q.First() == nil {
				t.Errorf("version %q is answered with %v (2.6.2)", ver, r)
			}
			return nil, c
		}
		same, _ := ask(second)
		same.Quiet()
		older, _ := ask(first)
		older.Want(push("<item jid='two@example.org'/>"))
		older.Quiet()
		_, c := ask("")
		c.Quiet()
		_, c = ask("bogus")
		c.Quiet()
	})
	t.Run("2.2 interest ends with the session", func(t *testing.T) {
		t.Parallel()
		name := w.user(t, "alice")
		w.interested(t, name+"/a").Abort()
		a, b := w.bound(t, name+"/a"), w.interested(t, name+"/b")
		b.Ask("set", "", rosterSet("<item jid='nurse@example.org'/>"))
		b.Want(push("<item jid='nurse@example.org'/>"))
		a.Quiet()
	})
	t.Run("2.1.6 an answer to a push is nobody's business", func(t *testing.T) {
		t.Parallel()
		a := w.bound(t, w.user(t, "alice"))
		a.Answer = nil
		a.Ask("get", "", rosterSet(""))
		a.Ask("set", "", rosterSet("<item jid='nurse@example.org'/>"))
		id := a.Want(push("<item jid='nurse@example.org'/>")).Attr("id")
		a.Say("<iq type='error' id='%s'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq><iq type='result' id='%[1]s'/>", id)
		a.Quiet()
	})
}
