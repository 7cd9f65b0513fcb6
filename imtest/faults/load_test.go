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
	by       *writer
	from, to *person
	n        int         // counts the texts of its writer
	id       im.ClientID // C-XX
	origin   string      // XMPP: the origin-id
	body     string

	tries   int // how often it was transmitted
	failed  bool
	refused bool      // XMPP: an error has come, and the h that covers it has not
	invoked time.Time // first transmission
	sent    time.Time // last transmission
	acked   time.Time // zero: not acknowledged
	msgID   uint64    // by C-XX; XMPP acknowledgements do not tell
	seq     uint64    // in the sender's inbox, as msgID
}

// person is a user of the load with the devices that take part: a third has C-XX
// only, a third XMPP only, a third both.
type person struct {
	*device
	user im.UserID
	kind kind
	x    *xdevice // nil: no XMPP
}

type kind int

const (
	onlyCXX kind = iota
	onlyXMPP
	bothWays
	numKinds
)

func (l *load) person(name string, i int) *person {
	p := &person{device: l.cell.device(name, "main"), kind: kind(i % int(numKinds))}
	if p.kind != onlyCXX {
		p.x = l.cell.xdevice(name, "desk")
		p.x.stays = l.plan.stay
	}
	return p
}

// writer is one device that writes.
type writer struct {
	load *load
	*person
	label string // begins each of its texts
	to    []*person
	texts []*text // all, by number
	open  int     // of them without an ack
}

func (w *writer) compose() *text {
	n := len(w.texts)
	x := &text{by: w, from: w.person, to: w.to[n%len(w.to)], n: n, body: fmt.Sprintf("%s %06d", w.label, n)}
	w.texts = append(w.texts, x)
	w.open++
	return x
}

// refusal is a definite or indefinite error that a send was answered with.
type refusal struct {
	code     im.ErrorCode
	definite bool
	from, to *person
	sent, at time.Time
	xmpp     bool
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
	// stay lets XMPP devices come back to their ACS, where they resume, and write
	// without an origin-id: nothing but the resumption protects their texts.
	stay bool
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
	cell       *cell
	plan       plan
	people     []*person
	senders    []*sender // C-XX, as receivers
	receivers  []*receiver
	xsenders   []*xsender // XMPP, as xreceivers
	xreceivers []*xreceiver
	stopping   chan struct{} // no new texts
	cancel     context.CancelFunc
	ctx        context.Context
	sendersWG  sync.WaitGroup
	allWG      sync.WaitGroup

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
	zombies    []zombie          // guarded by mu
	at         map[string]string // guarded by mu: device to the ACS it is on

	xacks, xretries atomic.Int64 // of all, by XMPP
	again           atomic.Int64 // texts that came to an XMPP device twice: live after it had read the archive, or in a later session
}

// zombie is a connection that was given up and is kept to see its end.
type zombie interface {
	end(t *testing.T) string // what was told
	close()
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
	for i := range l.plan.senders {
		s, r := l.person(name("s", i, run), i), l.person(name("r", i, run), i)
		l.people = append(l.people, s, r)
		if s.kind != onlyXMPP {
			l.senders = append(l.senders, newSender(l, s))
			l.receivers = append(l.receivers, newReceiver(l, r))
		}
		if s.kind != onlyCXX {
			l.xsenders = append(l.xsenders, newXSender(l, s))
			l.xreceivers = append(l.xreceivers, newXReceiver(l, r))
		}
	}
	for i := range l.plan.senders {
		to := []*person{l.people[2*i+1], l.people[(2*i+3)%len(l.people)]}
		for _, w := range l.writers() {
			if w.person == l.people[2*i] {
				w.to = to
			}
		}
	}
	t.Cleanup(func() {
		l.cancel()
		l.allWG.Wait()
		for _, z := range l.zombies {
			z.close()
		}
	})
	l.begin(t)
	return l
}

