package faults

import (
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// check compares what everybody got with the timeline as the owner reads it. The
// rules:
//
//	G1 the places of the timeline are 1, 2, 3 …
//	G2 every acknowledged text is in it once, as the ack said; nothing else is
//	G3 who was a member to the end has every text since he came in
//	G4 nobody has a text from before he came in or after he was out
//	G5 what somebody got is what the timeline says
func (g *crowd) check(t *testing.T) {
	t.Helper()
	log := g.keeper.timeline(t, g.id)
	fails := 0
	fail := func(format string, args ...any) {
		t.Helper()
		if fails++; fails <= maxShown {
			t.Errorf(format, args...)
		}
	}
	places, texts := make(map[string]uint64), make(map[uint64]string)
	for i, e := range log {
		if e.Seq != uint64(i+1) {
			t.Fatalf("G1 place %d of the timeline holds seq %d", i+1, e.Seq)
		}
		if s := textOf(e); s != "" {
			if first, twice := places[s]; twice {
				fail("G2 %q stands at seq %d and %d", s, first, e.Seq)
			}
			places[s], texts[e.Seq] = e.Seq, s
		}
	}
	g.written(fail, places)
	spans := g.spans(log)
	deliveries := 0
	for _, m := range g.all {
		deliveries += len(m.got)
		if len(m.got) == 0 {
			fail("%s (%s) has got nothing at all", m.name, m.how())
		}
		m.complete(fail, texts, spans[uint64(m.user)])
	}
	for _, v := range g.violations {
		fail("%s", v)
	}
	if fails > maxShown {
		t.Errorf("… and %d more", fails-maxShown)
	}
	g.stage(t, fmt.Sprintf("%d online, %d late, %d offline, %d entries, %d texts acknowledged, %d deliveries, %d of them read from the history, %d reconnects, %d gaps",
		g.plan.online, g.plan.late, g.plan.offline, len(log), g.acks.Load(), deliveries, g.read.Load(), g.reconnects.Load(), g.gaps.Load()))
}

// written is G2.
func (g *crowd) written(fail func(string, ...any), places map[string]uint64) {
	known := g.keeper.said
	for _, m := range g.all {
		last := uint64(0)
		for _, x := range m.said {
			known[x.body] = true
			seq := places[x.body]
			switch {
			case seq == 0 && x.acked:
				fail("G2 %q was acknowledged (seq %d) and is not in the timeline", x.body, x.seq)
			case seq == 0:
			case x.acked && x.seq != 0 && x.seq != seq:
				fail("G2 %q was acknowledged at seq %d and is at %d", x.body, x.seq, seq)
			case seq < last:
				fail("G2 %q is at seq %d, one that was said before it at %d", x.body, seq, last)
			}
			last = max(last, seq)
		}
	}
	for s, seq := range places {
		if !known[s] {
			fail("G2 nobody has said %q at seq %d", s, seq)
		}
	}
}

// span is when somebody was a member: what stands between he may read.
type span struct{ from, to uint64 }

const forever = 1 << 62

// spans reads from the timeline who was a member when.
func (g *crowd) spans(log []*cxxpb.Entry) map[uint64][]span {
	out := make(map[uint64][]span)
	for _, e := range log {
		u := e.GetGroup().GetMember().GetUser()
		if u == 0 {
			continue
		}
		switch im.GroupVerb(e.Group.What) {
		case im.GroupCreated, im.GroupJoined:
			out[u] = append(out[u], span{e.Seq, forever})
		case im.GroupLeft, im.GroupKicked, im.GroupBanned, im.GroupExpelled:
			if n := len(out[u]); n > 0 {
				out[u][n-1].to = e.Seq
			}
		}
	}
	return out
}

func within(list []span, seq uint64) bool {
	for _, s := range list {
		if s.from < seq && seq < s.to {
			return true
		}
	}
	return false
}

// complete is G3 to G5.
func (m *member) complete(fail func(string, ...any), texts map[uint64]string, spans []span) {
	for seq, s := range texts {
		if _, ok := m.got[seq]; !ok && !m.churns && within(spans, seq) {
			fail("G3 %s (%v) has not got %q at seq %d", m.name, m.how(), s, seq)
		}
	}
	for seq, s := range m.got {
		if texts[seq] != s {
			fail("G5 %s got %q at seq %d, which is %q", m.name, s, seq, texts[seq])
		}
		if !within(spans, seq) {
			fail("G4 %s got %q at seq %d; he was a member %v", m.name, s, seq, spans)
		}
	}
}
