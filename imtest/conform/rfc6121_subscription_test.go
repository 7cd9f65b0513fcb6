package conform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// state is one of the states of appendix A.1, as a user's own roster shows it,
// and how two users come to it. u is the user, c his contact.
type state struct {
	name string
	made []string // "u subscribe", "c subscribed" …
	item string   // attributes of the item; empty: not on the roster
	in   bool     // a request of the contact waits
}

// contact's side of a state is the mirror of it.
var states = []state{
	{"None", nil, "", false},
	{"None + Pending Out", []string{"u subscribe"}, "subscription='none' ask='subscribe'", false},
	{"None + Pending In", []string{"c subscribe"}, "", true},
	{"None + Pending Out+In", []string{"u subscribe", "c subscribe"}, "subscription='none' ask='subscribe'", true},
	{"To", []string{"u subscribe", "c subscribed"}, "subscription='to' ask='!'", false},
	{"To + Pending In", []string{"u subscribe", "c subscribed", "c subscribe"}, "subscription='to' ask='!'", true},
	{"From", []string{"c subscribe", "u subscribed"}, "subscription='from' ask='!'", false},
	{"From + Pending Out", []string{"c subscribe", "u subscribed", "u subscribe"}, "subscription='from' ask='subscribe'", false},
	{"Both", []string{"u subscribe", "c subscribed", "c subscribe", "u subscribed"}, "subscription='both' ask='!'", false},
}

// outcome is what a word of the user's does in a state: the item from then on,
// and whether the contact hears the word. The word of the contact, heard by the
// user, is the other half: see hears.
type outcome struct {
	item string
	told bool
}

const (
	none    = "subscription='none' ask='!'"
	noneOut = "subscription='none' ask='subscribe'"
	to      = "subscription='to' ask='!'"
	from    = "subscription='from' ask='!'"
	fromOut = "subscription='from' ask='subscribe'"
	both    = "subscription='both' ask='!'"
)

// outbound is appendix A.2: by word, then in the order of states. An item of
// "=" is as it was.
var outbound = map[string][]outcome{
	// A.2.1; the contact's server knows of a request that waits (A.3.1)
	"subscribe": {{noneOut, true}, {"=", false}, {noneOut, true}, {"=", false}, {"=", false}, {"=", false}, {fromOut, true}, {"=", false}, {"=", false}},
	// A.2.2
	"unsubscribe": {{"=", false}, {none, true}, {"=", false}, {none, true}, {none, true}, {none, true}, {"=", false}, {from, true}, {from, true}},
	// A.2.3; without a request it is kept as approval in advance (section 3.4)
	"subscribed": {{"=approved", false}, {"=approved", false}, {from, true}, {fromOut, true}, {"=approved", false}, {both, true}, {"=", false}, {"=", false}, {"=", false}},
	// A.2.4
	"unsubscribed": {{"=", false}, {"=", false}, {"=", true}, {"=", true}, {"=", false}, {"=", true}, {none, true}, {noneOut, true}, {to, true}},
}

// Appendix A: every transition that a user's word makes, on his roster and at
// his contact, who is online.
func TestRFC6121Transitions(t *testing.T) {
	w := open(t)
	for word, outcomes := range outbound {
		for i, s := range states {
			t.Run(fmt.Sprintf("A.2 %s in %s", word, s.name), func(t *testing.T) {
				t.Parallel()
				alice, bob := w.pair(t)
				u, c := w.interested(t, alice), w.interested(t, bob)
				for _, step := range s.made {
					who, verb, _ := strings.Cut(step, " ")
					x, y := u, c
					if who == "c" {
						x, y = c, u
					}
					x.Say("<presence type='%s' to='%s'/>", verb, y.Bare())
					x.Do(x.RoundTrip)
				}
				was := itemOf(t, u, bob)
				if !fits(was, s.item) {
					t.Fatalf("the state is %v; want %s", was, s.item)
				}
				// Both have heard everything when they are available: now they are.
				w.show(t, u)
				w.show(t, c)
				u.Do(u.RoundTrip)
				c.Do(c.RoundTrip)
				u.Heard()
				c.Heard()

				u.Say("<presence type='%s' to='%s'/>", word, c.Bare())
				u.Say("<message to='%s' type='chat' id='mark'><body>mark</body></message>", c.Bare())
				c.Want("<message id='mark'/>")
				want := outcomes[i]
				heard := false
				for _, e := range c.Heard() {
					heard = heard || e.Local == "presence" && e.Attr("type") == word
				}
				if heard != want.told {
					t.Errorf("the contact heard of it: %v; want %v", heard, want.told)
				}
				now := itemOf(t, u, bob)
				switch {
				case want.item == "=":
					if fmt.Sprint(was) != fmt.Sprint(now) {
						t.Errorf("the item was %v and is %v", was, now)
					}
				case want.item == "=approved":
					if now.Attr("approved") != "true" {
						t.Errorf("the item was %v and is %v (3.4)", was, now)
					}
				case !fits(now, want.item):
					t.Errorf("the item was %v and is %v; want %s", was, now, want.item)
				}
			})
		}
	}
}

