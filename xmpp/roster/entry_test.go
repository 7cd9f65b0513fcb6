package roster

import (
	"context"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

var ctx = context.Background()

// life is a cell in which romeo and juliet each have a session.
type life struct {
	*testing.T
	cell          *xmpptest.Cell
	romeo, juliet *xmpptest.Session
	seen          map[string]int
}

func newLife(t *testing.T) *life {
	c := xmpptest.New()
	l := &life{T: t, cell: c, romeo: c.Session("romeo/orchard"), juliet: c.Session("juliet/balcony"), seen: map[string]int{}}
	l.romeo.Turn(iq.Interested, true)
	l.juliet.Turn(iq.Interested, true)
	return l
}

// hears returns what a user's client gets for what was logged since the last call.
func (l *life) hears(name string, available bool) []string {
	l.Helper()
	s := map[string]*xmpptest.Session{"romeo": l.romeo, "juliet": l.juliet}[name]
	all := l.cell.Log(name)
	var out []string
	for i := l.seen[name]; i < len(all); i++ {
		out = append(out, xmpptest.Texts(Entry(ctx, s, &all[i], available))...)
	}
	l.seen[name] = len(all)
	return out
}

func (l *life) say(s *xmpptest.Session, typ, to string) {
	l.Helper()
	st := xmpptest.Parse(l.T, `<presence type='`+typ+`' to='`+to+`' id='p1'><status>Hello</status><nick xmlns='http://jabber.org/protocol/nick'>N</nick></presence>`)
	st.SetAttr("from", s.Addr().String())
	if err := Subscription(ctx, s, st, true); err != nil {
		l.Fatal(typ, to, err)
	}
}

func (l *life) want(rule, name string, available bool, want ...string) {
	l.Helper()
	if got := l.hears(name, available); !slices.Equal(got, want) {
		l.Errorf("RFC 6121 %s, %s:\n got %q\nwant %q", rule, name, got, want)
	}
}

func pushed(to, ver, item string) string {
	return `<iq type='set' id='push-` + ver + `' to='` + to + `'><query xmlns='jabber:iq:roster' ver='` + ver + `'>` + item + `</query></iq>`
}

func TestSubscribe(t *testing.T) {
	const (
		romeo, juliet = "romeo@example.org/orchard", "juliet@example.org/balcony"
		request       = `<presence from='romeo@example.org' to='juliet@example.org' type='subscribe' id='p1'><status>Hello</status><nick xmlns='http://jabber.org/protocol/nick'>N</nick></presence>`
	)
	l := newLife(t)
	l.say(l.romeo, "subscribe", "juliet@example.org/balcony")
	l.want("3.1.2", "romeo", true, pushed(romeo, "1", `<item jid='juliet@example.org' subscription='none' ask='subscribe'/>`))
	l.want("3.1.3, available", "juliet", true, request)
	l.say(l.romeo, "subscribe", "juliet@example.org") // again
	l.want("3.1.2, again", "romeo", true)
	l.want("3.1.3, again", "juliet", true)

	got, err := Requests(ctx, l.juliet)
	if err != nil || !slices.Equal(xmpptest.Texts(got), []string{request}) {
		t.Error("RFC 6121 3.1.3, at each initial presence:", xmpptest.Texts(got), err)
	}
	l.say(l.juliet, "subscribed", "romeo@example.org")
	l.want("3.1.5", "juliet", true, pushed(juliet, "2", `<item jid='romeo@example.org' subscription='from'/>`))
	l.want("3.1.6", "romeo", true,
		`<presence from='juliet@example.org' to='romeo@example.org' type='subscribed'/>`,
		pushed(romeo, "2", `<item jid='juliet@example.org' subscription='to'/>`))
	if got, err := Requests(ctx, l.juliet); err != nil || len(got) != 0 {
		t.Error("RFC 6121 3.1.3, answered:", got, err)
	}

	l.say(l.romeo, "unsubscribe", "juliet@example.org")
	l.want("3.3.2", "romeo", true, pushed(romeo, "3", `<item jid='juliet@example.org' subscription='none'/>`))
	l.want("3.3.3", "juliet", false,
		`<presence from='romeo@example.org' to='juliet@example.org' type='unsubscribe'/>`,
		pushed(juliet, "3", `<item jid='romeo@example.org' subscription='none'/>`))
}

func TestCancelAndDeny(t *testing.T) {
	const romeo = "romeo@example.org/orchard"
	l := newLife(t)
	l.say(l.romeo, "subscribe", "juliet@example.org")
	l.want("3.1.3, not available", "juliet", false)
	l.hears("romeo", true)
	l.say(l.juliet, "unsubscribed", "romeo@example.org")
	l.want("3.2.2, of a request nothing shows", "juliet", true)
	l.want("3.2.3", "romeo", true,
		`<presence from='juliet@example.org' to='romeo@example.org' type='unsubscribed'/>`,
		pushed(romeo, "2", `<item jid='juliet@example.org' subscription='none'/>`))

	l.cell.Befriend("romeo", "juliet")
	l.say(l.juliet, "unsubscribed", "romeo@example.org")
	l.hears("juliet", true)
	l.romeo.Turn(iq.Interested, false)
	l.want("2.2 and 3.2.3, not interested", "romeo", true)
}

func TestPreApproval(t *testing.T) {
	l := newLife(t)
	l.say(l.juliet, "subscribed", "romeo@example.org")
	l.want("3.4.2", "juliet", true, pushed("juliet@example.org/balcony", "1", `<item jid='romeo@example.org' subscription='none' approved='true'/>`))
	l.want("3.4.2, not told", "romeo", true)
	l.say(l.romeo, "subscribe", "juliet@example.org")
	l.want("3.4.2, agreed", "juliet", true, pushed("juliet@example.org/balcony", "2", `<item jid='romeo@example.org' subscription='from'/>`))
}

func TestEntryOfNoContact(t *testing.T) {
	l := newLife(t)
	for _, e := range []im.Entry{{Kind: im.KindMessage}, {Kind: im.KindContact}} {
		if got := Entry(ctx, l.romeo, &e, true); got != nil {
			t.Error(got)
		}
	}
}

func TestPushWithoutLog(t *testing.T) {
	l := newLife(t)
	l.cell.Fail["Archive"] = im.Errorf(im.CodeZoneUnavailable, "")
	c := im.Contact{User: l.cell.User("juliet"), Addr: xmpptest.Addr("juliet"), Listed: true}
	if got := Entry(ctx, l.romeo, &im.Entry{Seq: 1, Kind: im.KindContact, From: c.User, Peer: c.User, Contact: &c}, true); len(got) != 1 {
		t.Error("a change was lost:", got)
	}
	c.Listed = false
	if got := Entry(ctx, l.romeo, &im.Entry{Seq: 2, Kind: im.KindContact, From: l.romeo.Core().User(), Peer: c.User, Contact: &c}, true); len(got) != 1 {
		t.Error("a removal was lost:", got)
	}
	c.Sub, c.Said = im.SubPendingIn, []im.SubEvent{im.Subscribe}
	if got := Entry(ctx, l.romeo, &im.Entry{Seq: 3, Kind: im.KindContact, From: c.User, Peer: c.User, Contact: &c}, false); len(got) != 0 {
		t.Error("RFC 6121 3.1.3: a request was pushed:", got)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	for _, c := range []struct {
		rule, typ, to string
		hosted        bool
		core          im.ErrorCode
		want          stanza.Condition
		logged        int
	}{
		{"8.5.1 no account: kept without an answer", "subscribe", "nobody@example.org", true, 0, "", 1},
		{"8.5.1 no account, the rest", "unsubscribe", "nobody@example.org", true, 0, "", 0},
		{"8.5.1 no account, unsubscribed", "unsubscribed", "nobody@example.org", true, 0, "", 0},
		{"the domain itself", "subscribe", "example.org", true, 0, "", 1},
		{"RFC 6120 10.4: a server that cannot be reached", "subscribe", "a@example.net", false, 0, stanza.RemoteServerNotFound, 1},
		{"RFC 6120 10.4: the rest", "unsubscribe", "a@example.net", false, 0, "", 0},
		{"own address", "subscribe", "romeo@example.org/x", true, 0, stanza.NotAllowed, 0},
		{"no address", "subscribe", "", true, 0, stanza.JIDMalformed, 0},
		{"no subscription", "probe", "juliet@example.org", true, 0, stanza.BadRequest, 0},
		{"XEP-0191 3.3: he has blocked me", "subscribe", "juliet@example.org", true, im.CodeBlocked, "", 0},
		{"XEP-0191 3.3: I have blocked him", "subscribe", "juliet@example.org", true, im.CodeOwnBlock, stanza.NotAcceptable, 0},
		{"too many requests", "subscribe", "juliet@example.org", true, im.CodeTooMany, stanza.ResourceConstraint, 0},
	} {
		l := newLife(t)
		if c.core != 0 {
			l.cell.Fail["Subscription"] = im.Errorf(c.core, "")
		}
		st := xmpptest.Parse(t, `<presence type='`+c.typ+`' to='`+c.to+`'/>`)
		err := Subscription(ctx, l.romeo, st, c.hosted)
		if (err == nil) != (c.want == "") || err != nil && stanza.Of(err).Condition != c.want {
			t.Errorf("%s: %v; want %q", c.rule, err, c.want)
		}
		if n := len(l.cell.Log("romeo")); n != c.logged {
			t.Errorf("%s: %d entries", c.rule, n)
		}
	}
}

func TestForeignContact(t *testing.T) {
	l := newLife(t)
	l.say(l.romeo, "subscribe", "nobody@example.org")
	l.want("8.5.1", "romeo", true, pushed("romeo@example.org/orchard", "1", `<item jid='nobody@example.org' subscription='none' ask='subscribe'/>`))
	l.say(l.romeo, "unsubscribe", "nobody@example.org")
	l.want("3.3.2", "romeo", true, pushed("romeo@example.org/orchard", "2", `<item jid='nobody@example.org' subscription='none'/>`))
}
