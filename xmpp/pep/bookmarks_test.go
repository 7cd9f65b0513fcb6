package pep

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func conference(more, in string) string {
	return "<conference xmlns='" + nsBookmarks + "'" + more + ">" + in + "</conference>"
}

// XEP-0402 section 3.3 and the examples of section 3.
func TestBookmarksArePrivate(t *testing.T) {
	w := newWorld(t)
	w.session("juliet/garden", nsBookmarks)
	w.session("romeo/orchard", nsBookmarks)
	for _, id := range []string{"a@muc.example.org", "b@muc.example.org"} {
		w.must(juliet+"set", publish(nsBookmarks, id, conference(" autojoin='true'", "<nick>J</nick>")))
	}
	event := func(in string) string {
		return "juliet/garden juliet:<items node='" + nsBookmarks + "'>" + in + "</items>"
	}
	item := func(id string) string {
		return "<item id='" + id + "@muc.example.org'>" + conference(" autojoin='true'", "<nick>J</nick>") + "</item>"
	}
	w.same("only the owner's devices", w.events(), event(item("a")), event(item("b")))
	if got := w.ask("romeo/orchard get juliet", items(nsBookmarks)); got != "cancel not-allowed closed-node" {
		t.Error(got)
	}
	if got := w.must(juliet+"get", items(nsBookmarks)); strings.Count(got, "<item ") != 2 {
		t.Errorf("bookmarks are lost: %s", got)
	}
	// The options of section 3.3 fit a node that was made without.
	w.must(juliet+"set", publish(nsBookmarks, "c@muc.example.org", conference("", ""), "persist_items=true", "max_items=max", "send_last_published_item=never", "access_model=whitelist"))
	w.events()
	w.must(juliet+"set", pub("<retract node='"+nsBookmarks+"' notify='true'><item id='a@muc.example.org'/></retract>"))
	w.same("3.5", w.events(), event("<retract id='a@muc.example.org'/>"))
}

func storage(in string) string { return "<storage xmlns='" + nsLegacy + "'>" + in + "</storage>" }

