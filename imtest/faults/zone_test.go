package faults

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// byZone lays people out so that an outage of the second zone concerns some of
// them: of every four senders the first two and whom they write to are in the
// first zone; the others write from one zone to the other or within the second.
func byZone(role string, i int, run int64) string {
	zone := i % 4 / 2
	if role == "r" && i%4 == 3 || role == "s" && i%4 == 2 {
		zone = 1
	}
	return inZone(zone, role, i, run)
}

// healthy reports whether a sender has to do with the first zone only.
func healthy(s *writer) bool {
	return zoneOf(s.name) == 0 && !slices.ContainsFunc(s.to, func(p *person) bool { return zoneOf(p.name) != 0 })
}

// A zone hangs; then a zone dies and comes back.
func TestZoneLost(t *testing.T) {
	for _, outage := range []struct {
		name        string
		begin, heal func(*testing.T, *cell)
	}{
		{
			"hangs", func(t *testing.T, c *cell) { must(t, c.zones[1].Signal(syscall.SIGSTOP)) },
			func(t *testing.T, c *cell) { must(t, c.zones[1].Signal(syscall.SIGCONT)) },
		},
		{
			"dies", func(_ *testing.T, c *cell) { c.zones[1].Kill() },
			func(t *testing.T, c *cell) { must(t, c.zones[1].Start()) },
		},
	} {
		t.Run(outage.name, func(t *testing.T) {
			c := theCell(t)
			l := c.startLoad(t, plan{name: byZone, deaf: 10 * time.Second})
			l.progress(t, 300)
			began := time.Now()
			outage.begin(t, c)
			until(t, patience, func() bool { return len(l.refusalsOf(im.CodeZoneUnavailable)) >= 100 },
				"the zone is down and %d sends were refused", len(l.refusalsOf(im.CodeZoneUnavailable)))
			healed := time.Now()
			outage.heal(t, c)
			until(t, patience, func() bool { return l.lastRefusal().Before(time.Now().Add(-3 * time.Second)) }, "sends are still refused")
			l.progress(t, 300)
			l.finish(t)
			l.check(t)
			l.judgeOutage(t, began, healed)
		})
	}
}

func (l *load) lastRefusal() (last time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.refusals {
		if r.at.After(last) {
			last = r.at
		}
	}
	return last
}

// judgeOutage: who was refused, how, and how soon; and nobody else noticed.
func (l *load) judgeOutage(t *testing.T, began, healed time.Time) {
	t.Helper()
	const soon = 3 * time.Second        // contract, clause 10
	const busy = 500 * time.Millisecond // what a busy machine may add
	var slowest time.Duration
	doubts, shown := 0, 0
	for _, r := range l.refusals {
		took := r.at.Sub(r.sent)
		slowest = max(slowest, took)
		bad := ""
		switch {
		case zoneOf(r.from.name) == 0 && zoneOf(r.to.name) == 0:
			bad = "nobody of it is in the zone that was down"
		case r.code == im.CodeUnknownOutcome && r.sent.After(began.Add(soon)) && r.sent.Before(healed):
			bad = "it was sent when the zone was known to be down"
		case r.code == im.CodeUnknownOutcome:
			doubts++
		case r.code != im.CodeZoneUnavailable:
			bad = "the code should be ZONE_UNAVAILABLE"
		case !r.definite:
			bad = "it should be definite"
		}
		if took > soon+busy {
			bad = "it came late"
		}
		if bad != "" && shown < 10 {
			shown++
			t.Errorf("%v for a text from zone %d to %d, sent %v after the fault, answered in %v: %s", r.code,
				zoneOf(r.from.name)+1, zoneOf(r.to.name)+1, r.sent.Sub(began).Round(time.Millisecond), took.Round(time.Millisecond), bad)
		}
	}
	before, _ := l.ackTimes(began.Add(-time.Minute), began)
	during, n := l.ackTimes(began, healed)
	gap, _ := l.worst(began, healed, healthy)
	if n == 0 || gap > healed.Sub(began)/2 && gap > time.Second {
		t.Errorf("senders of the other zone had %d acks while the zone was down, and a gap of %v", n, gap)
	}
	t.Logf("down for %v; refusals took up to %v; %d of unknown outcome; other zone: p99 %v before, %v during (%d acks), longest gap of a sender %v",
		healed.Sub(began).Round(time.Millisecond), slowest.Round(time.Millisecond), doubts,
		before.Round(time.Millisecond), during.Round(time.Millisecond), n, gap.Round(time.Millisecond))
}

// ackTimes is the p99 from send to ack of healthy senders in a time.
func (l *load) ackTimes(from, to time.Time) (p99 time.Duration, n int) {
	var all []time.Duration
	for _, s := range l.writers() {
		for _, x := range s.texts {
			if healthy(s) && x.sent.After(from) && x.sent.Before(to) && !x.acked.IsZero() {
				all = append(all, x.acked.Sub(x.sent))
			}
		}
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0, 0
	}
	return all[len(all)*99/100], len(all)
}
