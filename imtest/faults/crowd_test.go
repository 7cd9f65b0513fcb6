package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

// crowdPlan is the shape of a crowd.
type crowdPlan struct {
	online   int           // members who are there all the time, every second one by XMPP
	late     int           // those who miss a part, see leave and arrive
	offline  int           // those who never come
	churners int           // no members at first: they come into the group and leave it
	writers  int           // of those online
	pace     time.Duration // between the texts of one writer
}

// crowd is a group that talks. Some write; everybody who is online keeps what he gets,
// and comes back when he is cut off.
type crowd struct {
	plan   crowdPlan
	cell   *cell
	id     uint64
	addr   string
	keeper *keeper   // its owner
	all    []*member // who is online, now or later
	start  time.Time
	doors  chan struct{} // limits how many connect at a time: all of them share this machine

	ctx      context.Context
	cancel   context.CancelFunc
	stopping chan struct{} // no new texts
	writing  sync.WaitGroup
	reading  sync.WaitGroup

	acks, reconnects, gaps, read atomic.Int64

	mu         sync.Mutex
	violations []string // guarded by mu
}

func (g *crowd) violate(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.violations) < maxShown {
		g.violations = append(g.violations, fmt.Sprintf(format, args...))
	}
}

// limit is how long the whole crowd may take for something.
func (g *crowd) limit() time.Duration {
	return 2*patience + time.Duration(len(g.all))*50*time.Millisecond
}

func (g *crowd) stage(t *testing.T, what string) {
	t.Helper()
	t.Logf("%6.1fs %s", time.Since(g.start).Seconds(), what)
}

// say lets the owner say something, and waits until all have it who are there: so it
// knows that they are.
func (g *crowd) say(t *testing.T, text string) {
	t.Helper()
	seq := g.keeper.say(t, g.id, text)
	until(t, g.limit(), func() bool {
		for _, m := range g.all {
			if m.owes(seq) {
				return false
			}
		}
		return true
	}, "%q has not come to %v", text, missing{g, seq})
}

// missing names some of those who have not got a text.
type missing struct {
	g   *crowd
	seq uint64
}

func (k missing) String() string {
	var b strings.Builder
	n := 0
	for _, m := range k.g.all {
		if !m.owes(k.seq) {
			continue
		}
		if n++; n <= 10 {
			m.mu.Lock()
			fmt.Fprintf(&b, "\n\t%s by %s has %d, is %s", m.name, m.how(), len(m.got), m.at)
			m.mu.Unlock()
		}
	}
	return fmt.Sprintf("%d members:%s", n, b.String())
}

// progress waits until so many further texts are acknowledged.
func (g *crowd) progress(t *testing.T, acks int64) {
	t.Helper()
	want := g.acks.Load() + acks
	until(t, g.limit(), func() bool { return g.acks.Load() >= want }, "there are no %d acks", want)
}

// where logs how many are on which server by which protocol.
func (g *crowd) where(t *testing.T) {
	t.Helper()
	n := make(map[string]int)
	for _, m := range g.all {
		m.mu.Lock()
		if m.at != "" {
			n[m.how()+" "+m.at]++
		}
		m.mu.Unlock()
	}
	var list []string
	for _, at := range slices.Sorted(maps.Keys(n)) {
		list = append(list, fmt.Sprintf("%d by %s", n[at], at))
	}
	g.stage(t, strings.Join(list, ", "))
}

// finish lets the writers end, says the last word, and waits until all have it.
func (g *crowd) finish(t *testing.T) {
	t.Helper()
	close(g.stopping)
	done := make(chan struct{})
	go func() { g.writing.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(g.limit()):
		t.Fatal("some writers get no ack")
	}
	g.say(t, "that was all")
	g.cancel()
	g.reading.Wait()
}

func groupCall(g uint64, acts ...*cxxpb.Act) *cxxpb.Call {
	return &cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: g, Acts: acts}}}
}
