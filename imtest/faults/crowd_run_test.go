package faults

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

var crowdFlag = flag.Int("crowd", 120, "members of the group that are online in TestGroupNodeKilled; 1000 for the full size")

// A node ends as by a power cut while a group talks. Everybody who was there comes back
// at another one, and has what he has missed, once and in order.
func TestGroupNodeKilled(t *testing.T) {
	c := theCell(t)
	start := time.Now()
	stage := func(what string) { t.Logf("%s after %v", what, time.Since(start).Round(time.Millisecond)) }
	g := c.gather(t, crowdPlan{members: *crowdFlag, writers: 8, pace: 200 * time.Millisecond})
	g.keeper.say(t, g.id, "all here")
	g.everybody(t, "all here")
	stage("everybody was there")
	g.progress(t, 40)
	c.acs[1].p.Kill()
	stage("a node was killed")
	g.progress(t, 40)
	must(t, c.acs[1].start())
	c.linked(t)
	stage("it was back")
	g.progress(t, 40)
	g.finish(t)
	stage("everybody had all")
	g.check(t)
	if n := g.reconnects.Load(); n == int64(len(g.all)) {
		t.Errorf("nobody had to come back")
	}
}

// Faults come one after the other while people come into a group, leave it and are
// removed: nobody reads what he was no member for.
func TestGroupChurns(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	g := c.gather(t, crowdPlan{members: 24, writers: 8, churners: 6, pace: 100 * time.Millisecond})
	g.progress(t, 50)
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
	g.finish(t)
	g.check(t)
}
