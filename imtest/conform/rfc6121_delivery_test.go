package conform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// messageTypes are the columns of the table; the first is no type at all.
var messageTypes = []string{"", "normal", "chat", "groupchat", "headline", "error"}

// delivery is the table of RFC 6121 section 8.5.4, with what section 8.5 says
// besides. The recipient's clients are written as resource=priority, "-" stands
// for one that has not sent presence; odd ones are on the first node, even ones
// on the second. Outcomes, one for each type:
//
//	E  the sender gets service-unavailable
//	e  the sender gets that, or nothing
//	S  nothing
//	O  kept for the next client that becomes available
//	D  delivered to the client that is addressed
//	A  delivered to every client with a priority of zero or more
var delivery = []struct {
	section, clients, to, outcomes string
}{
	{"8.5.1 no account", "", "nobody@example.org", "e e e E e S"},
	{"8.5.1 no account", "", "nobody@example.org/x", "e e e e e S"},
	{"8.5.2.2.1 no client", "", "$bare", "O O O E e S"},
	{"8.5.3.2.1 no client", "", "$bare/x", "e e O e e S"},
	{"8.5.2.2.1 connected only", "a=-", "$bare", "O O O E e S"},
	{"8.5.3.1 connected only", "a=-", "$bare/a", "D D D D D D"},
	{"8.5.3.2.1 connected only", "a=-", "$bare/x", "e e O e e S"},
	{"8.5.2.1.1 negative", "a=-1 b=-128", "$bare", "O O O E e S"},
	{"8.5.3.1 negative", "a=-1 b=-128", "$bare/b", "D D D D D D"},
	{"8.5.3.2.1 negative", "a=-1 b=-128", "$bare/x", "e e O e e S"},
	{"8.5.2.1.1 one", "a=0", "$bare", "A A A E A S"},
	{"8.5.3.1 one", "a=0", "$bare/a", "D D D D D D"},
	{"8.5.3.2.1 one", "a=0", "$bare/x", "e e A e e S"},
	{"8.5.2.1.1 several", "a=0 b=5 c=-1 d=-", "$bare", "A A A E A S"},
	{"8.5.3.1 several", "a=0 b=5 c=-1 d=-", "$bare/b", "D D D D D D"},
	{"8.5.3.1 several, negative", "a=0 b=5 c=-1 d=-", "$bare/c", "D D D D D D"},
	{"8.5.3.1 several, connected", "a=0 b=5 c=-1 d=-", "$bare/d", "D D D D D D"},
	{"8.5.3.2.1 several", "a=0 b=5 c=-1 d=-", "$bare/x", "e e A e e S"},
}

func TestRFC6121Delivery(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for _, row := range delivery {
		t.Run(row.section+" "+row.to, func(t *testing.T) {
			t.Parallel()
			alice, bob := w.pair(t)
			a := w.bound(t, alice)
			a.Do(func(ctx ctx) error { return a.Enable(ctx, false) })
			clients := w.clients(t, bob, row.clients)
			to := strings.ReplaceAll(row.to, "$bare", bob+"@"+domain)
			kept := map[string]bool{}
			for i, want := range strings.Fields(row.outcomes) {
				typ := messageTypes[i]
				id := "m-" + typ
				attr := ""
				if typ != "" {
					attr = " type='" + typ + "'"
				}
				a.Say("<message to='%s' id='%s'%s><body>hello</body></message>", to, id, attr)
				a.Do(a.Sync)
				refused := false
				for _, e := range a.Heard() {
					if e.Attr("id") != id || xmpptest.ReasonOf(e) != "service-unavailable" || e.Attr("from") != to {
						t.Errorf("%s: the sender got %v", id, e)
					}
					refused = true
				}
				if refused && want != "E" && want != "e" || !refused && want == "E" {
					t.Errorf("%s: refused: %v; want %s", id, refused, want)
				}
				kept[id] = want == "O"
				for _, c := range clients {
					wanted := want == "D" && strings.HasSuffix(row.to, "/"+c.resource) || want == "A" && c.takes
					got := 0
					fits := func(e element) bool {
						return e.Local == "message" && e.Attr("id") == id && e.Attr("to") == to && e.Attr("type") == typ && e.ChildText("jabber:client", "body") == "hello"
					}
					// A message comes by way of the log, which what marks the end may overtake.
					if wanted && fits(c.Want("<message id='"+id+"'/>")) {
						got++
					}
					for _, e := range c.until(a) {
						if fits(e) {
							got++
						}
					}
					if wanted != (got == 1) || got > 1 {
						t.Errorf("%s: %s got %d; wanted %v", id, c.resource, got, wanted)
					}
				}
			}
			// How far devices are is known at once only where they are.
			late := xmpptest.Join(t, w.options(nodeOf(to), bob+"/late"))
			late.Say("<presence/>")
			late.Do(late.RoundTrip)
			for _, e := range late.Heard() {
				if id := e.Attr("id"); e.Local == "message" {
					if !kept[id] || e.Child("urn:xmpp:delay", "delay") == nil {
						t.Errorf("kept was %v", e)
					}
					delete(kept, id)
				}
			}
			for id, yes := range kept {
				if yes {
					t.Errorf("%s was not kept (XEP-0160)", id)
				}
			}
		})
	}
}