// begin logs everybody in and lets them run.
func (l *load) begin(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	var wg sync.WaitGroup
	each := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, p := range l.people {
		if p.x != nil {
			each(func() (err error) { p.user, err = l.cell.account(p.name); return err })
		}
	}
	wg.Wait()
	first, xfirst := make(map[*person]*link), make(map[*person]*xlink)
	var mu sync.Mutex
	for _, p := range l.people {
		if p.kind != onlyXMPP {
			each(func() error { return l.first(ctx, p, &mu, first) })
		}
		if p.x != nil {
			each(func() error {
				k, err := p.x.connect(ctx)
				mu.Lock()
				defer mu.Unlock()
				xfirst[p] = k
				return err
			})
		}
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i, s := range l.senders {
		r := l.receivers[i]
		l.sendersWG.Go(func() { s.run(first[s.person]) })
		l.allWG.Go(func() { r.run(first[r.person]) })
	}
	for i, s := range l.xsenders {
		r := l.xreceivers[i]
		l.sendersWG.Go(func() { s.run(xfirst[s.person]) })
		l.allWG.Go(func() { r.run(xfirst[r.person]) })
	}
}

func (l *load) first(ctx context.Context, p *person, mu *sync.Mutex, first map[*person]*link) error {
	k, err := p.connect(ctx)
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	first[p] = k
	p.user = p.device.user
	return nil
}

// writers are all devices that write.
func (l *load) writers() (all []*writer) {
	for _, s := range l.senders {
		all = append(all, &s.writer)
	}
	for _, s := range l.xsenders {
		all = append(all, &s.writer)
	}
	return all
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
		want := l.textsTo(r.person)
		until(t, inSync, func() bool { return r.has() >= want }, "%s has received %d of %d texts", r.name, r.has(), want)
	}
	for _, r := range l.xreceivers {
		want := l.textsTo(r.person)
		until(t, inSync, func() bool { return r.has() >= want }, "%s has received %d of %d texts by XMPP", r.name, r.has(), want)
	}
	l.cancel()
	l.allWG.Wait()
}

func (l *load) textsTo(p *person) (n int) {
	for _, w := range l.writers() {
		for _, x := range w.texts {
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

func (l *load) on(device, acs string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[device] = acs
}

// usersOn is how many devices have their last connection on an ACS.
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
func (l *load) leave(k zombie, silent bool) {
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
	var binds, resumes, lost int64
	xlogins := make(map[string]int)
	for _, p := range l.people {
		vouched += max(0, p.vouched.Load()-1)
		if p.x != nil {
			binds, resumes, lost = binds+p.x.binds.Load(), resumes+p.x.resumes.Load(), lost+p.x.lost.Load()
			p.x.mu.Lock()
			for c, n := range p.x.refused {
				xlogins[c] += n
			}
			p.x.mu.Unlock()
		}
		p.mu.Lock()
		for code, n := range p.refused {
			logins[code.String()] += n
		}
		p.mu.Unlock()
	}
	return fmt.Sprintf("acked %d, transmitted again %d, answered as duplicates %d, reconnects %d (by JWT again %d, refused %v), given up for silence %d, GO_AWAY %d, sends refused %v, ends %v; of that by XMPP: acked %d, transmitted again %d, sessions %d, resumed %d, not resumed %d (refused %v), received twice, in a later session or by the archive too, %d",
		l.acks.Load(), l.retries.Load(), l.duplicates.Load(), l.reconnects.Load(), vouched, logins, l.abandoned.Load(), l.goAways.Load(), codes, l.closes,
		l.xacks.Load(), l.xretries.Load(), binds, resumes, lost, xlogins, l.again.Load())
}

// delays are the times from ack to arrival on the device, sorted.
func (l *load) delays() (out []time.Duration) {
	arrived := make(map[string]time.Time) // on the first device
	note := func(body string, at time.Time) {
		if first, ok := arrived[body]; !ok || at.Before(first) {
			arrived[body] = at
		}
	}
	for _, r := range l.receivers {
		for body, at := range r.arrived {
			note(body, at)
		}
	}
	for _, r := range l.xreceivers {
		for body, at := range r.arrived {
			note(body, at)
		}
	}
	for _, w := range l.writers() {
		for _, x := range w.texts {
			if at, ok := arrived[x.body]; ok && !x.acked.IsZero() {
				out = append(out, max(0, at.Sub(x.acked)))
			}
		}
	}
	slices.Sort(out)
	return out
}
