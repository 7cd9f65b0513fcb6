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
	both = im.SubBoth
)

// states are the nine of RFC 6121 appendix A.1, in its order.
var states = [9]im.Subscription{none, none | out, none | in, none | out | in, to, to | in, from, from | out, both}

// RFC 6121 appendix A.2, whole.
func TestOutbound(t *testing.T) {
	for section, c := range map[string]struct {
		event im.SubEvent
		route [9]bool
		next  [9]im.Subscription
	}{
		"A.2.1": {
			im.Subscribe,
			[9]bool{true, true, true, true, true, true, true, true, true},
			[9]im.Subscription{out, out, out | in, out | in, to, to | in, from | out, from | out, both},
		},
		"A.2.2": {
			im.Unsubscribe,
			[9]bool{true, true, true, true, true, true, true, true, true},
			[9]im.Subscription{none, none, in, in, none, in, from, from, from},
		},
		"A.2.3, pre-approval of 3.4": {
			im.Subscribed,
			[9]bool{2: true, 3: true, 5: true},
			[9]im.Subscription{pre, out | pre, from, from | out, to | pre, both, from, from | out, both},
		},
		"A.2.4": {
			im.Unsubscribed,
			[9]bool{2: true, 3: true, 5: true, 6: true, 7: true, 8: true},
			[9]im.Subscription{none, out, none, out, to, to, none, out, to},
		},
	} {
		for i, s := range states {
			next, route := outbound(s, c.event)
			if next != c.next[i] || route != c.route[i] {
				t.Errorf("%s: outbound(%05b, %d) = %05b, %v; want %05b, %v", section, s, c.event, next, route, c.next[i], c.route[i])
			}
		}
	}
	if next, route := outbound(pre|to, im.Unsubscribed); next != to || route {
		t.Errorf("3.4.3: a pre-approval is cancelled to %05b, routed %v; want %05b, in silence", next, route, to)
	}
}

// RFC 6121 appendix A.3, whole.
func TestInbound(t *testing.T) {
	for section, c := range map[string]struct {
		event   im.SubEvent
		deliver [9]bool
		agreed  [9]bool
		next    [9]im.Subscription
	}{
		"A.3.1, auto-reply of 3.1.3": {
			im.Subscribe,
			[9]bool{true, true, false, false, true, false, false, false, false},
			[9]bool{6: true, 7: true, 8: true},
			[9]im.Subscription{in, out | in, in, out | in, to | in, to | in, from, from | out, both},
		},
		"A.3.2": {
			im.Unsubscribe,
			[9]bool{2: true, 3: true, 5: true, 6: true, 7: true, 8: true},
			[9]bool{},
			[9]im.Subscription{none, out, none, out, to, to, none, out, to},
		},
		"A.3.3": {
			im.Subscribed,
			[9]bool{1: true, 3: true, 7: true},
			[9]bool{},
			[9]im.Subscription{none, to, in, to | in, to, to | in, from, both, both},
		},
		"A.3.4": {
			im.Unsubscribed,
			[9]bool{1: true, 3: true, 4: true, 5: true, 7: true, 8: true},
			[9]bool{},
			[9]im.Subscription{none, none, in, in, none, in, from, from, from},
		},
	} {
		for i, s := range states {
			next, deliver, agreed := inbound(s, c.event)
			if next != c.next[i] || deliver != c.deliver[i] || agreed != c.agreed[i] {
				t.Errorf("%s: inbound(%05b, %d) = %05b, %v, %v; want %05b, %v, %v", section, s, c.event, next, deliver, agreed, c.next[i], c.deliver[i], c.agreed[i])
			}
		}
	}
	for _, s := range []im.Subscription{pre, pre | to, pre | out} { // section 3.4.2
		next, deliver, agreed := inbound(s, im.Subscribe)
		if next != s&^pre|from || deliver || !agreed {
			t.Errorf("3.4.2: inbound(%05b, subscribe) = %05b, %v, %v; want yes in silence", s, next, deliver, agreed)
		}
	}
	if next, _, _ := inbound(out|pre, im.Unsubscribed); next != pre {
		t.Errorf("a refusal takes the pre-approval away: %05b", next)
	}
}

type pair struct{ a, b im.Subscription }

// Whatever two users say to each other in any order, their views agree: one
// sees the other exactly when the other lets him.
func TestSubscriptionViewsAgree(t *testing.T) {
	seen := reach(func(p pair, e im.SubEvent) pair { return talk(p, e, false) })
	for p := range seen {
		if p.a.Has(to) != p.b.Has(from) || p.b.Has(to) != p.a.Has(from) {
			t.Fatalf("views disagree: %05b and %05b", p.a, p.b)
		}
	}
	if len(seen) < 10 {
		t.Fatalf("only %d states were reached", len(seen))
	}
}

// When b has blocked a, nothing that a says makes b see more of a than a lets
// him, nor a more of b.
func TestSubscriptionViewsAcrossABlock(t *testing.T) {
	for p := range reach(func(p pair, e im.SubEvent) pair { return talk(p, e, false) }) {
		for e := im.Subscribe; e <= im.Unsubscribed; e++ {
			n := talk(p, e, true)
			if n.b.Has(to) && !n.a.Has(from) || n.a.Has(to) && !n.b.Has(from) {
				t.Errorf("%d from %05b, %05b: somebody sees who does not let him: %05b, %05b", e, p.a, p.b, n.a, n.b)
			}
		}
	}
}

func reach(say func(pair, im.SubEvent) pair) map[pair]bool {
	seen := map[pair]bool{{}: true}
	todo := []pair{{}}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		for e := im.Subscribe; e <= im.Unsubscribed; e++ {
			n := say(pair{p.b, p.a}, e)
			for _, next := range []pair{say(p, e), {n.b, n.a}} {
				if !seen[next] {
					seen[next] = true
					todo = append(todo, next)
				}
			}
		}
	}
	return seen
}

// talk is what say makes of a and b when a says e.
func talk(p pair, e im.SubEvent, blocked bool) pair {
	next, route := outbound(p.a, e)
	if (route || mends(next, p.b, e)) && (!blocked || withdraws(e)) {
		var agreed bool
		if p.b, _, agreed = inbound(p.b, e); agreed {
			next, _, _ = inbound(next, im.Subscribed)
		}
	}
	return pair{next, p.b}
}
