package faults

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

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
//	C9 the archive as XMPP gives it has the same texts at the same places
func (l *load) check(t *testing.T) {
	t.Helper()
	c := l.readAll(t)
	for _, p := range l.people {
		c.dense(p)
		c.outgoing(p)
	}
	for _, p := range l.people {
		c.incoming(p)
		if p.x != nil {
			c.archived(p)
		}
	}
	for _, r := range l.receivers {
		c.pushed(r)
	}
	for _, r := range l.xreceivers {
		c.delivered(r)
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
	t.Logf("%s; ack to arrival p50 %v p99 %v max %v; lost %d", l.report(), p(.5), p(.99), p(1), c.lost)
}

// unrefused sees that no send was refused: with the zones well, none may be.
func (l *load) unrefused(t *testing.T) {
	t.Helper()
	if n := len(l.refusals); n > 0 {
		t.Errorf("%d sends were refused: %s", n, l.report())
	}
}

// readAll reads everybody's inbox as a device that was never there before, by
// C-XX, and where the user has XMPP, by that too.
func (l *load) readAll(t *testing.T) *checker {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := &checker{t: t, load: l, inboxes: make(map[*person][]*cxxpb.Entry), archives: make(map[*person][]archived)}
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
			var arch []archived
			if p.x != nil {
				if arch, err = l.cell.readArchive(ctx, p.name); err != nil {
					t.Errorf("reading the archive of %s: %v", p.name, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			c.inboxes[p], c.archives[p] = all, arch
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return c
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
	archives map[*person][]archived
	failures int
	lost     int
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

// wrote reports whether an entry of the person's inbox is his own message.
func (p *person) wrote(e *cxxpb.Entry) bool { return e.From == 0 || e.From == uint64(p.user) }

// outgoing checks the sender's own log against the acks.
func (c *checker) outgoing(p *person) {
	places := make(map[string]*cxxpb.Entry)
	for _, e := range c.inboxes[p] {
		if !isMessage(e) || !p.wrote(e) {
			continue
		}
		if places[e.Text] != nil {
			c.fail("C2 %s: text %q stands at seq %d and %d", p.name, e.Text, places[e.Text].Seq, e.Seq)
		}
		places[e.Text] = e
	}
	for _, w := range c.load.writers() {
		if w.person == p {
			c.written(w, places)
		}
	}
	for _, e := range places {
		c.fail("C8 %s: nobody asked for %q at seq %d", p.name, e.Text, e.Seq)
	}
}

// written checks the texts of one device against their places in its user's own
// log, and takes them out of there.
func (c *checker) written(w *writer, places map[string]*cxxpb.Entry) {
	last := uint64(0)
	for _, x := range w.texts {
		e := places[x.body]
		delete(places, x.body)
		switch {
		case e == nil && !x.acked.IsZero():
			c.lost++
			c.fail("C1 %s: text %d was acknowledged (seq %d) and is not in the sender's inbox", w.label, x.n, x.seq)
			continue
		case e == nil:
			continue
		case x.msgID == 0 && x.seq == 0: // XMPP does not tell
			x.msgID, x.seq = e.MsgId, e.Seq
		case !bytes.Equal(e.ClientId, x.id[:]):
			c.fail("C2 %s: text %d has another client id", w.label, x.n)
		case !x.acked.IsZero() && (e.Seq != x.seq || e.MsgId != x.msgID):
			c.fail("C1 %s: text %d was acknowledged as msg %d seq %d and is msg %d seq %d", w.label, x.n, x.msgID, x.seq, e.MsgId, e.Seq)
		}
		if x.failed {
			continue // a refused text may come later than its successors
		}
		if e.Seq < last {
			c.fail("C5 %s: text %d has seq %d, one before it has %d", w.label, x.n, e.Seq, last)
		}
		last = max(last, e.Seq)
	}
}

// incoming checks a recipient's log against what was sent to him.
func (c *checker) incoming(p *person) {
	want := make(map[string]*text)
	for _, w := range c.load.writers() {
		for _, x := range w.texts {
			if x.to == p {
				want[x.body] = x
			}
		}
	}
	seen := make(map[string]uint64)
	var inOrder []*text
	for _, e := range c.inboxes[p] {
		if !isMessage(e) || p.wrote(e) {
			continue
		}
		if first, twice := seen[e.Text]; twice {
			c.fail("C2 %s: text %q stands at seq %d and %d", p.name, e.Text, first, e.Seq)
			continue
		}
		seen[e.Text] = e.Seq
		x := want[e.Text]
		if x == nil {
			c.fail("C8 %s: nobody asked for %q at seq %d", p.name, e.Text, e.Seq)
			continue
		}
		if !x.acked.IsZero() && e.MsgId != x.msgID {
			c.fail("C2 %s: text %q is msg %d here and %d with its sender", p.name, e.Text, e.MsgId, x.msgID)
		}
		inOrder = append(inOrder, x)
	}
	for body, x := range want {
		if _, ok := seen[body]; !ok && !x.acked.IsZero() {
			c.lost++
			c.fail("C1 %s: text %q was acknowledged and is not in the recipient's inbox", p.name, body)
		}
	}
	c.order(p, inOrder)
}

// pushed checks what came to a device against the log.
func (c *checker) pushed(r *receiver) {
	for _, e := range c.inboxes[r.person] {
		if known := r.inbox[e.Seq]; known != nil && (known.MsgId != e.MsgId || known.Text != e.Text) {
			c.fail("C2 %s: seq %d was pushed as %q and reads %q", r.name, e.Seq, known.Text, e.Text)
		}
	}
}

// order is C4 and C5 for the texts of one inbox in their order there.
func (c *checker) order(p *person, list []*text) {
	last := make(map[*writer]int)
	var newest time.Time // latest invocation so far
	for _, x := range list {
		if x.acked.Before(newest) && !x.acked.IsZero() {
			c.fail("C4 %s: text %q was acknowledged before one was asked that stands before it", p.name, x.body)
		}
		if x.invoked.After(newest) {
			newest = x.invoked
		}
		if x.failed {
			continue
		}
		if before, ok := last[x.by]; ok && x.n < before {
			c.fail("C5 %s: text %q stands after text %d of the same sender", p.name, x.body, before)
		}
		last[x.by] = x.n
	}
}

// worst is the longest time between acks of senders that pick chooses, from
// one moment to another.
func (l *load) worst(from, to time.Time, pick func(*writer) bool) (longest time.Duration, acks int) {
	for _, s := range l.writers() {
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
