package conform

import (
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// What service discovery says of the server and of an account (XEP-0030): that
// is where clients look for what there is.
func TestXEP0030Features(t *testing.T) {
	w := open(t)
	c := w.bound(t, w.user(t, "alice"))
	for _, q := range []struct {
		to         string
		identities []string
		features   []string
	}{
		{domain, []string{"server im"}, []string{
			"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/caps",
			"urn:xmpp:carbons:2", "urn:xmpp:blocking", "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last",
			"jabber:iq:register", "jabber:iq:private", "vcard-temp", "urn:xmpp:csi:0", "urn:xmpp:extdisco:2", "msgoffline",
		}},
		{c.Bare(), []string{"account registered", "pubsub pep"}, []string{
			"http://jabber.org/protocol/disco#info", "urn:xmpp:mam:2", "urn:xmpp:sid:0", "urn:xmpp:carbons:2",
			"http://jabber.org/protocol/pubsub", "http://jabber.org/protocol/pubsub#publish-options",
			"http://jabber.org/protocol/pubsub#persistent-items", "http://jabber.org/protocol/pubsub#auto-create",
			"urn:xmpp:pep-vcard-conversion:0", "urn:xmpp:bookmarks:1#compat", "urn:xmpp:mds:server-assist:0", "vcard-temp",
		}},
	} {
		info := c.Ask("get", q.to, "<query xmlns='http://jabber.org/protocol/disco#info'/>").First()
		have := map[string]bool{}
		for e := range info.Children() {
			have[e.Local+" "+e.Attr("category")+" "+e.Attr("type")] = true
			have[e.Attr("var")] = true
		}
		for _, f := range q.features {
			if !have[f] {
				t.Errorf("%s has no feature %s", q.to, f)
			}
		}
		for _, i := range q.identities {
			if !have["identity "+i] {
				t.Errorf("%s has no identity %s", q.to, i)
			}
		}
	}
	anonymous := xmpptest.Connect(t, w.options(1, w.user(t, "bob")))
	if anonymous.Features.Child("http://jabber.org/protocol/caps", "c") != nil && anonymous.Features.Child("urn:xmpp:csi:0", "csi") != nil {
		t.Errorf("before the login: %v", anonymous.Features)
	}
	for _, f := range [][2]string{
		{"urn:xmpp:sm:3", "sm"},
		{"urn:xmpp:csi:0", "csi"},
		{"urn:xmpp:features:rosterver", "ver"},
		{"urn:xmpp:features:pre-approval", "sub"},
		{"http://jabber.org/protocol/caps", "c"},
	} {
		if c.Features.Child(f[0], f[1]) == nil {
			t.Errorf("the stream has no feature %v", f)
		}
	}
}