// nodeOf is where a client of the recipient's is.
func nodeOf(addr string) int {
	if strings.HasSuffix(addr, "/b") || strings.HasSuffix(addr, "/d") {
		return 2
	}
	return 1
}

// client is one of the recipient's.
type client struct {
	*xmpptest.T
	resource string
	takes    bool // what is addressed to the account
}

// clients logs in what a row of the table says.
func (w world) clients(t *testing.T, name, list string) (all []client) {
	t.Helper()
	for i, word := range strings.Fields(list) {
		resource, priority, _ := strings.Cut(word, "=")
		c := client{xmpptest.Join(t, w.options(1+i%2, name+"/"+resource)), resource, false}
		w.Announced(w.Account(name), i+1)
		if priority != "-" {
			c.Say("<presence><priority>%s</priority></presence>", priority)
			c.Do(c.RoundTrip)
			w.known(t, c.T, true)
			c.takes = priority[0] != '-'
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.Do(c.RoundTrip)
		c.Heard()
	}
	return all
}

// until returns what has come before something that a sends now.
func (c client) until(a *xmpptest.T) []element {
	id := a.ID()
	a.Say("<iq type='result' id='%s' to='%s'/>", id, c.JID)
	c.Want("<iq type='result' id='" + id + "'/>")
	return c.Heard()
}

// Sections 8.5.1 to 8.5.3 for iq. The answers of the server to requests are in
// TestRFC6120Stanzas.
func TestRFC6121IQ(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for _, typ := range []string{"get", "set", "result", "error"} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			alice, bob := w.pair(t)
			a := w.bound(t, alice)
			all := w.clients(t, bob, "a=0 b=5 c=-1 d=-")
			request := typ == "get" || typ == "set"
			for i, to := range []string{"", "/a", "/b", "/c", "/d", "/x"} {
				id := fmt.Sprintf("q%d", i)
				a.Say("<iq type='%s' id='%s' to='%s@%s%s'><x xmlns='urn:x'/></iq>", typ, id, bob, domain, to)
				for _, c := range all {
					got := 0
					for _, e := range c.until(a) {
						if e.Attr("id") == id && e.Attr("from") == a.JID && e.Attr("type") == typ {
							got++
						}
					}
					if want := "/"+c.resource == to; (got == 1) != want {
						t.Errorf("to %q: %s got %d", to, c.resource, got)
					}
				}
				if request && (to == "" || to == "/x") { // 8.5.2.1.3, 8.5.3.2.3
					a.Want(stanzaError("iq", id, "cancel", "service-unavailable"))
				}
				a.Quiet()
			}
		})
	}
}

// Sections 8.5.2 and 8.5.3 for presence that is addressed.
func TestRFC6121DirectedDelivery(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for _, typ := range []string{"", "unavailable"} {
		t.Run("presence "+typ, func(t *testing.T) {
			t.Parallel()
			alice, bob := w.pair(t)
			a := w.bound(t, alice)
			all := w.clients(t, bob, "a=0 b=5 c=-1 d=-")
			attr := ""
			if typ != "" {
				attr = " type='" + typ + "'"
			}
			for _, to := range []string{"", "/a", "/b", "/c", "/d", "/x"} {
				a.Say("<presence id='p' to='%s@%s%s'%s/>", bob, domain, to, attr)
				for _, c := range all {
					got := 0
					for _, e := range c.until(a) {
						if e.Local == "presence" && e.Attr("from") == a.JID && e.Attr("type") == typ {
							got++
						}
					}
					want := "/"+c.resource == to || to == "" && c.resource != "d"
					if (got == 1) != want {
						t.Errorf("to %q: %s got %d", to, c.resource, got)
					}
				}
				a.Quiet()
			}
		})
	}
}
