package pep

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const itemA = "juliet:<items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item></items>"

// TestWhoIsNotified is XEP-0163 section 4: an item "1" is published in "n".
func TestWhoIsNotified(t *testing.T) {
	all := func(w *world) {
		for name := range w.sessions {
			w.session(name, "m", "n", "nn")
		}
	}
	for _, c := range []struct {
		rule  string
		node  string // how it is created; "" is by publishing
		setup func(w *world)
		want  []string
	}{
		{"4.1: the owner's sessions and contacts", "", all, []string{"juliet/balcony", "romeo/orchard", "nurse/chamber"}},
		{"4.2: only who is interested", "", func(w *world) { w.session("romeo/orchard", "n"); w.session("nurse/chamber", "nn", "m") }, []string{"romeo/orchard"}},
		{"4 rule 3: all of the owner's resources", "", func(w *world) { all(w); w.session("juliet/garden", "n") }, []string{"juliet/balcony", "juliet/garden", "romeo/orchard", "nurse/chamber"}},
		{"4.3.2 rule 3: each resource that is interested", "", func(w *world) { w.session("romeo/orchard", "n"); w.session("romeo/phone", "n"); w.session("romeo/tv") }, []string{"romeo/orchard", "romeo/phone"}},
		{"a resource that has to be escaped", "", func(w *world) { w.session("romeo/it's <&\"", "n") }, []string{"romeo/it's <&\""}},
		{"not who is offline", "", func(w *world) { all(w); w.sessions["romeo/orchard"].Present(im.Presence{Interests: "n\n"}) }, []string{"juliet/balcony", "nurse/chamber"}},
		{"not C-XX", "", func(w *world) { w.cell.CXX("romeo/cxx", im.Presence{Show: im.ShowOnline, Interests: "n\n"}) }, nil},
		{"XEP-0060 9.1.2: who may only be seen does not see", "", func(w *world) { all(w); w.cell.Relate("juliet", "romeo", im.SubTo) }, []string{"juliet/balcony", "nurse/chamber"}},
		{"XEP-0060 9.1.2: open, contacts", create("n", "access_model=open"), all, []string{"juliet/balcony", "romeo/orchard", "nurse/chamber"}},
		{"XEP-0060 9.1.2: roster, the group", create("n", "access_model=roster", "roster_groups_allowed=Servants"), all, []string{"juliet/balcony", "nurse/chamber"}},
		{"XEP-0060 9.1.1: whitelist, the owner", create("n", "access_model=whitelist"), all, []string{"juliet/balcony"}},
		{"whitelist, a member", create("n", "access_model=whitelist"), func(w *world) {
			all(w)
			w.must(juliet+"set", own("<affiliations node='n'><affiliation jid='romeo@example.org' affiliation='member'/></affiliations>"))
		}, []string{"juliet/balcony", "romeo/orchard"}},
		{"4.3.3 rule 3: blocked", "", func(w *world) {
			all(w)
			if err := w.sessions["juliet/balcony"].Core().Block(t.Context(), []im.Addr{xmpptest.Addr("romeo")}); err != nil {
				t.Fatal(err)
			}
		}, []string{"juliet/balcony", "nurse/chamber"}},
		{"deliver_notifications off", create("n", "deliver_notifications=0"), all, nil},
		{"XEP-0060 6.1: a stranger has subscribed to what is open", create("n", "access_model=open"), func(w *world) {
			w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
		}, []string{"tybalt"}},
		{"4.3.2 rule 1: with a full address", create("n", "access_model=open"), func(w *world) {
			w.session("tybalt/tavern")
			w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org/street'/>"))
		}, []string{"tybalt/street"}},
		{"4.3.2 rule 3: a contact with a bare address is reached by interest", "", func(w *world) {
			w.session("romeo/phone", "n")
			w.must("romeo/orchard set juliet", pub("<subscribe node='n' jid='romeo@example.org'/>"))
		}, []string{"romeo/phone"}},
		{"once, though subscribed twice", "", func(w *world) {
			w.session("romeo/orchard", "n")
			w.must("romeo/orchard set juliet", pub("<subscribe node='n' jid='romeo@example.org/orchard'/>"))
		}, []string{"romeo/orchard"}},
		{"7: subscribed, but the access is gone", create("n", "access_model=open"), func(w *world) {
			w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
			w.must(juliet+"set", own("<configure node='n'>"+submit(formConfig, "access_model=presence")+"</configure>"))
		}, nil},
		{"XEP-0060 6.2: unsubscribed", create("n", "access_model=open"), func(w *world) {
			w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
			w.must("tybalt/street set juliet", pub("<unsubscribe node='n' jid='tybalt@example.org'/>"))
		}, nil},
		{"XEP-0060 8.8.3: thrown out", create("n", "access_model=open"), func(w *world) {
			w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
			w.must(juliet+"set", own("<subscriptions node='n'><subscription jid='tybalt@example.org' subscription='none'/></subscriptions>"))
		}, nil},
	} {
		w := newWorld(t)
		if c.node == "" {
			c.node = publish("n", "0", tune("-"))
		}
		w.must(juliet+"set", c.node)
		c.setup(w)
		w.events()
		w.must(juliet+"set", publish("n", "1", tune("a")))
		for i := range c.want {
			c.want[i] += " " + itemA
		}
		w.same(c.rule, w.events(), c.want...)
	}
}

