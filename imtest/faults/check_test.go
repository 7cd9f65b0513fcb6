package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// check compares every inbox, read from the beginning by a new device, with
// what was asked and acknowledged. The rules:
//
//	C1 every acknowledged text is in both inboxes, as the ack said
//	C2 each text has one place, and each place one text, in all that was seen
//	C3 the places are 1, 2, 3 … without holes
//	C4 what was acknowledged before another was asked stands before it
//	C5 the texts of one sender keep their order
//	C8 nothing is there that was not asked
func (l *load) check(t *testing.T) {
	t.Helper()
	inboxes := l.readAll(t)
	c := &checker{t: t, load: l, inboxes: inboxes}
	for _, s := range l.senders {
		c.dense(&s.person)
		c.outgoing(s)
	}
	for _, r := range l.receivers {
		c.dense(&r.person)
		c.incoming(r)
	}
	l.mu.Lock()
	for _, v := range l.violations {
		c.fail("%s", v)
	}
	l.mu.Unlock()
	if c.failures > maxShown {
		t.Errorf("… and %d more", c.failures-maxShown)
	}
	d := l.delays()
	p := func(q float64) time.Duration {
		if len(d) == 0 {
			return 0
		}
		return d[min(len(d)-1, int(q*float64(len(d))))].Round(time.Millisecond)
	}
	t.Logf("%s; ack to arrival p50 %v p99 %v max %v", l.report(), p(.5), p(.99), p(1))
}

// unrefused sees that no send was refused: with the zones well, none may be.
func (l *load) unrefused(t *testing.T) {
	t.Helper()
	if n := len(l.refusals); n > 0 {
		t.Errorf("%d sends were refused: %s", n, l.report())
	}
}

// readAll reads everybody's inbox as a device that was never there before.
func (l *load) readAll(t *testing.T) map[*person][]*cxxpb.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out := make(map[*person][]*cxxpb.Entry)
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, p := range l.people {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			all, err := l.cell.readInbox(ctx, p.name)
			if err != nil {
				t.Errorf("reading the inbox of %s: %v", p.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[p] = all
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return out
}

func (c *cell) readInbox(ctx context.Context, user string) ([]*cxxpb.Entry, error) {
	d := c.device(user, "check")
	k, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer k.close()
	return d.sync(k)
}

type checker struct {
	t        *testing.T
	load     *load
	inboxes  map[*person][]*cxxpb.Entry
	failures int
}

const maxShown = 20

func (c *checker) fail(format string, args ...any) {
	c.t.Helper()
	if c.failures++; c.failures <= maxShown {
		c.t.Errorf("%s", fmt.Sprintf(format, args...))
	}
}

// dense is C3.
func (c *checker) dense(p *person) {
	for i, e := range c.inboxes[p] {
		if e.Seq != uint64(i+1) {
			c.fail("C3 %s: place %d holds seq %d", p.name, i+1, e.Seq)
			return
		}
	}
}

// outgoing checks the sender's own log against the acks.
func (c *checker) outgoing(s *sender) {
	places := make(map[im.ClientID]*cxxpb.Entry)
	for _, e := range c.inboxes[&s.person] {
		if !isMessage(e) {
			continue
		}
		var id im.ClientID
		copy(id[:], e.ClientId)
		if places[id] != nil {
			c.fail("C2 %s: text %q stands at seq %d and %d", s.name, e.Text, places[id].Seq, e.Seq)
		}
		places[id] = e
	}
	last := uint64(0)
	for _, x := range s.texts {
		e := places[x.id]
		delete(places, x.id)
		switch {
		case e == nil && !x.acked.IsZero():
			c.fail("C1 %s: text %d was acknowledged at seq %d and is not in the sender's inbox", s.name, x.n, x.seq)
			continue
		case e == nil:
			continue
		case e.Text != x.body:
			c.fail("C2 %s: text %d reads %q", s.name, x.n, e.Text)
		case !x.acked.IsZero() && (e.Seq != x.seq || e.MsgId != x.msgID):
			c.fail("C1 %s: text %d was acknowledged as msg %d seq %d and is msg %d seq %d", s.name, x.n, x.msgID, x.seq, e.MsgId, e.Seq)
		}
		if x.failed {
			continue // a refused text may come later than its successors
		}
		if e.Seq < last {
			c.fail("C5 %s: text %d has seq %d, one before it has %d", s.name, x.n, e.Seq, last)
		}
		last = max(last, e.Seq)
	}
	for _, e := range places {
		c.fail("C8 %s: nobody asked for %q at seq %d", s.name, e.Text, e.Seq)
	}
}

// incoming checks a recipient's log against what was sent to him.
func (c *checker) incoming(r *receiver) {
	want := make(map[string]*text)
	for _, s := range c.load.senders {
		for _, x := range s.texts {
			if x.to == &r.person {
				want[x.body] = x
			}
		}
	}
	seen := make(map[string]uint64)
	var inOrder []*text
	for _, e := range c.inboxes[&r.person] {
		if known := r.inbox[e.Seq]; known != nil && (known.MsgId != e.MsgId || known.Text != e.Text) {
			c.fail("C2 %s: seq %d was pushed as %q and reads %q", r.name, e.Seq, known.Text, e.Text)
		}
		if !isMessage(e) {
			continue
		}
		if first, twice := seen[e.Text]; twice {
			c.fail("C2 %s: text %q stands at seq %d and %d", r.name, e.Text, first, e.Seq)
			continue
		}
		seen[e.Text] = e.Seq
		x := want[e.Text]
		if x == nil {
			c.fail("C8 %s: nobody asked for %q at seq %d", r.name, e.Text, e.Seq)
			continue
		}
		if !x.acked.IsZero() && e.MsgId != x.msgID {
			c.fail("C2 %s: text %q is msg %d here and %d with its sender", r.name, e.Text, e.MsgId, x.msgID)
		}
		inOrder = append(inOrder, x)
	}
	for body, x := range want {
		if _, ok := seen[body]; !ok && !x.acked.IsZero() {
			c.fail("C1 %s: text %q was acknowledged and is not in the recipient's inbox", r.name, body)
		}
	}
	c.order(r, inOrder)
}

// order is C4 and C5 for the texts of one inbox in their order there.
func (c *checker) order(r *receiver, list []*text) {
	last := make(map[*person]int)
	var newest time.Time // latest invocation so far
	for _, x := range list {
		if x.acked.Before(newest) && !x.acked.IsZero() {
			c.fail("C4 %s: text %q was acknowledged before one was asked that stands before it", r.name, x.body)
		}
		if x.invoked.After(newest) {
			newest = x.invoked
		}
		if x.failed {
			continue
		}
		if before, ok := last[x.from]; ok && x.n < before {
			c.fail("C5 %s: text %q stands after text %d of the same sender", r.name, x.body, before)
		}
		last[x.from] = x.n
	}
}

// worst is the longest time between acks of senders that pick chooses, from
// one moment to another.
func (l *load) worst(from, to time.Time, pick func(*sender) bool) (longest time.Duration, acks int) {
	for _, s := range l.senders {
		if !pick(s) {
			continue
		}
		times := []time.Time{from}
		for _, x := range s.texts {
			if x.acked.After(from) && x.acked.Before(to) {
				times = append(times, x.acked)
			}
		}
		acks += len(times) - 1
		slices.SortFunc(times, time.Time.Compare)
		times = append(times, to)
		for i := 1; i < len(times); i++ {
			longest = max(longest, times[i].Sub(times[i-1]))
		}
	}
	return longest, acks
}
