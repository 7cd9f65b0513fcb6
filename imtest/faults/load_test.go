package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// text is one message of the load: what was asked, and what was answered.
type text struct {
	from, to *person
	n        int // counts the texts of its sender
	id       im.ClientID
	body     string

	tries   int // how often it was transmitted
	failed  bool
	invoked time.Time // first transmission
	sent    time.Time // last transmission
	acked   time.Time // zero: not acknowledged
	msgID   uint64
	seq     uint64 // in the sender's inbox
}

// person is a user of the load with the one device that takes part.
type person struct {
	*device
	user im.UserID
}

// refusal is a definite or indefinite error that a send was answered with.
type refusal struct {
	code     im.ErrorCode
	definite bool
	from, to *person
	sent, at time.Time
}

// plan is the shape of a load.
type plan struct {
	senders int
	window  int
	pace    time.Duration // between the texts of one sender
	deaf    time.Duration // silence after which a connection is given up
	// name picks users; nil: anybody.
	name func(role string, i int, run int64) string
	// roam breaks each connection after about this time; zero: never.
	roam time.Duration
	// zombies keeps given-up connections open, so that their end can be seen.
	zombies bool
}

func (p plan) orDefaults() plan {
	if p.senders == 0 {
		p.senders = 20
	}
	if p.window == 0 {
		p.window = 4
	}
	if p.pace == 0 {
		p.pace = 30 * time.Millisecond
	}
	if p.deaf == 0 {
		p.deaf = 4 * time.Second
	}
	return p
}

// load is traffic: every sender writes to two receivers in turn, so that most
// receivers hear two people and many senders write to both zones.
type load struct {
	cell      *cell
	plan      plan
	senders   []*sender
	receivers []*receiver
	stopping  chan struct{} // no new texts
	cancel    context.CancelFunc
	ctx       context.Context
	sendersWG sync.WaitGroup
	allWG     sync.WaitGroup

	acks       atomic.Int64
	retries    atomic.Int64
	duplicates atomic.Int64 // acks that say: had been committed before
	reconnects atomic.Int64 // connections after the first
	abandoned  atomic.Int64 // connections given up because of silence
	goAways    atomic.Int64

	mu         sync.Mutex
	refusals   []refusal         // guarded by mu
	closes     map[string]int    // guarded by mu: why connections ended, by word
	violations []string          // guarded by mu
	zombies    []*link           // guarded by mu
	at         map[string]string // guarded by mu: user to the ACS he is on
}

// loads makes the names of users differ from one load to the next.
var loads atomic.Int64

func nameOf(role string, i int, run int64) string { return fmt.Sprintf("%s%d.%d", role, i, run) }

// inZone picks names until one lies in a zone.
func inZone(zone int, role string, i int, run int64) string {
	for n := 0; ; n++ {
		if name := fmt.Sprintf("%s.%d", nameOf(role, i, run), n); zoneOf(name) == zone {
			return name
		}
	}
}

