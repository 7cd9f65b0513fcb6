package faults

import (
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// An ACS dies without a word while people talk.
func TestACSKilled(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	l := c.startLoad(t, plan{})
	l.progress(t, 300)
	victim := c.acs[chance.IntN(numACS)]
	concerned := l.usersOn(victim)
	victim.p.Kill()
	killed := time.Now()
	until(t, patience, func() bool { return l.usersOn(victim) == 0 }, "users of %v have not moved", victim)
	moved := time.Since(killed)
	l.progress(t, 300)
	must(t, victim.start())
	c.linked(t)
	l.progress(t, 300)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
	if n := l.reconnects.Load(); concerned == 0 || n < int64(concerned) {
		t.Errorf("%d devices were on the ACS that was killed, and %d reconnected", concerned, n)
	}
	// Each refusal was item-not-found, or the login would have failed.
	if resumed, refused := l.resumptions(); resumed > 0 || refused == 0 {
		t.Errorf("%d XMPP sessions of the ACS that was killed were resumed, %d were not", resumed, refused)
	}
	t.Logf("%v killed with %d users; the last was elsewhere after %v", victim, concerned, moved.Round(time.Millisecond))
}

// An ACS stands still for longer than its lease and wakes up again: it thinks
// that nothing has happened.
func TestACSFrozen(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	l := c.startLoad(t, plan{deaf: 2 * time.Second, zombies: true})
	l.progress(t, 200)
	victim := c.acs[chance.IntN(numACS)]
	concerned := l.usersOn(victim)
	must(t, victim.p.Signal(syscall.SIGSTOP))
	defer victim.p.Signal(syscall.SIGCONT)
	frozen := time.Now()
	c.named(t, victim, false) // its lease is over
	until(t, patience, func() bool { return l.usersOn(victim) == 0 }, "users of %v have not moved", victim)
	moved := time.Since(frozen)
	l.progress(t, 300)
	must(t, victim.p.Signal(syscall.SIGCONT))
	awake := time.Now()
	l.mu.Lock()
	zombies := l.zombies
	l.mu.Unlock()
	ends := make(map[string]int)
	for _, z := range zombies {
		ends[z.end(t)]++
	}
	t.Logf("%v frozen with %d users; the last was elsewhere after %v; %d old sessions ended within %v of waking: %v",
		victim, concerned, moved.Round(time.Millisecond), len(zombies), time.Since(awake).Round(time.Millisecond), ends)
	if len(zombies) < concerned || ends[im.CodeReplaced.String()] == 0 || ends["conflict"] == 0 {
		t.Errorf("want %d old sessions or more, ended with REPLACED and, by XMPP, conflict", concerned)
	}
	c.linked(t)
	l.progress(t, 200)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
}

// end waits for the end of an old connection and says what was told.
func (k *link) end(t *testing.T) string {
	t.Helper()
	limit := time.After(15 * time.Second)
	for {
		select {
		case e := <-k.events:
			if e.fail != nil && e.fail.Id == 0 {
				return im.ErrorCode(e.fail.Code).String()
			}
		case <-k.ended:
			for len(k.events) > 0 {
				if e := <-k.events; e.fail != nil && e.fail.Id == 0 {
					return im.ErrorCode(e.fail.Code).String()
				}
			}
			return "closed"
		case <-limit:
			t.Fatal("a session of a frozen ACS lives on beside its successor")
		}
	}
}

// An ACS is asked to stop while people talk.
func TestACSDrained(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	l := c.startLoad(t, plan{})
	l.progress(t, 300)
	victim := c.acs[chance.IntN(numACS)]
	concerned := l.usersOn(victim)
	start := time.Now()
	if err := victim.p.Stop(); err != nil {
		t.Errorf("%v ended with %v", victim, err)
	}
	took := time.Since(start)
	if limit := 15 * time.Second; took > limit {
		t.Errorf("%v took %v to stop; want %v at most", victim, took, limit)
	}
	l.progress(t, 300)
	must(t, victim.start())
	c.linked(t)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
	if n := l.goAways.Load(); concerned == 0 || n < int64(concerned) {
		t.Errorf("%d users were on the ACS that stopped, and %d were told", concerned, n)
	}
	if n := l.abandoned.Load(); n > 0 {
		t.Errorf("%d connections went silent", n)
	}
	if n := l.closes["system-shutdown"]; n == 0 {
		t.Errorf("no stream ended with system-shutdown: %v", l.closes)
	}
	t.Logf("%v stopped with %d users in %v", victim, concerned, took.Round(time.Millisecond))
}
