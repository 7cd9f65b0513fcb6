package faults

import (
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// shares counts what n allocations of a NAS name.
func (c *cell) shares(t *testing.T, nas *server, n int) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for range n {
		a, err := c.allocate(nas)
		must(t, err)
		got[a.Acs]++
	}
	return got
}

// named waits until both NAS give, or do not give, an ACS.
func (c *cell) named(t *testing.T, acs *server, want bool) {
	t.Helper()
	for _, nas := range c.nas {
		until(t, patience, func() bool {
			for range 2 * numACS {
				if a, err := c.allocate(nas); err == nil && a.Acs == acs.addr {
					return want
				}
			}
			return !want
		}, "%v names %v: want %v", nas, acs, want)
	}
}

func TestUsersTalkAndAThirdACSJoins(t *testing.T) {
	c := theCell(t)
	must(t, c.acs[2].p.Stop())
	c.named(t, c.acs[2], false)
	for _, nas := range c.nas {
		if got := c.shares(t, nas, 10); got[c.acs[0].addr] != 5 || got[c.acs[1].addr] != 5 {
			t.Errorf("10 allocations of %v went to %v; want 5 to each of two ACS", nas, got)
		}
	}
	l := c.startLoad(t, plan{senders: 12})
	l.progress(t, 100)
	c.tickets(t)

	must(t, c.acs[2].start())
	c.named(t, c.acs[2], true)
	for _, nas := range c.nas {
		if got := c.shares(t, nas, 30); got[c.acs[0].addr] != 10 || got[c.acs[1].addr] != 10 || got[c.acs[2].addr] != 10 {
			t.Errorf("30 allocations of %v went to %v; want 10 to each of three ACS", nas, got)
		}
	}
	if n := c.newcomers(t, 30)[c.acs[2].addr]; n < 8 || n > 12 {
		t.Errorf("%d of 30 new logins went to the ACS that joined; want about 10", n)
	}
	c.linked(t)
	l.progress(t, 100)
	l.finish(t)
	l.check(t)
	l.mixed(t)
}

// mixed sees that the traffic was what it should be: between zones and nodes.
func (l *load) mixed(t *testing.T) {
	t.Helper()
	zones, nodes := make(map[bool]int), 0 // by whether both live in one zone
	for _, s := range l.writers() {
		for _, to := range s.to {
			zones[zoneOf(s.name) == zoneOf(to.name)]++
			if l.where(s.person) != l.where(to) {
				nodes++
			}
		}
	}
	if zones[true] == 0 || zones[false] == 0 || nodes == 0 {
		t.Errorf("%d conversations inside a zone, %d between zones, %d between nodes; want some of each", zones[true], zones[false], nodes)
	}
	t.Logf("%d conversations inside a zone, %d between zones, %d between nodes", zones[true], zones[false], nodes)
}

// where is the ACS that one of a user's devices is on.
func (l *load) where(p *person) string {
	if p.kind == onlyXMPP {
		return l.at[p.name+"/"+p.x.resource]
	}
	return l.at[p.name]
}

// newcomers logs new users in, through both NAS in turn, and counts where they
// come to.
func (c *cell) newcomers(t *testing.T, n int) map[string]int {
	t.Helper()
	got := make(map[string]int)
	run := loads.Add(1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			d := c.device(nameOf("n", i, run), "main")
			k, err := d.once(c.nas[i%numNAS])
			if err != nil {
				t.Error(err)
				return
			}
			defer k.close()
			mu.Lock()
			defer mu.Unlock()
			got[k.acs]++
		})
	}
	wg.Wait()
	return got
}

// tickets: one login each, at the ACS that they name.
func (c *cell) tickets(t *testing.T) {
	t.Helper()
	d := c.device(nameOf("ticket", 0, loads.Add(1)), "main")
	a, err := c.allocate(c.nas[0])
	must(t, err)
	k, err := d.login(a.Acs, a.Ticket)
	must(t, err)
	k.close()
	if _, err := d.login(a.Acs, a.Ticket); im.CodeOf(err) != im.CodeTicketReplayed {
		t.Errorf("a ticket used twice gave %v; want TICKET_REPLAYED", err)
	}
	if a, err = c.allocate(c.nas[1]); err != nil {
		t.Fatal(err)
	}
	other := c.acs[0]
	if a.Acs == other.addr {
		other = c.acs[1]
	}
	if _, err := d.login(other.addr, a.Ticket); im.CodeOf(err) != im.CodeTicketForeign {
		t.Errorf("a ticket used elsewhere gave %v; want TICKET_FOREIGN", err)
	}
}

// Of two logins of one device at the same time, one lives.
func TestLoginRaceOfOneDevice(t *testing.T) {
	c := theCell(t)
	run := loads.Add(1)
	var worst time.Duration
	const rounds = 15
	for i := range rounds {
		base := c.device(nameOf("race", i, run), "main")
		k, err := base.login(c.acs[2].addr, nil)
		must(t, err)
		k.close()
		worst = max(worst, c.race(t, base))
	}
	t.Logf("%d races, the loser was told after at most %v", rounds, worst.Round(time.Millisecond))
}

func (c *cell) race(t *testing.T, base *device) time.Duration {
	t.Helper()
	var both [2]*link
	var errs [2]error
	var wg sync.WaitGroup
	for i := range both {
		d := c.device(base.name, base.resource) // by JWT: a token is good once
		d.id = base.id
		wg.Go(func() { both[i], errs[i] = d.login(c.acs[i].addr, nil) })
	}
	wg.Wait()
	for i, k := range both {
		if k != nil {
			defer k.close()
		}
		// The one that comes later may find the other there already.
		if im.CodeOf(errs[i]) == im.CodeReplaced && both[1-i] != nil {
			return c.lives(t, base, both[1-i])
		}
		must(t, errs[i])
	}
	start := time.Now()
	var loser int
	select {
	case <-both[0].ended:
	case <-both[1].ended:
		loser = 1
	case <-time.After(2 * time.Second):
		t.Fatal("both sessions of one device live after 2s")
	}
	took := time.Since(start)
	both[loser].wait(t, time.Second, "REPLACED", func(e event) bool {
		return e.fail != nil && e.fail.Id == 0 && im.ErrorCode(e.fail.Code) == im.CodeReplaced
	})
	c.lives(t, base, both[1-loser])
	return took
}

func (c *cell) lives(t *testing.T, d *device, k *link) time.Duration {
	t.Helper()
	if _, err := d.sync(k); err != nil {
		t.Fatalf("the other session does not live either: %v", err)
	}
	return 0
}
