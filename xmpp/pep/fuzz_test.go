package pep

import (
	"reflect"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Whatever a form says, the configuration can be stored, read, shown and sent
// back, and the node then meets the same form as publish options.
func FuzzConfiguration(f *testing.F) {
	f.Add(submit(formConfig, "access_model=roster", "roster_groups_allowed=b a b", "max_items=99999999999999", "persist_items=0"))
	f.Add(submit(formConfig, "max_items=max", "title=x", "itemreply=none", "send_last_published_item=never", "x=y"))
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte(in), xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		x, err := form.Parse(e)
		if err != nil {
			return
		}
		c, err := defaults("n").apply(x)
		if err != nil {
			if stanza.Of(err).Condition != stanza.NotAcceptable {
				t.Fatal(err)
			}
			return
		}
		if got := load(im.Leaf{Config: c.store()}); len(c.Groups) > 0 && !reflect.DeepEqual(got, c) {
			t.Fatalf("%+v was stored as %+v", c, got)
		}
		if err := c.meets(x); err != nil {
			t.Fatal(err)
		}
		again, err := c.apply(c.form(form.TypeForm))
		if err != nil || !reflect.DeepEqual(again.store(), c.store()) {
			t.Fatalf("%+v, %v: the form does not say %+v", again, err, c)
		}
	})
}

// Whatever is asked: there is an answer, what is stored stays readable, and a
// stranger to whom nothing is open cannot tell the account from a missing one.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		publish("n", "1", tune("a"), "access_model=whitelist"), items("n"), create("m", "max_items=3"),
		pub("<items node='n' max_items='1'/><set xmlns='" + stanza.NSRSM + "'><before/></set>"),
		pub("<retract node='n' notify='1'><item id='1'/></retract>"), pub("<subscribe node='n' jid='tybalt@example.org/street'/>"),
		pub("<unsubscribe node='n' jid='tybalt@example.org'/>"), pub("<subscriptions/>"), pub("<affiliations node='n'/>"),
		own("<configure node='n'>" + submit(formConfig, "persist_items=0") + "</configure>"), own("<default/>"), own("<purge node='n'/>"), own("<delete node='n'/>"),
		own("<affiliations node='n'><affiliation jid='romeo@example.org' affiliation='member'/></affiliations>"),
		publish(nsMetadata, "1", info("1", "")), publish(nsMDS, "romeo@example.org", displayed("juliet@example.org", 1)),
		publish(nsLegacy, "current", storage("<conference jid='a@b'/>")),
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, set bool) {
		e, err := xmlstream.Parse([]byte(in), stanza.Client, xmlstream.DefaultLimits())
		if err != nil || e.Local != "pubsub" {
			return
		}
		w := newWorld(t)
		w.must(juliet+"set", publish("n", "1", tune("a")))
		how := map[bool]string{true: "set", false: "get"}[set]
		answer := func(who, to string) *xmlstream.Element {
			st := xmlstream.New(stanza.NSClient, "iq").SetAttr("type", how).SetAttr("id", "1").SetAttr("to", to).Add(e)
			return xmpptest.Serve(t, w.mux, w.sessions[who], xmpptest.Text(st))
		}
		hers, nobodys := answer("tybalt/street", "juliet@example.org"), answer("tybalt/street", "nobody@example.org")
		if hers.SetAttr("from", "").String() != nobodys.SetAttr("from", "").String() || hers.Attr("type") != "error" {
			t.Fatalf("a stranger learns %s", xmpptest.Text(hers))
		}
		answer("romeo/orchard", "juliet@example.org")
		answer("juliet/balcony", "juliet@example.org")
		w.events()
		leaves, err := w.sessions["juliet/balcony"].Core().Leaves(t.Context(), w.cell.User("juliet"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range leaves {
			if node, ok := nodeOf(l); ok && len(node) > 0 && load(l).Persist {
				st := xmlstream.New(stanza.NSClient, "iq").SetAttr("type", "get").SetAttr("id", "1")
				q := xmlstream.New(nsPubsub, "pubsub")
				q.AddNew(nsPubsub, "items").SetAttr("node", node)
				if got := xmpptest.Serve(t, w.mux, w.sessions["juliet/balcony"], xmpptest.Text(st.Add(q))); got.Attr("type") != "result" {
					t.Fatalf("%q cannot be read: %s", node, xmpptest.Text(got))
				}
			}
		}
	})
}
