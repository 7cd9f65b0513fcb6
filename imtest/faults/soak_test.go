package faults

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/internal/testenv/env"
)

// fault breaks something and returns what mends it.
type fault struct {
	name string
	what string // of two at a time each breaks something else
	do   func(t *testing.T, c *cell, chance *rand.Rand) (mend func())
}

func ofACS(breaks func(*testing.T, *server)) func(*testing.T, *cell, *rand.Rand) func() {
	return func(t *testing.T, c *cell, chance *rand.Rand) func() {
		s := c.acs[chance.IntN(numACS)]
		breaks(t, s)
		return func() { must(t, s.p.Signal(syscall.SIGCONT)) }
	}
}

func ofZone(breaks func(*testing.T, *env.MariaDB)) func(*testing.T, *cell, *rand.Rand) func() {
	return func(t *testing.T, c *cell, chance *rand.Rand) func() {
		z := c.zones[chance.IntN(len(c.zones))]
		breaks(t, z)
		return func() { _ = z.Signal(syscall.SIGCONT) }
	}
}

func ofLink(breaks func(*proc.Proxy)) func(*testing.T, *cell, *rand.Rand) func() {
	return func(_ *testing.T, c *cell, chance *rand.Rand) func() {
		p := c.acs[1+chance.IntN(numACS-1)].proxy // the first dials the others
		breaks(p)
		return p.Heal
	}
}

func ofClients(breaks func(*proc.Proxy)) func(*testing.T, *cell, *rand.Rand) func() {
	return func(_ *testing.T, c *cell, chance *rand.Rand) func() {
		p := c.acs[chance.IntN(numACS)].xmpp
		breaks(p)
		return p.Heal
	}
}

func nothing() {}

// faults that end a process have nothing to mend: cell.whole starts it again.
var faults = []fault{
	{"kill an ACS", "acs", func(_ *testing.T, c *cell, chance *rand.Rand) func() {
		c.acs[chance.IntN(numACS)].p.Kill()
		return nothing
	}},
	{"drain an ACS", "acs", func(t *testing.T, c *cell, chance *rand.Rand) func() {
		must(t, c.acs[chance.IntN(numACS)].p.Stop())
		return nothing
	}},
	{"freeze an ACS", "acs", ofACS(func(t *testing.T, s *server) { must(t, s.p.Signal(syscall.SIGSTOP)) })},
	{"kill a NAS", "nas", func(_ *testing.T, c *cell, chance *rand.Rand) func() {
		c.nas[chance.IntN(numNAS)].p.Kill()
		return nothing
	}},
	{"flush Redis", "redis", func(t *testing.T, c *cell, _ *rand.Rand) func() { c.flush(t); return nothing }},
	{"kill Redis", "redis", func(_ *testing.T, c *cell, _ *rand.Rand) func() { c.redis.Kill(); return nothing }},
	{"freeze Redis", "redis", func(t *testing.T, c *cell, _ *rand.Rand) func() {
		must(t, c.redis.Signal(syscall.SIGSTOP))
		return func() { must(t, c.redis.Signal(syscall.SIGCONT)) }
	}},
	{"freeze a zone", "zone", ofZone(func(t *testing.T, z *env.MariaDB) { must(t, z.Signal(syscall.SIGSTOP)) })},
	{"kill a zone", "zone", ofZone(func(_ *testing.T, z *env.MariaDB) { z.Kill() })},
	{"cut a link", "link", ofLink((*proc.Proxy).Cut)},
	{"freeze a link", "link", ofLink((*proc.Proxy).Freeze)},
	{"reset XMPP clients", "clients", ofClients(func(p *proc.Proxy) { p.Cut(); p.Heal() })},
	{"cut XMPP clients off", "clients", ofClients((*proc.Proxy).Cut)},
	{"freeze XMPP clients", "clients", ofClients((*proc.Proxy).Freeze)},
}

// Everything that can break breaks, one or two things at a time, in an order
// that the seed decides, for as long as -long says.
func TestSoak(t *testing.T) {
	if *longFlag == 0 {
		t.Skip("the soak runs when asked for: go test ./imtest/faults -run Soak -long 5m")
	}
	c, chance := theCell(t), seeded(t)
	l := c.startLoad(t, plan{deaf: 5 * time.Second, roam: 10 * time.Second})
	end := time.Now().Add(*longFlag)
	for n := 1; time.Now().Before(end); n++ {
		one, two := faults[chance.IntN(len(faults))], faults[chance.IntN(len(faults))]
		hold := time.Duration(500+chance.IntN(9000)) * time.Millisecond
		before, start, name := l.acks.Load(), time.Now(), one.name
		mend := []func(){one.do(t, c, chance)}
		if two.what != one.what && chance.IntN(2) == 0 {
			name += " and " + two.name
			mend = append(mend, two.do(t, c, chance))
		}
		<-time.After(hold) // the schedule is of times; what is judged is not
		for _, m := range mend {
			m()
		}
		c.whole(t)
		l.progress(t, 200)
		t.Logf("%3d %s for %v: %d acks in %v; %s", n, name, hold, l.acks.Load()-before, time.Since(start).Round(time.Millisecond), l.report())
	}
	l.finish(t)
	l.check(t)
	if l.acks.Load() < 5000 || l.duplicates.Load() < 50 {
		t.Errorf("the run was too weak to count: %s", l.report())
	}
}
