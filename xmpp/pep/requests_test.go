package pep

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

const juliet = "juliet/balcony "

// TestRequests is what the owner of the account is answered.
func TestRequests(t *testing.T) {
	keep3 := create("n", "max_items=3", "title=Tunes")
	three := []string{keep3, publish("n", "1", tune("a")), publish("n", "2", tune("b")), publish("n", "3", tune("c"))}
	for _, c := range []struct {
		rule  string
		setup []string // sets of juliet
		how   string
		ask   string
		want  string
	}{
		{"XEP-0060 7.1.2: success", nil, "set", publish("n", "1", tune("a")), `<pubsub><publish node='n'><item id='1'/></publish></pubsub>`},
		{"XEP-0060 7.1.1: the service makes the id", nil, "set", pub("<publish node='n'><item>" + tune("a") + "</item></publish>"), `<pubsub><publish node='n'><item id='*'/></publish></pubsub>`},
		{"XEP-0060 7.1.3: the same id replaces", []string{publish("n", "1", tune("a")), publish("n", "1", tune("b"))}, "get", items("n"), `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>b</tune></item></items></pubsub>`},
		{"XEP-0060 7.1.2.4: the oldest gives way", []string{publish("n", "1", tune("a")), publish("n", "2", tune("b"))}, "get", items("n"), `<pubsub><items node='n'><item id='2'><tune xmlns='urn:t'>b</tune></item></items></pubsub>`},
		{"several items", []string{keep3}, "set", pub("<publish node='n'><item id='1'>" + tune("a") + "</item><item id='2'>" + tune("b") + "</item></publish>"), `<pubsub><publish node='n'><item id='1'/><item id='2'/></publish></pubsub>`},
		{"more items than are kept", nil, "set", pub("<publish node='n'><item id='1'>" + tune("a") + "</item><item id='2'>" + tune("b") + "</item></publish>"), "cancel not-allowed max-items-exceeded"},
		{"an id twice", []string{keep3}, "set", pub("<publish node='n'><item id='1'>" + tune("a") + "</item><item id='1'>" + tune("b") + "</item></publish>"), "modify bad-request"},
		{"too many items at once", []string{keep3}, "set", pub("<publish node='n'>" + strings.Repeat("<item/>", maxBatch+1) + "</publish>"), "cancel not-allowed max-items-exceeded"},
		{"XEP-0060 7.1.3.4: payload too big", nil, "set", publish("n", "1", tune(strings.Repeat("x", maxPayload))), "modify not-acceptable payload-too-big"},
		{"XEP-0060 7.1.3.5: two payloads", nil, "set", publish("n", "1", tune("a")+tune("b")), "modify bad-request invalid-payload"},
		{"XEP-0060 7.1.3.5: another namespace than the node is for", []string{create("n", "type=urn:other")}, "set", publish("n", "1", tune("a")), "modify bad-request invalid-payload"},
		{"XEP-0060 7.1.3.5: the namespace that the node is for", []string{create("n", "type=urn:t")}, "set", publish("n", "1", tune("a")), `<pubsub><publish node='n'><item id='1'/></publish></pubsub>`},
		{"XEP-0060 7.1.3.6: item required", nil, "set", pub("<publish node='n'/>"), "modify bad-request item-required"},
		{"XEP-0060 7.1.3.6: payload required", nil, "set", publish("n", "1", ""), "modify bad-request payload-required"},
		{"XEP-0060 7.1.3.6: payload required, transient", []string{create("n", "persist_items=0")}, "set", pub("<publish node='n'/>"), "modify bad-request payload-required"},
		{"XEP-0060 7.1.3.6: item forbidden", []string{create("n", "persist_items=0", "deliver_payloads=0")}, "set", publish("n", "1", tune("a")), "modify bad-request item-forbidden"},
		{"XEP-0060 4.3: notification only, transient", []string{create("n", "persist_items=0", "deliver_payloads=0")}, "set", pub("<publish node='n'/>"), `<pubsub><publish node='n'/></pubsub>`},
		{"XEP-0060 4.3: notification only, persistent", []string{create("n", "deliver_payloads=0")}, "set", publish("n", "1", ""), `<pubsub><publish node='n'><item id='1'/></publish></pubsub>`},
		{"no node", nil, "set", pub("<publish><item>" + tune("a") + "</item></publish>"), "modify bad-request nodeid-required"},
		{"name of a node too long", nil, "set", publish(strings.Repeat("n", maxNode+1), "1", tune("a")), "modify not-acceptable"},
		{"name of a node in two lines", nil, "set", publish("a&#10;b", "1", tune("a")), "modify not-acceptable"},
		{"id too long", nil, "set", publish("n", strings.Repeat("1", maxNode+1), tune("a")), "modify not-acceptable"},
		{"nothing to do", nil, "set", pub("<dance node='n'/>"), "modify bad-request"},
		{"an action of another namespace", nil, "set", pub("<publish xmlns='urn:x' node='n'/>"), "modify bad-request"},

		{"XEP-0060 6.5.2: all items", three, "get", items("n"), `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item><item id='2'><tune xmlns='urn:t'>b</tune></item><item id='3'><tune xmlns='urn:t'>c</tune></item></items></pubsub>`},
		{"XEP-0060 6.5.7: the most recent", three, "get", pub("<items node='n' max_items='2'/>"), `<pubsub><items node='n'><item id='2'><tune xmlns='urn:t'>b</tune></item><item id='3'><tune xmlns='urn:t'>c</tune></item></items></pubsub>`},
		{"XEP-0060 6.5.7: no number", three, "get", pub("<items node='n' max_items='-1'/>"), "modify bad-request"},
		{"XEP-0060 6.5.8: a particular item", three, "get", pub("<items node='n'><item id='2'/></items>"), `<pubsub><items node='n'><item id='2'><tune xmlns='urn:t'>b</tune></item></items></pubsub>`},
		{"XEP-0060 6.5.6: several", three, "get", pub("<items node='n'><item id='1'/><item id='3'/><item id='4'/></items>"), `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item><item id='3'><tune xmlns='urn:t'>c</tune></item></items></pubsub>`},
		{"XEP-0060 6.5.8: not there", three, "get", pub("<items node='n'><item id='4'/></items>"), "cancel item-not-found"},
		{"an item without id", three, "get", pub("<items node='n'><item/></items>"), "modify bad-request item-required"},
		{"XEP-0060 6.5.7: none", []string{keep3}, "get", items("n"), `<pubsub><items node='n'/></pubsub>`},
		{"XEP-0060 6.5.9.4: items are not kept", []string{create("n", "persist_items=false"), publish("n", "1", tune("a"))}, "get", items("n"), "cancel feature-not-implemented unsupportedpersistent-items"},
		{"XEP-0060 6.5.9.11: no node", nil, "get", items("n"), "cancel item-not-found"},
		{"no node named", nil, "get", pub("<items/>"), "modify bad-request nodeid-required"},
		{"XEP-0060 6.5.4: first page", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>1</max></set>"), `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item></items><set xmlns='http://jabber.org/protocol/rsm'><first index='0'>1</first><last>1</last><count>3</count></set></pubsub>`},
		{"XEP-0059 2.2: next page", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>1</max><after>1</after></set>"), `<pubsub><items node='n'><item id='2'><tune xmlns='urn:t'>b</tune></item></items><set xmlns='http://jabber.org/protocol/rsm'><first index='1'>2</first><last>2</last><count>3</count></set></pubsub>`},
		{"XEP-0059 2.5: last page", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>1</max><before/></set>"), `<pubsub><items node='n'><item id='3'><tune xmlns='urn:t'>c</tune></item></items><set xmlns='http://jabber.org/protocol/rsm'><first index='2'>3</first><last>3</last><count>3</count></set></pubsub>`},
		{"XEP-0059 2.3: page before", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>5</max><before>2</before></set>"), `<pubsub><items node='n'><item id='1'><tune xmlns='urn:t'>a</tune></item></items><set xmlns='http://jabber.org/protocol/rsm'><first index='0'>1</first><last>1</last><count>3</count></set></pubsub>`},
		{"XEP-0059 2.6: by index", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><index>9</index></set>"), `<pubsub><items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><count>3</count></set></pubsub>`},
		{"XEP-0059 2.7: count", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>0</max></set>"), `<pubsub><items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><count>3</count></set></pubsub>`},
		{"XEP-0059 2.2: after what is not there", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><after>' OR 1=1 --</after></set>"), "cancel item-not-found"},
		{"XEP-0059: before what is not there", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><before>x</before></set>"), "cancel item-not-found"},
		{"security row 7: bad numbers", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>100000000000000000000</max></set>"), "modify bad-request"},
		{"security row 7: negative", three, "get", pub("<items node='n'/><set xmlns='" + stanza.NSRSM + "'><max>-1</max></set>"), "modify bad-request"},

		{"XEP-0060 7.2.2: item removed", three, "set", pub("<retract node='n'><item id='2'/></retract>"), "ok"},
		{"XEP-0060 7.2.3.2: no such node", nil, "set", pub("<retract node='n'><item id='2'/></retract>"), "cancel item-not-found"},
		{"XEP-0060 7.2.3.2: no such item", three, "set", pub("<retract node='n'><item id='4'/></retract>"), "cancel item-not-found"},
		{"XEP-0060 7.2.3.3: no node named", three, "set", pub("<retract><item id='4'/></retract>"), "modify bad-request nodeid-required"},
		{"XEP-0060 7.2.3.4: no item", three, "set", pub("<retract node='n'/>"), "modify bad-request item-required"},
		{"XEP-0060 7.2.3.4: no id", three, "set", pub("<retract node='n'><item/></retract>"), "modify bad-request item-required"},

		{"XEP-0060 8.1.1: created", nil, "set", pub("<create node='n'/>"), `<pubsub><create node='n'/></pubsub>`},
		{"XEP-0060 8.1.1: conflict", []string{pub("<create node='n'/>")}, "set", pub("<create node='n'/>"), "cancel conflict"},
		{"XEP-0060 8.1.1: instant node", nil, "set", pub("<create/>"), `*`},
		{"XEP-0060 8.1.2: access model not supported", nil, "set", create("n", "access_model=authorize"), "modify not-acceptable unsupported-access-model"},
		{"XEP-0060 8.1.3: configure names the node", nil, "set", pub("<create node='n'/><configure node='n'/>"), "modify bad-request"},
		{"XEP-0060 8.1.3: configure before create", nil, "set", pub("<configure/><create node='n'/>"), "modify bad-request"},
		{"XEP-0060 8.1.3: empty configure", nil, "set", pub("<create node='n'/><configure/>"), `<pubsub><create node='n'/></pubsub>`},
		{"XEP-0068: FORM_TYPE is checked", nil, "set", pub("<create node='n'/><configure>" + submit(formOptions, "max_items=2") + "</configure>"), "modify bad-request"},

		{"XEP-0060 8.2.5.1: configured", three, "set", own("<configure node='n'>" + submit(formConfig, "max_items=2") + "</configure>"), "ok"},
		{"XEP-0004 3.1: unknown fields are ignored", three, "set", own("<configure node='n'>" + submit(formConfig, "x=2", "item_expire=604800") + "</configure>"), "ok"},
		{"XEP-0060 8.2.4: cancel", three, "set", own("<configure node='n'><x xmlns='jabber:x:data' type='cancel'/></configure>"), "ok"},
		{"XEP-0060 8.2.5.2: not possible", three, "set", own("<configure node='n'>" + submit(formConfig, "publish_model=open") + "</configure>"), "modify not-acceptable"},
		{"XEP-0060 8.2.5.2: no boolean", three, "set", own("<configure node='n'>" + submit(formConfig, "persist_items=maybe") + "</configure>"), "modify not-acceptable"},
		{"XEP-0060 8.2.5.2: no number", three, "set", own("<configure node='n'>" + submit(formConfig, "max_items=0") + "</configure>"), "modify not-acceptable"},
		{"XEP-0060 8.2.5.2: title too long", three, "set", own("<configure node='n'>" + submit(formConfig, "title="+strings.Repeat("x", maxText+1)) + "</configure>"), "modify not-acceptable"},
		{"XEP-0060 8.2.5.2: a group too long", three, "set", own("<configure node='n'>" + submit(formConfig, "roster_groups_allowed="+strings.Repeat("x", maxText+1)) + "</configure>"), "modify not-acceptable"},
		{"no form", three, "set", own("<configure node='n'/>"), "modify bad-request"},
		{"XEP-0060 8.2.3.3: no node named", three, "get", own("<configure/>"), "modify bad-request nodeid-required"},
		{"XEP-0060 8.2.3.5: no such node", nil, "get", own("<configure node='n'/>"), "cancel item-not-found"},
		{"XEP-0060 8.2.3.5: no such node to set", nil, "set", own("<configure node='n'>" + submit(formConfig) + "</configure>"), "cancel item-not-found"},
		{"XEP-0060 8.3: default of a collection", nil, "get", own("<default type='collection'/>"), "cancel feature-not-implemented unsupportedcollections"},

		{"XEP-0060 8.4.2: deleted", three, "set", own("<delete node='n'><redirect uri='xmpp:a@b'/></delete>"), "ok"},
		{"XEP-0060 8.4.3.2: no such node", nil, "set", own("<delete node='n'/>"), "cancel item-not-found"},
		{"XEP-0060 8.5.2: purged", three, "set", own("<purge node='n'/>"), "ok"},
		{"XEP-0060 8.5.3.3: nothing is kept", []string{create("n", "persist_items=0")}, "set", own("<purge node='n'/>"), "cancel feature-not-implemented unsupportedpersistent-items"},
		{"XEP-0060 8.5.3.4: no such node", nil, "set", own("<purge node='n'/>"), "cancel item-not-found"},

		{"XEP-0060 5.6: no subscriptions", three, "get", pub("<subscriptions/>"), `<pubsub><subscriptions/></pubsub>`},
		{"XEP-0060 5.7: affiliations", three, "get", pub("<affiliations/>"), `<pubsub><affiliations><affiliation node='n' affiliation='owner'/></affiliations></pubsub>`},
		{"XEP-0060 5.7: affiliation with a node", three, "get", pub("<affiliations node='m'/>"), `<pubsub><affiliations node='m'/></pubsub>`},
		{"XEP-0060 8.9.1: of a node", three, "get", own("<affiliations node='n'/>"), `<pubsub><affiliations node='n'><affiliation jid='juliet@example.org' affiliation='owner'/></affiliations></pubsub>`},
		{"XEP-0060 8.9.1: no such node", nil, "get", own("<affiliations node='n'/>"), "cancel item-not-found"},
		{"XEP-0060 8.9.2: a member", three, "set", own("<affiliations node='n'><affiliation jid='tybalt@example.org' affiliation='member'/></affiliations>"), "ok"},
		{"XEP-0060 8.9.2: no other publisher", three, "set", own("<affiliations node='n'><affiliation jid='tybalt@example.org' affiliation='publisher'/></affiliations>"), "modify not-acceptable"},
		{"XEP-0060 8.9.2: there is always an owner", three, "set", own("<affiliations node='n'><affiliation jid='juliet@example.org' affiliation='none'/></affiliations>"), "modify not-acceptable"},
		{"XEP-0060 8.9.2: no address", three, "set", own("<affiliations node='n'><affiliation jid='@' affiliation='member'/></affiliations>"), "modify not-acceptable"},
		{"XEP-0060 8.8.1: of a node", three, "get", own("<subscriptions node='n'/>"), `<pubsub><subscriptions node='n'/></pubsub>`},
		{"XEP-0060 8.8.2: nobody subscribes another", three, "set", own("<subscriptions node='n'><subscription jid='romeo@example.org' subscription='subscribed'/></subscriptions>"), "modify not-acceptable"},
		{"XEP-0060 8.8.3: to none", three, "set", own("<subscriptions node='n'><subscription jid='romeo@example.org' subscription='none'/></subscriptions>"), "ok"},
		{"XEP-0060 9.1.1: the owner is subscribed", three, "set", pub("<subscribe node='n' jid='juliet@example.org'/>"), `<pubsub><subscription node='n' jid='juliet@example.org' subscription='subscribed'/></pubsub>`},
		{"XEP-0060 6.3: options", three, "get", pub("<options node='n' jid='juliet@example.org'/>"), "cancel feature-not-implemented unsupportedsubscription-options"},
		{"XEP-0060 6.4: default options", three, "get", pub("<default/>"), "cancel feature-not-implemented unsupportedretrieve-default-sub"},
	} {
		w := newWorld(t)
		for _, set := range c.setup {
			w.must(juliet+"set", set)
		}
		if got := w.ask(juliet+c.how, c.ask); got != c.want && c.want != "*" {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
	}
}

// XEP-0060 section 7.1.5.
func TestPublishOptions(t *testing.T) {
	const done = `<pubsub><publish node='n'><item id='1'/></publish></pubsub>`
	const notMet = "cancel conflict precondition-not-met"
	for _, c := range []struct {
		rule    string
		setup   string
		options []string
		want    string
	}{
		{"7.1.5 rule 3: the node is made as wished", "", []string{"access_model=open", "max_items=max"}, done},
		{"7.1.5 rule 2: met", create("n", "access_model=open", "max_items=max", "persist_items=true"), []string{"access_model=open", "max_items=max", "persist_items=1"}, done},
		{"7.1.5 rule 1: not met", create("n"), []string{"access_model=open"}, notMet},
		{"7.1.5 rule 1: not met, number", create("n", "max_items=5"), []string{"max_items=6"}, notMet},
		{"7.1.5: a number that means max", create("n", "max_items=max"), []string{"max_items=1000000"}, done},
		{"7.1.5: the groups", create("n", "access_model=roster", "roster_groups_allowed=b a"), []string{"roster_groups_allowed=a b"}, done},
		{"7.1.5: other groups", create("n", "access_model=roster", "roster_groups_allowed=b a"), []string{"roster_groups_allowed=a"}, notMet},
		{"7.1.5: unknown fields MUST be rejected", "", []string{"colour=blue"}, notMet},
		{"7.1.5: unknown fields MUST be rejected, node there", create("n"), []string{"colour=blue"}, notMet},
		{"7.1.5: fields without effect", create("n"), []string{"item_expire=604800"}, done},
		{"7.1.5: a model that is not supported", create("n"), []string{"access_model=authorize"}, notMet},
		{"7.1.5: a model that is not supported, new node", "", []string{"access_model=authorize"}, "modify not-acceptable unsupported-access-model"},
		{"XEP-0223: private data", "", []string{"persist_items=true", "access_model=whitelist"}, done},
	} {
		w := newWorld(t)
		if c.setup != "" {
			w.must(juliet+"set", c.setup)
		}
		if got := w.ask(juliet+"set", publish("n", "1", tune("a"), c.options...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
		there := w.ask(juliet+"get", pub("<items node='n'><item id='1'/></items>"))
		if strings.HasPrefix(there, "<") != (c.want == done) {
			t.Errorf("%s: afterwards %s", c.rule, there)
		}
	}
	w := newWorld(t)
	for _, bad := range []string{"<publish-options/>", "<publish-options>" + submit(formConfig) + "</publish-options>"} {
		if got := w.ask(juliet+"set", pub("<publish node='n'><item>"+tune("a")+"</item></publish>"+bad)); got != "modify bad-request" {
			t.Errorf("%s: %s", bad, got)
		}
	}
}

func TestConfigurationForm(t *testing.T) {
	w := newWorld(t)
	w.must(juliet+"set", create("n", "access_model=roster", "roster_groups_allowed=b a", "max_items=7", "title=T"))
	got := w.must(juliet+"get", own("<configure node='n'/>"))
	for _, want := range []string{
		"<x xmlns='jabber:x:data' type='form'>",
		"<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field>",
		"<field var='pubsub#access_model' type='list-single' label='Who may subscribe and read'><value>roster</value><option><value>open</value></option>",
		"<value>a</value><value>b</value>", "<value>7</value>", "<value>T</value>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	// What the form says can be sent back as it is.
	f := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(got, "<pubsub>"), "</pubsub>"), "type='form'", "type='submit'")
	w.must(juliet+"set", own(f))
	if again := w.must(juliet+"get", own("<configure node='n'/>")); again != got {
		t.Errorf("%s\nbecame %s", got, again)
	}
	// XEP-0163 section 5 and XEP-0060 section 8.3.
	defaults := w.must(juliet+"get", own("<default/>"))
	for _, want := range []string{"<value>presence</value>", "<value>on_sub_and_presence</value>", "var='pubsub#deliver_notifications' type='boolean' label='Send events'><value>1</value>"} {
		if !strings.Contains(defaults, want) {
			t.Errorf("%s is missing in %s", want, defaults)
		}
	}
	// Fewer items, then none at all.
	w.must(juliet+"set", create("m", "max_items=3"))
	for _, id := range []string{"1", "2", "3"} {
		w.must(juliet+"set", publish("m", id, tune(id)))
	}
	w.must(juliet+"set", own("<configure node='m'>"+submit(formConfig, "max_items=1")+"</configure>"))
	if got := w.must(juliet+"get", items("m")); strings.Count(got, "<item ") != 1 {
		t.Errorf("after max_items=1: %s", got)
	}
	w.must(juliet+"set", own("<configure node='m'>"+submit(formConfig, "persist_items=0")+"</configure>"))
	w.must(juliet+"set", own("<configure node='m'>"+submit(formConfig, "persist_items=1")+"</configure>"))
	if got := w.must(juliet+"get", items("m")); strings.Contains(got, "<item ") {
		t.Errorf("what was not to be kept is there: %s", got)
	}
}

// XEP-0163 section 6.1, XEP-0060 sections 9 and 10, XEP-0398 section 3.
func TestFeatures(t *testing.T) {
	w := newWorld(t)
	for _, target := range []iq.Target{iq.Server, iq.Own, iq.Account} {
		if got := w.mux.Identities(target); len(got) != 1 || got[0].Category != "pubsub" || got[0].Type != "pep" {
			t.Errorf("identities %v", got)
		}
		have := strings.Join(w.mux.Features(target), "\n") + "\n"
		for _, f := range []string{"publish-options", "persistent-items", "multi-items", "config-node-max", "last-published", "auto-create", "auto-subscribe", "filtered-notifications", "presence-subscribe"} {
			if !strings.Contains(have, nsPubsub+"#"+f+"\n") {
				t.Errorf("feature %s is missing", f)
			}
		}
	}
	have := strings.Join(w.mux.Features(iq.Own), "\n") + "\n"
	for _, f := range []string{nsConversion, nsBookmarks + "#compat", nsMDS, nsPubsub + "#pubsub-on-a-jid"} {
		if !strings.Contains(have, f+"\n") {
			t.Errorf("feature %s is missing", f)
		}
	}
}
