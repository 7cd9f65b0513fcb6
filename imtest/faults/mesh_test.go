package faults

import (
	"fmt"
	"testing"
	"time"

	crand "crypto/rand"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// talk is one conversation between two nodes, to measure how long a text
// takes.
type talk struct {
	t    *testing.T
	to   im.UserID
	a, b *link
	n    uint32
}

func (c *cell) talk(t *testing.T, from, to *server) *talk {
	t.Helper()
	run := loads.Add(1)
	alice, bob := c.device(nameOf("alice", 0, run), "main"), c.device(nameOf("bob", 0, run), "main")
	k := &talk{t: t}
	var err error
	k.a, err = alice.login(from.addr, nil)
	must(t, err)
	k.b, err = bob.login(to.addr, nil)
	must(t, err)
	k.to = bob.user
	t.Cleanup(func() { k.a.close(); k.b.close() })
	// Who has only just come may be unknown to the other node: the first text
	// is found by a second look, one to two seconds after the login.
	if d := k.once(4 * time.Second); d > 250*time.Millisecond {
		t.Logf("the first text after a login took %v", d.Round(time.Millisecond))
	}
	return k
}

// say sends a text, waits for its ack, and returns the function that waits for
// its arrival and says how long after the ack it came.
func (k *talk) say() func(limit time.Duration) time.Duration {
	k.t.Helper()
	k.n++
	n, body := k.n, fmt.Sprintf("text %d", k.n)
	var id im.ClientID
	crand.Read(id[:])
	must(k.t, k.a.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: n, To: uint64(k.to), ClientId: id[:], Text: body}))
	ack := k.a.wait(k.t, 3*time.Second, "the ack of "+body, func(e event) bool { return e.ack != nil && e.ack.Id == n })
	return func(limit time.Duration) time.Duration {
		k.t.Helper()
		e := k.b.wait(k.t, limit, "the arrival of "+body, func(e event) bool {
			return len(e.push) > 0 && e.push[len(e.push)-1].Text == body
		})
		return max(0, e.at.Sub(ack.at))
	}
}

func (k *talk) once(limit time.Duration) time.Duration {
	k.t.Helper()
	return k.say()(limit)
}

// The link between two ACS breaks while both, and their users, are well.
func TestMeshLinkCut(t *testing.T) {
	c := theCell(t)
	one, two := c.acs[0], c.acs[1] // the lower number dials
	k := c.talk(t, one, two)
	back := c.talk(t, two, one)
	x := c.xtalk(t, one, two)
	t.Logf("linked: %v and %v, by XMPP %v", k.once(2*time.Second), back.once(2*time.Second), x.once(2*time.Second))

	two.proxy.Cut()
	cut := k.once(2 * time.Second) // in the very moment of the break
	until(t, patience, func() bool { return one.links() == numACS-2 && two.links() == numACS-2 }, "the link is still up")
	worst := cut
	for range 5 {
		worst = max(worst, all(2*time.Second, k, back, x))
	}
	t.Logf("link down, Redis up: %v in the moment of the cut, then at most %v", cut, worst)
	fresh := c.talk(t, one, two) // people who come while the link is down
	xfresh := c.xtalk(t, two, one)
	t.Logf("link down, new people: %v, by XMPP %v", fresh.once(2*time.Second), xfresh.once(2*time.Second))

	c.redis.Kill()
	worst = 0
	for range 2 {
		worst = max(worst, all(10*time.Second, k, back, x))
	}
	t.Logf("link and Redis down: at most %v", worst)

	must(t, c.redis.Start())
	two.proxy.Heal()
	c.linked(t)
	for _, k := range []talker{k, back, fresh, x, xfresh} {
		if d := all(2*time.Second, k); d > 250*time.Millisecond {
			t.Errorf("a text took %v after the link had healed", d)
		}
	}
	c.recovered(t)
}

// A device comes back on the other side of a broken link: its old session has
// to end all the same.
func TestLoginAcrossACutLink(t *testing.T) {
	c := theCell(t)
	one, two := c.acs[0], c.acs[1]
	old := c.device(nameOf("early", 0, loads.Add(1)), "main")
	before, err := old.login(one.addr, nil)
	must(t, err)
	defer before.close()
	two.proxy.Cut()
	until(t, patience, func() bool { return one.links() == numACS-2 && two.links() == numACS-2 }, "the link is still up")
	c.comesBack(t, old, before, two, "a session from before the cut")

	late := c.device(nameOf("late", 0, loads.Add(1)), "main")
	during, err := late.login(one.addr, nil)
	must(t, err)
	defer during.close()
	c.comesBack(t, late, during, two, "a session from after the cut")
}

// comesBack logs the device in elsewhere and waits until its old session ends.
func (c *cell) comesBack(t *testing.T, d *device, old *link, at *server, what string) {
	t.Helper()
	k, err := d.login(at.addr, nil)
	must(t, err)
	defer k.close()
	start := time.Now()
	select {
	case <-old.ended:
		t.Logf("%s ended after %v", what, time.Since(start).Round(time.Millisecond))
	case <-time.After(2 * time.Second):
		t.Errorf("%s lives 2s after the same device has logged in elsewhere", what)
		return
	}
	if why := old.end(t); why != im.CodeReplaced.String() {
		t.Errorf("%s ended with %s; want REPLACED", what, why)
	}
}

// The network between two ACS swallows everything and says nothing. What was
// on the way then arrives soon after both have noticed, even what one of them
// sent when only the other had.
func TestMeshLinkFrozen(t *testing.T) {
	c := theCell(t)
	one, two := c.acs[0], c.acs[1]
	talks := []*talk{c.talk(t, one, two), c.talk(t, two, one)}
	two.proxy.Freeze()
	start := time.Now()
	var arrivals []func(time.Duration) time.Duration
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for one.links() != numACS-2 || two.links() != numACS-2 {
		for _, k := range talks {
			arrivals = append(arrivals, k.say())
		}
		if <-pace.C; time.Since(start) > patience {
			t.Fatal("the link is still up")
		}
	}
	noticed := time.Now()
	for _, arrived := range arrivals {
		arrived(35 * time.Second)
	}
	took := time.Since(noticed)
	t.Logf("both noticed after %v; the last of %d texts came %v later", noticed.Sub(start).Round(time.Millisecond), len(arrivals), took.Round(time.Millisecond))
	if limit := 2 * time.Second; took > limit {
		t.Errorf("the last text came %v after both nodes knew that the link was down; want %v at most", took, limit)
	}
	two.proxy.Heal()
	c.linked(t)
	for _, k := range talks {
		if d := k.once(2 * time.Second); d > 250*time.Millisecond {
			t.Errorf("a text took %v after the link had healed", d)
		}
	}
}