// XEP-0402 section 6.3.1: what private storage shows.
func TestBookmarksInPrivateStorage(t *testing.T) {
	w := newWorld(t)
	s := w.sessions["juliet/balcony"]
	show := func(stored *xmlstream.Element) string {
		t.Helper()
		e, err := w.v.Bookmarks(t.Context(), s, stored)
		if err != nil {
			t.Fatal(err)
		}
		return xmpptest.Text(e)
	}
	if got := show(nil); got != "<storage xmlns='storage:bookmarks'/>" {
		t.Error(got)
	}
	w.must(juliet+"set", publish(nsBookmarks, "a@muc.example.org", conference(" name='A' autojoin='1'", "<nick>J</nick><extensions><x xmlns='urn:x'/></extensions>")))
	old := xmpptest.Parse(t, storage("<url name='u' url='https://a'/><conference jid='gone@muc.example.org'/>"))
	want := storage("<url name='u' url='https://a'/><conference name='A' autojoin='1' jid='a@muc.example.org'><nick>J</nick><extensions><x xmlns='urn:x'/></extensions></conference>")
	if got := show(old); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// XEP-0402 section 6.3.2: only what differs is told.
func TestPrivateStorageToBookmarks(t *testing.T) {
	w := newWorld(t)
	s := w.session("juliet/garden", nsBookmarks)
	set := func(in string) {
		t.Helper()
		if err := w.v.SetBookmarks(t.Context(), s, xmpptest.Parse(t, storage(in))); err != nil {
			t.Fatal(err)
		}
	}
	event := func(in string) string {
		return "juliet/garden juliet:<items node='" + nsBookmarks + "'>" + in + "</items>"
	}
	a := "<conference jid='a@muc.example.org' name='A' autojoin='true'><nick>J</nick></conference>"
	b := "<conference jid='B@muc.example.org/x' name='B'/>"
	set(a + b + b + "<conference/><conference jid='@'/><url url='https://a'/>")
	w.same("new", w.events(), event("<item id='a@muc.example.org'>"+conference(" name='A' autojoin='true'", "<nick>J</nick>")+
		"</item><item id='b@muc.example.org'><conference xmlns='"+nsBookmarks+"' name='B'/></item>"))
	set(a + b)
	w.same("nothing new", w.events())
	set(strings.Replace(a, "'true'", "'1'", 1) + b)
	w.same("the same in other words", w.events())
	w.must(juliet+"set", publish(nsBookmarks, "a@muc.example.org", conference(" name='A'", "<extensions><x xmlns='urn:x'/></extensions>")))
	w.events()
	set(a)
	w.same("changed, with extensions kept, and gone", w.events(),
		event("<item id='a@muc.example.org'>"+conference(" name='A' autojoin='true'", "<nick>J</nick><extensions><x xmlns='urn:x'/></extensions>")+"</item>"),
		event("<retract id='b@muc.example.org'/>"))
}

// XEP-0402 section 6.3 with XEP-0048 in a node: bookmarks:1#compat-pep.
func TestBookmarksInNodes(t *testing.T) {
	w := newWorld(t)
	w.must(juliet+"set", publish(nsBookmarks, "a@muc.example.org", conference(" name='A'", "")))
	if got := w.ask(juliet+"get", items(nsLegacy)); got != "cancel item-not-found" {
		t.Errorf("nobody has asked for it: %s", got)
	}
	w.session("juliet/garden", nsLegacy)
	w.must(juliet+"set", publish(nsLegacy, "current", storage("<conference jid='a@muc.example.org' name='A'/><conference jid='b@muc.example.org'/>")))
	if got := w.must(juliet+"get", items(nsBookmarks)); strings.Count(got, "<item ") != 2 {
		t.Error(got)
	}
	w.events()
	w.must(juliet+"set", pub("<retract node='"+nsBookmarks+"'><item id='a@muc.example.org'/></retract>"))
	legacy := "<items node='storage:bookmarks'><item id='current'>" + storage("<conference jid='b@muc.example.org'/>") + "</item></items>"
	w.same("the other node follows", w.events(), "juliet/garden juliet:"+legacy)
	if got := w.must(juliet+"get", items(nsLegacy)); got != "<pubsub>"+legacy+"</pubsub>" {
		t.Error(got)
	}
	w.must(juliet+"set", publish(nsLegacy, "current", "<x xmlns='urn:x'/>"))
	if got := w.must(juliet+"get", items(nsBookmarks)); strings.Count(got, "<item ") != 1 {
		t.Errorf("nonsense took the bookmarks away: %s", got)
	}
}

// XEP-0384 section 5.3 and what its predecessor does: keys that everybody may
// fetch.
func TestOMEMO(t *testing.T) {
	for _, node := range []string{"eu.siacs.conversations.axolotl.devicelist", "urn:xmpp:omemo:2:devices", "urn:xmpp:omemo:2:bundles"} {
		w := newWorld(t)
		w.session("romeo/orchard", node)
		list := "<list xmlns='urn:l'><device id='1'/></list>"
		options := []string{"access_model=open", "max_items=max"}
		w.must(juliet+"set", publish(node, "current", list, options...))
		w.same(node, w.events(), "romeo/orchard juliet:<items node='"+node+"'><item id='current'>"+list+"</item></items>")
		w.must("tybalt/street get juliet", items(node))
		// A client that finds the node configured otherwise sets it right and tries again.
		w.must(juliet+"set", own("<configure node='"+node+"'>"+submit(formConfig, "access_model=presence")+"</configure>"))
		if got := w.ask(juliet+"set", publish(node, "current", list, options...)); got != "cancel conflict precondition-not-met" {
			t.Error(got)
		}
		w.must(juliet+"set", own("<configure node='"+node+"'>"+submit(formConfig, options...)+"</configure>"))
		w.must(juliet+"set", publish(node, "current", list, options...))
	}
}

// As many bookmarks as there can be at once, and one more.
func TestBookmarksAreBounded(t *testing.T) {
	w := newWorld(t)
	storage := xmlstream.New(nsLegacy, "storage")
	for i := range maxItems + 1 {
		storage.AddNew(nsLegacy, "conference").SetAttr("jid", "r"+strconv.Itoa(i)+"@rooms.example.org")
	}
	err := w.v.SetBookmarks(t.Context(), w.session("juliet/balcony"), storage)
	if stanza.Of(err).Condition != stanza.NotAllowed {
		t.Errorf("%v", err)
	}
}
