package faults

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

var (
	crowdFlag = flag.Int("crowd", 80, "members of the group of TestGroupNodeKilled; 1000 for the full size")
	manyFlag  = flag.Int("many", 800, "members of the group of TestGroupOfMany; 10000 for the full size")
)

// A node ends as by a power cut while a group talks whose members are all online.
// Everybody who was there comes back at another one, and has what he has missed, once
// and in order; so has who comes late.
func TestGroupNodeKilled(t *testing.T) {
	theCell(t).killedAmid(t, crowdPlan{online: *crowdFlag, late: *crowdFlag / 10})
}

// The same in a group most of whose members are offline.
func TestGroupOfMany(t *testing.T) {
	p := crowdPlan{online: min(300, *manyFlag/20), late: min(300, *manyFlag/20) / 10}
	p.offline = *manyFlag - 1 - p.online - p.late // and the owner
	theCell(t).killedAmid(t, p)
}

// killedAmid lets a crowd talk while a node is killed, and checks what everybody got.
func (c *cell) killedAmid(t *testing.T, p crowdPlan) {
	t.Helper()
	p.writers = 8
	p.pace = max(200*time.Millisecond, time.Duration(p.online)*time.Millisecond) // what two cores can deliver
	g := c.gather(t, p)
	g.say(t, "all here")
	g.where(t)
	g.leave()
	g.progress(t, 40)
	c.acs[1].p.Kill()
	g.stage(t, "a node was killed")
	g.progress(t, 40)
	g.where(t)
	g.arrive()
	g.progress(t, 20)
	must(t, c.acs[1].start())
	c.linked(t)
	g.stage(t, "it was back")
	g.progress(t, 40)
	g.finish(t)
	g.check(t)
	c.recovered(t)
	if g.reconnects.Load() == 0 {
		t.Error("nobody had to come back")
	}
}

// Faults come one after the other while people come into a group, leave it and are
// removed: nobody reads what he was no member for.
func TestGroupChurns(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	g := c.gather(t, crowdPlan{online: 20, late: 4, churners: 6, writers: 8, pace: 100 * time.Millisecond})
	g.progress(t, 50)
	g.leave()
	for _, f := range []func() func(){
		func() func() { p := c.acs[1+chance.IntN(numACS-1)].proxy; p.Cut(); return p.Heal },
		func() func() { c.acs[chance.IntN(numACS)].p.Kill(); return nothing },
		func() func() { c.flush(t); return nothing },
		func() func() {
			z := c.zones[chance.IntN(len(c.zones))]
			must(t, z.Signal(syscall.SIGSTOP))
			return func() { must(t, z.Signal(syscall.SIGCONT)) }
		},
		func() func() { p := c.acs[chance.IntN(numACS)].xmpp; p.Cut(); return p.Heal },
	} {
		mend := f()
		<-time.After(time.Second) // how long it lasts; what is judged is not of time
		mend()
		c.whole(t)
		g.progress(t, 50)
	}
	g.arrive()
	g.finish(t)
	g.check(t)
	c.recovered(t)
}