// itemOf returns what a user's roster has about another, nil for nothing.
func itemOf(t *testing.T, c *xmpptest.T, name string) *xmlstream.Element {
	t.Helper()
	for item := range c.Ask("get", "", rosterSet("")).First().Children() {
		if item.Attr("jid") == name+"@"+domain {
			return item
		}
	}
	return nil
}

func fits(item *xmlstream.Element, attrs string) bool {
	if attrs == "" || item == nil {
		return (attrs == "") == (item == nil)
	}
	p, err := xmpptest.ParsePattern("<item xmlns='jabber:iq:roster' " + attrs + "/>")
	return err == nil && p.Match(item, nil)
}

// Section 3: the words, who hears them and when.
func TestRFC6121Subscriptions(t *testing.T) {
	w := open(t)
	t.Run("3.1.1 to is bare, id is kept", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Say("<presence id='xk3h1v69' type='subscribe' to='%s'><status>please</status><nick xmlns='http://jabber.org/protocol/nick'>A</nick></presence>", b.JID)
		b.Want("<presence id='xk3h1v69' type='subscribe' from='" + a.Bare() + "' to='" + b.Bare() + "'><status>please</status><nick xmlns='http://jabber.org/protocol/nick'>A</nick></presence>")
		a.Want(push("<item jid='" + b.Bare() + "' subscription='none' ask='subscribe'/>"))
		a.Quiet()
		b.Quiet() // 3.1.3: no push for a request
	})
	t.Run("3.1.2 without to", func(t *testing.T) {
		t.Parallel()
		a := w.online(t, w.user(t, "alice"))
		for _, typ := range []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"} {
			a.Say("<presence id='%s' type='%[1]s'/>", typ)
			a.Want("<presence id='" + typ + "' type='error'/>")
		}
	})
	t.Run("3.1.3 asked again whenever he comes online", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a := w.online(t, alice)
		a.Say("<presence type='subscribe' to='%s@%s'/>", bob, domain)
		a.Want(push("<item ask='subscribe'/>"))
		for _, r := range []string{"/one", "/two"} {
			b := w.bound(t, bob+r)
			b.Ask("get", "", rosterSet(""))
			b.Quiet() // not available yet
			b.Say("<presence/>")
			b.Want("<presence type='subscribe' from='" + a.Bare() + "'/>")
			b.Do(b.Close)
		}
		b := w.online(t, bob)
		b.Want("<presence type='subscribe'/>")
		b.Say("<presence type='unsubscribed' to='%s'/>", a.Bare())
		a.Want("<presence type='unsubscribed' from='" + b.Bare() + "'/>")
		a.Want(push("<item subscription='none' ask='!'/>"))
		b.Do(b.Close)
		b = w.online(t, bob)
		b.Quiet() // he has answered
	})
	t.Run("3.1.3 already subscribed: answered by the server", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Want("<presence from='" + b.JID + "'/>")
		b.Want("<presence from='" + a.JID + "'/>")
		a.Say("<presence type='subscribe' to='%s'/>", b.Bare())
		a.Do(a.RoundTrip)
		b.Quiet()
	})
	t.Run("3.1.4 subscribed and presence follows", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.online(t, bob)
		deaf := w.bound(t, alice+"/deaf") // not interested
		a.Say("<presence type='subscribe' to='%s'/>", b.Bare())
		b.Want("<presence type='subscribe'/>")
		b.Say("<presence type='subscribed' to='%s'/>", a.JID)
		b.Want(push("<item jid='" + a.Bare() + "' subscription='from' ask='!'/>"))
		a.Want("<presence type='subscribed' from='" + b.Bare() + "' to='" + a.Bare() + "'/>")
		a.Want(push("<item jid='" + b.Bare() + "' subscription='to' ask='!'/>"))
		a.Want("<presence from='" + b.JID + "' type='!'/>") // 3.1.5
		deaf.Quiet()                                        // 3.1.6
		b.Quiet()
	})
	t.Run("3.2 cancelling a subscription that was given", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		b.Say("<presence type='unsubscribed' to='%s'/>", a.Bare())
		b.Want(push("<item jid='" + a.Bare() + "' subscription='to'/>"))
		a.Want("<presence from='" + b.JID + "' type='unavailable'/>") // 3.2.1
		a.Want("<presence type='unsubscribed' from='" + b.Bare() + "'/>")
		a.Want(push("<item jid='" + b.Bare() + "' subscription='from' ask='!'/>")) // 3.2.3
		b.Say("<presence><show>away</show></presence>")
		b.Want("<presence from='" + b.JID + "'><show>away</show></presence>")
		b.Do(b.RoundTrip)
		b.Say("<message to='%s' type='chat' id='m'><body>x</body></message>", a.Bare())
		a.Want("<message id='m'/>")
		a.Quiet()
	})
	t.Run("3.3 unsubscribing", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		a.Say("<presence type='unsubscribe' to='%s'/>", b.Bare())
		a.Want(push("<item jid='" + b.Bare() + "' subscription='from'/>"))
		b.Want("<presence type='unsubscribe' from='" + a.Bare() + "'/>") // 3.3.3
		b.Want(push("<item jid='" + a.Bare() + "' subscription='to'/>"))
		a.Want("<presence from='" + b.JID + "' type='unavailable'/>")
		a.Quiet()
		b.Quiet()
	})
	t.Run("3.4 approval in advance", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.online(t, bob)
		if b.Features.Child("urn:xmpp:features:pre-approval", "sub") == nil {
			t.Errorf("not advertised (3.4.1): %v", b.Features)
		}
		b.Say("<presence type='subscribed' to='%s'/>", a.Bare())
		b.Want(push("<item jid='" + a.Bare() + "' subscription='none' approved='true'/>")) // 3.4.2
		a.Quiet()
		a.Say("<presence type='subscribe' to='%s'/>", b.Bare())
		a.Want("<presence type='subscribed' from='" + b.Bare() + "'/>")
		a.Want(push("<item subscription='to' ask='!'/>"))
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Want(push("<item jid='" + a.Bare() + "' subscription='from'/>"))
		b.Do(b.RoundTrip)
		for _, e := range b.Heard() {
			if e.Attr("type") == "subscribe" {
				t.Errorf("he is asked all the same: %v", e)
			}
		}
	})
	t.Run("3.4.2 taken back", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a, b := w.online(t, alice), w.online(t, bob)
		b.Say("<presence type='subscribed' to='%s'/>", a.Bare())
		b.Want(push("<item approved='true'/>"))
		b.Say("<presence type='unsubscribed' to='%s'/>", a.Bare())
		b.Want(push("<item approved='!'/>"))
		a.Say("<presence type='subscribe' to='%s'/>", b.Bare())
		b.Want("<presence type='subscribe'/>")
	})
	t.Run("2.5.2 removing ends both subscriptions", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		w.friends(t, alice, bob)
		a, b := w.online(t, alice), w.online(t, bob)
		a.Want("<presence from='" + b.JID + "' type='!'/>")
		b.Want("<presence from='" + a.JID + "' type='!'/>")
		a.Ask("set", "", rosterSet("<item jid='"+b.Bare()+"' subscription='remove'/>"))
		a.Want(push("<item jid='" + b.Bare() + "' subscription='remove'/>"))
		b.Want("<presence type='unsubscribe' from='" + a.Bare() + "'/>")
		b.Want("<presence type='unsubscribed' from='" + a.Bare() + "'/>")
		b.Want(push("<item jid='" + a.Bare() + "' subscription='none'/>"))
		a.Want("<presence from='" + b.JID + "' type='unavailable'/>")
		b.Want("<presence from='" + a.JID + "' type='unavailable'/>")
	})
	t.Run("3 both offline", func(t *testing.T) {
		t.Parallel()
		alice, bob := w.pair(t)
		a := w.bound(t, alice)
		a.Say("<presence type='subscribe' to='%s@%s'/>", bob, domain)
		a.Do(a.RoundTrip)
		a.Do(a.Close)
		b := w.bound(t, bob)
		b.Say("<presence type='subscribed' to='%s'/>", a.Bare())
		b.Do(b.RoundTrip)
		b.Do(b.Close)
		a = w.bound(t, alice)
		if item := itemOf(t, a, bob); !fits(item, to) {
			t.Errorf("the item is %v", item)
		}
	})
	t.Run("8.5.1 nobody: no answer, no difference", func(t *testing.T) {
		t.Parallel()
		a := w.online(t, w.user(t, "alice"))
		a.Say("<presence type='subscribe' to='nobody@%s'/>", domain)
		a.Want(push("<item jid='nobody@" + domain + "' subscription='none' ask='subscribe'/>"))
		a.Say("<presence type='unsubscribe' to='nobody@%s'/>", domain)
		a.Want(push("<item jid='nobody@" + domain + "' subscription='none' ask='!'/>"))
		a.Quiet()
	})
}