// TestEvents is what an event says.
func TestEvents(t *testing.T) {
	two := pub("<publish node='n'><item id='1'>" + tune("a") + "</item><item id='2'>" + tune("b") + "</item></publish>")
	form := func(access string) string {
		return "<configure node='n'>" + submit(formConfig, access) + "</configure>"
	}
	for _, c := range []struct {
		rule  string
		setup []string
		set   string
		want  []string // "*": something
	}{
		{"XEP-0060 7.1.2.1: with payload", nil, publish("n", "1", tune("a")), []string{"<items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item></items>"}},
		{"XEP-0060 7.1.2.2: without payload", []string{create("n", "deliver_payloads=0")}, publish("n", "1", tune("a")), []string{"<items node='n'><item id='1'/></items>"}},
		{"XEP-0060 7.1.2: several", []string{create("n", "max_items=max")}, two, []string{"<items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item><item id='2'><tune xmlns='urn:t'>b</tune></item></items>"}},
		{"XEP-0060 4.3: no item", []string{create("n", "persist_items=0", "deliver_payloads=0")}, pub("<publish node='n'/>"), []string{"<items node='n'/>"}},
		{"XEP-0060 12.18: publisher", []string{create("n", "itemreply=publisher")}, publish("n", "1", tune("a")), []string{"<items node='n'><item id='1' publisher='juliet@example.org'><tune xmlns='urn:t'>a</tune></item></items>"}},
		{"XEP-0060 7.2.2.1: retracted", []string{publish("n", "1", tune("a"))}, pub("<retract node='n' notify='true'><item id='1'/></retract>"), []string{"<items node='n'><retract id='1'/></items>"}},
		{"notify_retract", []string{publish("n", "1", tune("a"))}, pub("<retract node='n'><item id='1'/></retract>"), []string{"<items node='n'><retract id='1'/></items>"}},
		{"XEP-0060 7.2.2: not told", []string{create("n", "notify_retract=0"), publish("n", "1", tune("a"))}, pub("<retract node='n'><item id='1'/></retract>"), nil},
		{"XEP-0060 7.2.2.1: but asked for", []string{create("n", "notify_retract=0"), publish("n", "1", tune("a"))}, pub("<retract node='n' notify='1'><item id='1'/></retract>"), []string{"<items node='n'><retract id='1'/></items>"}},
		{"XEP-0060 8.4.2: deleted", []string{create("n")}, own("<delete node='n'/>"), []string{"<delete node='n'/>"}},
		{"notify_delete", []string{create("n", "notify_delete=0")}, own("<delete node='n'/>"), nil},
		{"XEP-0060 8.5.2: purged", []string{create("n", "max_items=9"), two}, own("<purge node='n'/>"), []string{"<purge node='n'/>"}},
		{"notify_config is off", []string{create("n")}, own(form("title=x")), nil},
		{"XEP-0060 8.2.5.3: configuration, full", []string{create("n", "notify_config=1")}, own(form("title=x")), []string{"*"}},
		{"XEP-0060 8.2.5.3: configuration, notification only", []string{create("n", "notify_config=1", "deliver_payloads=0")}, own(form("title=x")), []string{"<configuration node='n'/>"}},
		{"nothing happened", []string{create("n", "notify_config=1")}, own("<configure node='n'><x xmlns='jabber:x:data' type='cancel'/></configure>"), nil},
	} {
		w := newWorld(t)
		w.session("romeo/orchard", "n")
		for _, set := range c.setup {
			w.must(juliet+"set", set)
		}
		w.events()
		w.must(juliet+"set", c.set)
		got := w.events()
		if len(c.want) == 1 && c.want[0] == "*" {
			if len(got) != 1 || !strings.Contains(got[0], "<configuration node='n'><x xmlns='jabber:x:data' type='result'>") {
				t.Errorf("%s: %s", c.rule, got)
			}
			continue
		}
		for i := range c.want {
			c.want[i] = "romeo/orchard juliet:" + c.want[i]
		}
		w.same(c.rule, got, c.want...)
	}
}

