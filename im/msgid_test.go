package im

import (
	"math"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// hand is a wall clock that stands where the test puts it.
type hand struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) set(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = t
}

func TestMsgIDParts(t *testing.T) {
	m := MakeMsgID(noon.Add(123*time.Millisecond), 7, 1023)
	if !m.Time().Equal(noon.Add(123 * time.Millisecond)) {
		t.Errorf("Time = %v", m.Time())
	}
	if m.Node() != 1023 {
		t.Errorf("Node = %d", m.Node())
	}
	if int64(m) <= 0 {
		t.Error("a signed column would not keep the order")
	}
	if early := MakeMsgID(time.Unix(0, 0), 0, 1); early.Time().UnixMilli() != epochMillis {
		t.Errorf("a time before the epoch gives %v", early.Time())
	}
	if far := MakeMsgID(time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), maxCounter, MaxNode); int64(far) <= 0 || far.Node() != MaxNode {
		t.Errorf("a time after the last gives %d", int64(far))
	}
}

func TestClockGrowsWhateverTheWallClockDoes(t *testing.T) {
	h := &hand{at: noon}
	c := NewClock(5, h.now)
	last := MsgID(0)
	for _, step := range []time.Duration{0, 0, time.Millisecond, time.Hour, -2 * time.Hour, 0, -100 * 365 * 24 * time.Hour, time.Millisecond, 0} {
		h.set(h.now().Add(step))
		m := c.Next()
		if m <= last {
			t.Fatalf("after a step of %v: %d does not follow %d", step, m, last)
		}
		if m.Node() != 5 {
			t.Fatalf("node %d", m.Node())
		}
		last = m
	}
}

func TestClockFollowsTime(t *testing.T) {
	h := &hand{at: noon}
	c := NewClock(1, h.now)
	if got := c.Next().Time(); !got.Equal(noon) {
		t.Errorf("first id is of %v", got)
	}
	h.set(noon.Add(time.Second))
	if got := c.Next().Time(); !got.Equal(noon.Add(time.Second)) {
		t.Errorf("id is of %v", got)
	}
}

func TestClockCounterCarriesIntoMilliseconds(t *testing.T) {
	h := &hand{at: noon}
	c := NewClock(1, h.now)
	seen := map[MsgID]bool{}
	last := MsgID(0)
	const n = 3*maxCounter + 10
	for range n {
		m := c.Next()
		if m <= last || seen[m] {
			t.Fatalf("%d after %d", m, last)
		}
		seen[m], last = true, m
	}
	if got := last.Time().Sub(noon); got != 3*time.Millisecond {
		t.Errorf("%d ids in one millisecond reach %v ahead, want 3ms", n, got)
	}
}

// A replies to B, whose clock is an hour ahead, and B to A: in each direction
// the answer has the greater id.
func TestClockOrdersAnswersOfSkewedPeers(t *testing.T) {
	a := NewClock(1, (&hand{at: noon}).now)
	b := NewClock(2, (&hand{at: noon.Add(time.Hour)}).now)
	last := MsgID(0)
	for i := range 50 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		m := from.Next()
		if m <= last {
			t.Fatalf("answer %d: %d does not follow %d", i, m, last)
		}
		to.Observe(m)
		last = m
	}
}

func TestClockObserveNeverGoesBack(t *testing.T) {
	h := &hand{at: noon}
	c := NewClock(1, h.now)
	m := c.Next()
	c.Observe(MakeMsgID(noon.Add(-time.Hour), 0, 2))
	c.Observe(0)
	if next := c.Next(); next <= m {
		t.Errorf("%d after %d", next, m)
	}
}

// What cannot be an id of ours must not push the clock out of its 63 bits.
func TestClockSurvivesNonsense(t *testing.T) {
	c := NewClock(3, (&hand{at: noon}).now)
	last := c.Next()
	for _, m := range []MsgID{math.MaxUint64, 1 << 63, math.MaxInt64} {
		c.Observe(m)
		for range 3 {
			next := c.Next()
			if int64(next) <= 0 || next.Node() != 3 || next <= last || next.Time().Sub(noon) > time.Second {
				t.Fatalf("after Observe(%#x): %#x", uint64(m), uint64(next))
			}
			last = next
		}
	}
}

func TestClockIsUniqueAcrossGoroutinesAndNodes(t *testing.T) {
	h := &hand{at: noon}
	const nodes, workers, each = 3, 4, 2000
	out := make(chan []MsgID, nodes*workers)
	for n := range nodes {
		c := NewClock(NodeID(n+1), h.now)
		for range workers {
			go func() {
				ids := make([]MsgID, each)
				for i := range ids {
					ids[i] = c.Next()
					if i > 0 && ids[i] <= ids[i-1] {
						t.Errorf("%d after %d", ids[i], ids[i-1])
					}
				}
				out <- ids
			}()
		}
	}
	seen := map[MsgID]bool{}
	for range nodes * workers {
		for _, m := range <-out {
			if seen[m] {
				t.Fatalf("%d twice", m)
			}
			seen[m] = true
		}
	}
}

func BenchmarkClockNext(b *testing.B) {
	c := NewClock(1, time.Now)
	for b.Loop() {
		c.Next()
	}
}
