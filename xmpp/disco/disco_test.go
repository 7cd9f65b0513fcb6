package disco

import (
	"context"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

var options = Options{
	Name: "C-XX", Version: "1.2", Node: "https://example.net/cxx",
	Contacts: Contacts{Abuse: []string{"mailto:abuse@example.org", "xmpp:abuse@example.org"}},
	Services: []Item{{JID: "conference.example.org", Name: "Rooms"}},
}

func setup(t testing.TB) (*xmpptest.Cell, *iq.Mux, *Disco) {
	t.Helper()
	m := iq.NewMux()
	d := Register(m, options)
	m.Feature(iq.Server, "urn:xmpp:ping")
	m.Feature(iq.Own, "urn:xmpp:mam:2")
	return xmpptest.New(), m, d
}

func query(t testing.TB, m *iq.Mux, s *xmpptest.Session, to, what, node string) (payload, condition string) {
	t.Helper()
	st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='`+to+`'><query xmlns='http://jabber.org/protocol/disco#`+what+`'`+node+`/></iq>`)
	return xmpptest.Text(st.First()), xmpptest.Condition(st)
}

func TestInfo(t *testing.T) {
	c, m, d := setup(t)
	s := c.Session("romeo/orchard")
	const server = `<identity category='server' type='im' name='C-XX'/>` +
		`<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>` +
		`<feature var='http://jabber.org/protocol/disco#items'/><feature var='urn:xmpp:ping'/>` +
		`<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>` +
		`<field var='abuse-addresses' type='list-multi'><value>mailto:abuse@example.org</value><value>xmpp:abuse@example.org</value></field></x>` +
		`<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>` +
		`<field var='software'><value>C-XX</value></field><field var='software_version'><value>1.2</value></field></x></query>`
	const own = `<identity category='account' type='registered'/><feature var='http://jabber.org/protocol/disco#info'/>` +
		`<feature var='http://jabber.org/protocol/disco#items'/><feature var='urn:xmpp:mam:2'/></query>`
	got, _ := query(t, m, s, "example.org", "info", "")
	if want := `<query xmlns='http://jabber.org/protocol/disco#info'>` + server; got != want {
		t.Errorf("XEP-0030 3.1 and XEP-0157 3:\n got %s\nwant %s", got, want)
	}
	got, _ = query(t, m, s, "romeo@example.org", "info", "")
	if want := `<query xmlns='http://jabber.org/protocol/disco#info'>` + own; got != want {
		t.Errorf("XEP-0030 3.1, account:\n got %s\nwant %s", got, want)
	}
	caps := d.Caps()
	node := caps.Attr("node") + "#" + caps.Attr("ver")
	got, _ = query(t, m, s, "example.org", "info", " node='"+node+"'")
	if want := `<query xmlns='http://jabber.org/protocol/disco#info' node='` + node + `'>` + server; got != want {
		t.Errorf("XEP-0115 6.2, XEP-0030 3.2:\n got %s\nwant %s", got, want)
	}
	st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
	if ver, ok := Verify(st.First(), "sha-1"); !ok || ver != caps.Attr("ver") || caps.Attr("hash") != "sha-1" {
		t.Error("XEP-0115 5 and 6.3: our own hash is wrong", ver, caps)
	}
	for _, to := range []string{"example.org", "romeo@example.org"} {
		if _, got := query(t, m, s, to, "info", " node='x'"); got != string(stanza.ItemNotFound) {
			t.Error("XEP-0030 7: a node that is not there", to, got)
		}
	}
}

// What discovery tells about other accounts (XEP-0030 section 8): to who does not
// see their presence, the same as of accounts that do not exist.
func TestOthers(t *testing.T) {
	c, m, d := setup(t)
	s := c.Session("romeo/orchard")
	juliet := c.Session("juliet/balcony")
	juliet.Present(im.Presence{Show: im.ShowOnline})
	d.Items(iq.Account, func(_ context.Context, _ *iq.Request, node string) ([]Item, bool, error) {
		return []Item{{JID: "juliet@example.org", Node: "tune"}}, node == "", nil
	})
	const empty = `<query xmlns='http://jabber.org/protocol/disco#items'`
	for _, sub := range []im.Subscription{im.SubNone, im.SubTo, im.SubPendingIn, im.SubPreApproved} {
		c.Relate("juliet", "romeo", sub)
		for _, to := range []string{"juliet@example.org", "nobody@example.org"} {
			for _, node := range []string{"", " node='tune'"} {
				if _, got := query(t, m, s, to, "info", node); got != string(stanza.ServiceUnavailable) {
					t.Error("XEP-0030 8, info:", sub, to, node, got)
				}
				if got, cond := query(t, m, s, to, "items", node); cond != "" || got != empty+node+"/>" {
					t.Error("XEP-0030 8, items:", sub, to, node, got, cond)
				}
			}
		}
	}
	c.Relate("juliet", "romeo", im.SubFrom)
	if got, cond := query(t, m, s, "juliet@example.org", "info", ""); cond != "" || !strings.Contains(got, "'account'") || strings.Contains(got, "mam") {
		t.Error("XEP-0030 8, a contact:", got, cond)
	}
	want := empty + `><item jid='juliet@example.org/balcony'/><item jid='juliet@example.org' node='tune'/></query>`
	if got, cond := query(t, m, s, "juliet@example.org", "items", ""); got != want {
		t.Error("XEP-0030 4.1, a contact:", got, cond)
	}
	if _, cond := query(t, m, s, "juliet@example.org", "items", " node='x'"); cond != string(stanza.ItemNotFound) {
		t.Error("XEP-0030 7:", cond)
	}
	juliet.Present(im.Presence{Show: im.ShowInvisible})
	if got, _ := query(t, m, s, "juliet@example.org", "items", ""); strings.Contains(got, "balcony") {
		t.Error("invisible is shown:", got)
	}
	c.Fail["ContactOf"] = im.Errorf(im.CodeZoneUnavailable, "")
	for _, what := range []string{"info", "items"} {
		if _, cond := query(t, m, s, "juliet@example.org", what, ""); cond != string(stanza.ResourceConstraint) {
			t.Error(what, cond)
		}
	}
}

func TestItems(t *testing.T) {
	c, m, _ := setup(t)
	s := c.Session("romeo/orchard")
	s.Present(im.Presence{Show: im.ShowAway})
	c.Session("romeo/away")
	for to, want := range map[string]string{
		"example.org":       `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='conference.example.org' name='Rooms'/></query>`,
		"romeo@example.org": `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='romeo@example.org/orchard'/></query>`,
	} {
		if got, _ := query(t, m, s, to, "items", ""); got != want {
			t.Error("XEP-0030 4.1:", got)
		}
	}
	if _, got := query(t, m, s, "example.org", "items", " node='x'"); got != string(stanza.ItemNotFound) {
		t.Error("XEP-0030 7:", got)
	}
}

func TestHooks(t *testing.T) {
	c, m, d := setup(t)
	s := c.Session("romeo/orchard")
	d.Info(iq.Own, func(_ context.Context, r *iq.Request, node string) (*Info, error) {
		switch node {
		case "tune":
			return &Info{Identities: []iq.Identity{{Category: "pubsub", Type: "leaf"}}, Features: []string{stanza.NSPubsub}}, nil
		case "bad":
			return nil, im.Errorf(im.CodeZoneUnavailable, "")
		}
		return nil, nil
	})
	d.Items(iq.Own, func(_ context.Context, r *iq.Request, node string) ([]Item, bool, error) {
		if node == "bad" {
			return nil, false, im.Errorf(im.CodeZoneUnavailable, "")
		}
		return nil, node == "tune", nil
	})
	got, _ := query(t, m, s, "romeo@example.org", "info", " node='tune'")
	if got != `<query xmlns='http://jabber.org/protocol/disco#info' node='tune'><identity category='pubsub' type='leaf'/><feature var='http://jabber.org/protocol/pubsub'/></query>` {
		t.Error(got)
	}
	if got, _ := query(t, m, s, "romeo@example.org", "items", " node='tune'"); got != `<query xmlns='http://jabber.org/protocol/disco#items' node='tune'/>` {
		t.Error("XEP-0030 4.1, empty:", got)
	}
	for _, what := range []string{"info", "items"} {
		if _, cond := query(t, m, s, "romeo@example.org", what, " node='bad'"); cond != string(stanza.ResourceConstraint) {
			t.Error(cond)
		}
		if _, cond := query(t, m, s, "example.org", what, " node='tune'"); cond != string(stanza.ItemNotFound) {
			t.Error(cond)
		}
	}
}

func TestContacts(t *testing.T) {
	if err := options.Contacts.Validate(); err != nil {
		t.Error(err)
	}
	if err := (Contacts{Support: []string{"help"}}).Validate(); err == nil || !strings.Contains(err.Error(), "support") {
		t.Error(err)
	}
	if f := (Options{Name: "C-XX"}).forms(); len(f) != 0 {
		t.Error("forms that say nothing", f)
	}
	o := Options{Contacts: Contacts{Admin: []string{"xmpp:a@b"}}}
	if f := o.forms(); len(f) != 1 || f[0].About() != formServer || f[0].Type != form.TypeResult {
		t.Error("XEP-0157 3:", f)
	}
}