// Nobody may make a node of somebody else (XEP-0060 section 13.2), and who may
// not see the owner learns nothing (security row 25).
func TestAccess(t *testing.T) {
	const hidden = "auth not-authorized presence-subscription-required"
	const node = `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item></items></pubsub>`
	get := items("n")
	subscribe := func(who string) string { return pub("<subscribe node='n' jid='" + who + "@example.org'/>") }
	for _, c := range []struct {
		rule   string
		create []string // nil: there is no node
		how    string
		ask    string
		want   string
	}{
		{"XEP-0060 6.5.1: open", []string{"access_model=open"}, "tybalt/street get", get, node},
		{"XEP-0060 6.5.1: presence, a contact", []string{}, "romeo/orchard get", get, node},
		{"XEP-0060 6.5.9.8: presence, a stranger", []string{}, "tybalt/street get", get, hidden},
		{"XEP-0060 6.5.1: roster", []string{"access_model=roster", "roster_groups_allowed=Servants"}, "nurse/chamber get", get, node},
		{"XEP-0060 6.5.9.9: not in the group", []string{"access_model=roster", "roster_groups_allowed=Servants"}, "romeo/orchard get", get, "auth not-authorized not-in-roster-group"},
		{"XEP-0060 6.5.9.9: a stranger", []string{"access_model=roster", "roster_groups_allowed=Servants"}, "tybalt/street get", get, hidden},
		{"XEP-0060 6.5.9.10: whitelist", []string{"access_model=whitelist"}, "romeo/orchard get", get, "cancel not-allowed closed-node"},
		{"XEP-0060 6.5.9.10: whitelist, a stranger", []string{"access_model=whitelist"}, "tybalt/street get", get, hidden},
		{"XEP-0060 6.5.9.11: no node, a contact", nil, "romeo/orchard get", get, "cancel item-not-found"},
		{"XEP-0060 6.5.9.11: no node, a stranger", nil, "tybalt/street get", get, hidden},
		{"a wrong request of a stranger", nil, "tybalt/street get", pub("<items/>"), hidden},
		{"an unknown request of a stranger", nil, "tybalt/street get", pub("<x/>"), "modify bad-request"},
		{"a stranger may know of what is open", []string{"access_model=open"}, "tybalt/street get", pub("<items node='n'><item id='7'/></items>"), "cancel item-not-found"},

		{"XEP-0060 6.1.2: a contact subscribes", []string{}, "romeo/orchard set", subscribe("romeo"), `<pubsub><subscription node='n' jid='romeo@example.org' subscription='subscribed'/></pubsub>`},
		{"XEP-0060 6.1.3.1: for another", []string{}, "romeo/orchard set", subscribe("nurse"), "modify bad-request invalid-jid"},
		{"XEP-0060 6.1.3.1: no address", []string{}, "romeo/orchard set", pub("<subscribe node='n'/>"), "modify bad-request invalid-jid"},
		{"XEP-0060 6.1.3.2: presence", []string{}, "tybalt/street set", subscribe("tybalt"), hidden},
		{"XEP-0060 6.1.3.3: roster group", []string{"access_model=roster"}, "romeo/orchard set", subscribe("romeo"), "auth not-authorized not-in-roster-group"},
		{"XEP-0060 6.1.3.4: whitelist", []string{"access_model=whitelist"}, "romeo/orchard set", subscribe("romeo"), "cancel not-allowed closed-node"},
		{"XEP-0060 6.1.3.12: no node", nil, "romeo/orchard set", subscribe("romeo"), "cancel item-not-found"},
		{"XEP-0060 6.2.3.2: not subscribed", []string{}, "romeo/orchard set", pub("<unsubscribe node='n' jid='romeo@example.org'/>"), "cancel unexpected-request not-subscribed"},
		{"XEP-0060 6.2.3.3: for another", []string{}, "romeo/orchard set", pub("<unsubscribe node='n' jid='nurse@example.org'/>"), "auth forbidden"},
		{"XEP-0060 6.2.3.4: no node", nil, "romeo/orchard set", pub("<unsubscribe node='n' jid='romeo@example.org'/>"), "cancel item-not-found"},
		{"not subscribed, a stranger", []string{}, "tybalt/street set", pub("<unsubscribe node='n' jid='tybalt@example.org'/>"), hidden},

		{"XEP-0060 7.1.3.1: publish", []string{}, "romeo/orchard set", publish("n", "2", tune("b")), "auth forbidden"},
		{"XEP-0060 7.2.3.1: retract", []string{}, "romeo/orchard set", pub("<retract node='n'><item id='1'/></retract>"), "auth forbidden"},
		{"XEP-0060 8.1.1: create", nil, "romeo/orchard set", create("n"), "auth forbidden"},
		{"XEP-0060 8.2.3.2: configure", []string{}, "romeo/orchard get", own("<configure node='n'/>"), "auth forbidden"},
		{"XEP-0060 8.2.3.2: configure", []string{}, "romeo/orchard set", own("<configure node='n'/>"), "auth forbidden"},
		{"XEP-0060 8.4.3.1: delete", []string{}, "romeo/orchard set", own("<delete node='n'/>"), "auth forbidden"},
		{"XEP-0060 8.5.3.2: purge", []string{}, "romeo/orchard set", own("<purge node='n'/>"), "auth forbidden"},
		{"XEP-0060 8.8.1.3: subscriptions", []string{}, "romeo/orchard get", own("<subscriptions node='n'/>"), "auth forbidden"},
		{"XEP-0060 8.9.2.3: affiliations", []string{}, "romeo/orchard set", own("<affiliations node='n'/>"), "auth forbidden"},
		{"publish, a stranger to what is open", []string{"access_model=open"}, "tybalt/street set", publish("n", "2", tune("b")), "auth forbidden"},
		{"delete, a stranger", []string{}, "tybalt/street set", own("<delete node='n'/>"), "auth forbidden"},

		{"XEP-0060 5.6: a contact's subscriptions", []string{}, "romeo/orchard get", pub("<subscriptions/>"), `<pubsub><subscriptions/></pubsub>`},
		{"XEP-0060 5.6: a stranger's subscriptions", []string{}, "tybalt/street get", pub("<subscriptions/>"), hidden},
		{"XEP-0060 5.7: a stranger's affiliations", []string{}, "tybalt/street get", pub("<affiliations/>"), hidden},
	} {
		w := newWorld(t)
		if c.create != nil {
			w.must(juliet+"set", create("n", c.create...))
			w.must(juliet+"set", publish("n", "1", tune("a")))
		}
		before := w.ask(juliet+"get", own("<configure node='n'/>")) + w.ask(juliet+"get", items("n"))
		if got := w.ask(c.how+" juliet", c.ask); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
		// Security row 25: there is no difference to an account that does not exist.
		if strings.HasPrefix(c.how, "tybalt") && (len(c.create) == 0 || c.create[0] != "access_model=open") {
			if got := w.ask(c.how+" nobody", c.ask); got != c.want {
				t.Errorf("%s: without an account\n got %s\nwant %s", c.rule, got, c.want)
			}
		}
		if after := w.ask(juliet+"get", own("<configure node='n'/>")) + w.ask(juliet+"get", items("n")); after != before {
			t.Errorf("%s: the node has changed: %s", c.rule, after)
		}
	}
}

