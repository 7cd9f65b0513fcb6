package acs

import (
	"testing"

	"github.com/cxx-im/cxx/im"
)

const (
	none = im.SubNone
	to   = im.SubTo
	from = im.SubFrom
	out  = im.SubPendingOut
	in   = im.SubPendingIn
	pre  = im.SubPreApproved
)

// The rows of RFC 6121 appendix A.2 (outbound) that change or route something,
// and those that must not.
func TestOutbound(t *testing.T) {
	for _, c := range []struct {
		name  string
		state im.Subscription
		event subEvent
		next  im.Subscription
		route bool
	}{
		{"A.2.1 none", none, subscribe, out, true},
		{"A.2.1 none+in", in, subscribe, in | out, true},
		{"A.2.1 to", to, subscribe, to, true},
		{"A.2.1 from", from, subscribe, from | out, true},
		{"A.2.1 both", to | from, subscribe, to | from, true},
		{"A.2.2 to+out", out, unsubscribe, none, true},
		{"A.2.2 to", to, unsubscribe, none, true},
		{"A.2.2 both", to | from, unsubscribe, from, true},
		{"A.2.3 none", none, subscribed, pre, false},
		{"A.2.3 in", in, subscribed, from, true},
		{"A.2.3 to+in", to | in, subscribed, to | from, true},
		{"A.2.3 from", from, subscribed, from, false},
		{"A.2.4 none", none, unsubscribed, none, false},
		{"A.2.4 in", in, unsubscribed, none, true},
		{"A.2.4 from", from, unsubscribed, none, true},
		{"A.2.4 both", to | from, unsubscribed, to, true},
		{"3.4.4 cancels a pre-approval", pre, unsubscribed, none, false},
	} {
		next, route := outbound(c.state, c.event)
		if next != c.next || route != c.route {
			t.Errorf("%s: outbound(%b, %d) = %b, %v; want %b, %v", c.name, c.state, c.event, next, route, c.next, c.route)
		}
	}
}

// The rows of RFC 6121 appendix A.3 (inbound).
func TestInbound(t *testing.T) {
	for _, c := range []struct {
		name   string
		state  im.Subscription
		event  subEvent
		next   im.Subscription
		agreed bool
	}{
		{"A.3.1 none", none, subscribe, in, false},
		{"A.3.1 to", to, subscribe, to | in, false},
		{"A.3.1 from", from, subscribe, from, true},
		{"A.3.1 pre-approved", pre | out, subscribe, from | out, true},
		{"A.3.2 in", in, unsubscribe, none, false},
		{"A.3.2 both", to | from, unsubscribe, to, false},
		{"A.3.3 none", none, subscribed, none, false},
		{"A.3.3 out", out, subscribed, to, false},
		{"A.3.3 from+out", from | out, subscribed, to | from, false},
		{"A.3.4 out", out, unsubscribed, none, false},
		{"A.3.4 both", to | from, unsubscribed, from, false},
		{"A.3.4 keeps a pre-approval", out | pre, unsubscribed, pre, false},
	} {
		next, agreed := inbound(c.state, c.event)
		if next != c.next || agreed != c.agreed {
			t.Errorf("%s: inbound(%b, %d) = %b, %v; want %b, %v", c.name, c.state, c.event, next, agreed, c.next, c.agreed)
		}
	}
}

// Whatever two users say to each other in any order, their views agree: one
// sees the other exactly when the other lets him.
func TestSubscriptionViewsAgree(t *testing.T) {
	type pair = struct{ a, b im.Subscription }
	seen := map[pair]bool{{}: true}
	todo := []pair{{}}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		if p.a.Has(to) != p.b.Has(from) || p.b.Has(to) != p.a.Has(from) {
			t.Fatalf("views disagree: %b and %b", p.a, p.b)
		}
		for e := subscribe; e <= unsubscribed; e++ {
			for _, next := range []pair{tell(p.a, p.b, e), swap(tell(p.b, p.a, e))} {
				if !seen[next] {
					seen[next] = true
					todo = append(todo, next)
				}
			}
		}
	}
	if len(seen) < 10 {
		t.Fatalf("only %d states were reached", len(seen))
	}
}

func tell(a, b im.Subscription, e subEvent) struct{ a, b im.Subscription } {
	next, route := outbound(a, e)
	if route || sayAgain(next, e) {
		var agreed bool
		if b, agreed = inbound(b, e); agreed {
			next, _ = inbound(next, subscribed)
		}
	}
	return struct{ a, b im.Subscription }{next, b}
}

func swap(p struct{ a, b im.Subscription }) struct{ a, b im.Subscription } {
	return struct{ a, b im.Subscription }{p.b, p.a}
}