// startLoad logs everyone in and starts writing.
func (c *cell) startLoad(t *testing.T, p plan) *load {
	t.Helper()
	l := &load{cell: c, plan: p.orDefaults(), stopping: make(chan struct{}), closes: make(map[string]int), at: make(map[string]string)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	run := loads.Add(1)
	name := l.plan.name
	if name == nil {
		name = nameOf
	}
	first := make([]*link, 2*l.plan.senders)
	for i := range l.plan.senders {
		l.senders = append(l.senders, newSender(l, name("s", i, run)))
		l.receivers = append(l.receivers, newReceiver(l, name("r", i, run)))
	}
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	var wg sync.WaitGroup
	for i := range l.senders {
		wg.Go(func() { first[2*i] = l.first(t, ctx, &l.senders[i].person) })
		wg.Go(func() { first[2*i+1] = l.first(t, ctx, &l.receivers[i].person) })
	}
	wg.Wait()
	t.Cleanup(func() {
		l.cancel()
		l.allWG.Wait()
		for _, z := range l.zombies {
			z.close()
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	for i, s := range l.senders {
		n := len(l.receivers)
		s.to = []*person{&l.receivers[i].person, &l.receivers[(i+1)%n].person}
		r := l.receivers[i]
		l.sendersWG.Go(func() { s.run(first[2*i]) })
		l.allWG.Go(func() { r.run(first[2*i+1]) })
	}
	return l
}

func (l *load) first(t *testing.T, ctx context.Context, p *person) *link {
	k, err := p.connect(ctx)
	if err != nil {
		t.Error(err)
		return nil
	}
	p.user = p.device.user
	return k
}

// progress waits until n more texts have been acknowledged.
func (l *load) progress(t *testing.T, n int64) {
	t.Helper()
	goal := l.acks.Load() + n
	until(t, patience, func() bool { return l.acks.Load() >= goal }, "%d of %d texts were acknowledged", l.acks.Load()-goal+n, n)
}

// inSync is how long a device may lag whenever it, its node and the zone are
// alive (contract, clause 8).
const inSync = 35 * time.Second

// finish stops writing, waits until every text is acknowledged and everyone
// has received what was written to him.
func (l *load) finish(t *testing.T) {
	t.Helper()
	close(l.stopping)
	done := make(chan struct{})
	go func() { l.sendersWG.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		l.cancel()
		<-done
		t.Fatalf("not every text was acknowledged within %v after the end: %s", patience, l.report())
	}
	for _, r := range l.receivers {
		want := l.textsTo(&r.person)
		until(t, inSync, func() bool { return r.has() >= want }, "%s has received %d of %d texts", r.name, r.has(), want)
	}
	l.cancel()
	l.allWG.Wait()
}

func (l *load) people() (all []*person) {
	for i := range l.senders {
		all = append(all, &l.senders[i].person, &l.receivers[i].person)
	}
	return all
}

func (l *load) textsTo(p *person) (n int) {
	for _, s := range l.senders {
		for _, x := range s.texts {
			if x.to == p {
				n++
			}
		}
	}
	return n
}

func (l *load) violate(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, fmt.Sprintf(format, args...))
}

func (l *load) ended(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closes[why]++
}

func (l *load) on(user, acs string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[user] = acs
}

// usersOn is how many users have their last connection on an ACS.
func (l *load) usersOn(s *server) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, acs := range l.at {
		if acs == s.addr {
			n++
		}
	}
	return n
}

// roaming fires when a connection has lasted long enough; maybe never.
func (l *load) roaming() <-chan time.Time {
	if l.plan.roam == 0 {
		return nil
	}
	return time.After(l.plan.roam/2 + rand.N(l.plan.roam))
}

// leave ends a connection, or keeps it as a zombie.
func (l *load) leave(k *link, silent bool) {
	if silent {
		l.abandoned.Add(1)
		if l.plan.zombies {
			l.mu.Lock()
			l.zombies = append(l.zombies, k)
			l.mu.Unlock()
			return
		}
	}
	k.close()
}

func (l *load) refusalsOf(code im.ErrorCode) (out []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.refusals {
		if r.code == code {
			out = append(out, r)
		}
	}
	return out
}

func (l *load) report() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	codes := make(map[string]int)
	for _, r := range l.refusals {
		codes[r.code.String()]++
	}
	vouched, logins := int64(0), make(map[string]int)
	for _, p := range l.people() {
		vouched += p.vouched.Load() - 1
		p.mu.Lock()
		for code, n := range p.refused {
			logins[code.String()] += n
		}
		p.mu.Unlock()
	}
	return fmt.Sprintf("acked %d, transmitted again %d, answered as duplicates %d, reconnects %d (by JWT again %d, refused %v), given up for silence %d, GO_AWAY %d, sends refused %v, ends %v",
		l.acks.Load(), l.retries.Load(), l.duplicates.Load(), l.reconnects.Load(), vouched, logins, l.abandoned.Load(), l.goAways.Load(), codes, l.closes)
}

// delays are the times from ack to arrival on the device, sorted.
func (l *load) delays() (out []time.Duration) {
	arrived := make(map[string]time.Time)
	for _, r := range l.receivers {
		for body, at := range r.arrived {
			arrived[body] = at
		}
	}
	for _, s := range l.senders {
		for _, x := range s.texts {
			if at, ok := arrived[x.body]; ok && !x.acked.IsZero() {
				out = append(out, max(0, at.Sub(x.acked)))
			}
		}
	}
	slices.Sort(out)
	return out
}