func TestMembersAndSubscribers(t *testing.T) {
	w := newWorld(t)
	w.must(juliet+"set", create("n", "access_model=whitelist"))
	w.must(juliet+"set", publish("n", "1", tune("a")))
	member := func(role string) {
		w.must(juliet+"set", own("<affiliations node='n'><affiliation jid='tybalt@example.org' affiliation='"+role+"'/></affiliations>"))
	}
	member("member")
	member("member")
	w.must("tybalt/street get juliet", items("n"))
	w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
	w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>"))
	for ask, want := range map[string]string{
		pub("<affiliations/>"):  `<pubsub><affiliations><affiliation node='n' affiliation='member'/></affiliations></pubsub>`,
		pub("<subscriptions/>"): `<pubsub><subscriptions><subscription node='n' jid='tybalt@example.org' subscription='subscribed'/></subscriptions></pubsub>`,
	} {
		if got := w.ask("tybalt/street get juliet", ask); got != want {
			t.Errorf("%s", got)
		}
	}
	for ask, want := range map[string]string{
		own("<affiliations node='n'/>"):  `<pubsub><affiliations node='n'><affiliation jid='juliet@example.org' affiliation='owner'/><affiliation jid='tybalt@example.org' affiliation='member'/></affiliations></pubsub>`,
		own("<subscriptions node='n'/>"): `<pubsub><subscriptions node='n'><subscription jid='tybalt@example.org' subscription='subscribed'/></subscriptions></pubsub>`,
	} {
		if got := w.ask(juliet+"get", ask); got != want {
			t.Errorf("%s", got)
		}
	}
	// XEP-0060 section 6.1.6: the new subscriber has had the last item.
	w.same("on_sub", w.got("tybalt/street"), "tybalt "+itemA+" 2026-03-04T05:06:07Z", "tybalt "+itemA+" 2026-03-04T05:06:07Z")
	member("none")
	if got := w.ask("tybalt/street get juliet", items("n")); got != "auth not-authorized presence-subscription-required" {
		t.Errorf("no member any more: %s", got)
	}
	w.must("tybalt/street set juliet", pub("<unsubscribe node='n' jid='tybalt@example.org'/>"))
}

// Strangers do not take the lock of somebody's account by asking for what they may
// not have, and nobody takes the places of all subscribers.
func TestSubscribersAreBounded(t *testing.T) {
	w := newWorld(t)
	w.must(juliet+"set", create("n", "access_model=open"))
	w.cell.Calls()
	for _, ask := range []string{"<subscribe node='none' jid='tybalt@example.org'/>", "<unsubscribe node='n' jid='tybalt@example.org'/>"} {
		w.ask("tybalt/street set juliet", pub(ask))
	}
	if calls := w.cell.Calls(); slices.Contains(calls, "EditLeaf") {
		t.Errorf("a stranger has caused %v", calls)
	}
	for i := range maxSubs {
		w.must("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org/"+strconv.Itoa(i)+"'/>"))
	}
	if got := w.ask("tybalt/street set juliet", pub("<subscribe node='n' jid='tybalt@example.org'/>")); !strings.Contains(got, "too-many-subscriptions") {
		t.Errorf("one more of his: %s", got)
	}
	w.must("romeo/orchard set juliet", pub("<subscribe node='n' jid='romeo@example.org'/>"))
}

// What the storage refuses reaches the client, and nobody is told of what did not
// happen.
func TestStorageFails(t *testing.T) {
	w := newWorld(t)
	w.session("romeo/orchard", "n")
	w.must(juliet+"set", create("n"))
	for method, c := range map[string]struct {
		err  error
		ask  string
		want string
	}{
		"EditLeaf":  {im.Errorf(im.CodeTooMany, "full"), publish("n", "1", tune("a")), "wait resource-constraint"},
		"LeafItems": {errors.New("broken"), items("n"), "cancel internal-server-error"},
		"Leaves":    {im.Errorf(im.CodeZoneUnavailable, ""), pub("<affiliations/>"), "wait resource-constraint"},
	} {
		w.cell.Fail = map[string]error{method: c.err}
		how := juliet + "get"
		if method == "EditLeaf" {
			how = juliet + "set"
		}
		if got := w.ask(how, c.ask); got != c.want {
			t.Errorf("%s: %s", method, got)
		}
	}
	w.same("no event", w.events())
	w.cell.Fail = map[string]error{"ContactOf": errors.New("broken")}
	if got := w.ask("romeo/orchard get juliet", items("n")); got != "cancel internal-server-error" {
		t.Errorf("ContactOf: %s", got)
	}
	w.cell.Fail = map[string]error{"ContactList": errors.New("broken")}
	w.session("juliet/garden", "n")
	w.must(juliet+"set", publish("n", "1", tune("a")))
	w.same("own sessions at least", w.events(), "juliet/garden "+itemA)
}

func TestNodes(t *testing.T) { // XEP-0163 section 6.2
	w := newWorld(t)
	request := func(who, to string) *iq.Request {
		return xmpptest.Request(t, w.sessions[who], xmpptest.Parse(t, "<iq type='get' id='1' to='"+to+"@example.org'><query xmlns='"+stanza.NSItems+"'/></iq>"))
	}
	list := func(who string) string {
		nodes, err := w.v.Nodes(t.Context(), request(who, "juliet"))
		if err != nil {
			return string(stanza.Of(err).Condition)
		}
		out := ""
		for _, n := range nodes {
			out += n.Name + " "
		}
		return out
	}
	for name, access := range map[string]string{"a": "presence", "b": "roster", "c": "whitelist"} {
		w.must(juliet+"set", create(name, "access_model="+access, "roster_groups_allowed=Servants"))
	}
	for who, want := range map[string]string{"juliet/balcony": "a b c ", "romeo/orchard": "a ", "nurse/chamber": "a b ", "tybalt/street": "not-authorized"} {
		if got := list(who); got != want {
			t.Errorf("%s sees %q, want %q", who, got, want)
		}
	}
	w.must(juliet+"set", create("d", "access_model=open", "title=D", "max_items=2"))
	w.must(juliet+"set", publish("d", "1", tune("a")))
	if got := list("tybalt/street"); got != "d " {
		t.Errorf("a stranger sees %q", got)
	}
	info, ids, err := w.v.Node(t.Context(), request("tybalt/street", "juliet"), "d")
	if err != nil || info.Title != "D" || info.Meta.Get("pubsub#max_items") != "2" || info.Meta.Get("pubsub#owner") != "juliet@example.org" || len(ids) != 1 {
		t.Errorf("%+v %v %v", info, ids, err)
	}
	if _, _, err := w.v.Node(t.Context(), request("tybalt/street", "juliet"), "a"); stanza.Of(err).Condition != stanza.NotAuthorized {
		t.Errorf("a closed node: %v", err)
	}
}
