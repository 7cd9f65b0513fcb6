package faults

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// join makes an XMPP user, if he is new, and logs him in at an ACS.
func (c *cell) join(t *testing.T, d *xdevice, at *server) *xlink {
	t.Helper()
	if _, err := c.account(d.name); err != nil && im.CodeOf(err) != im.CodeNameTaken {
		t.Fatal(err)
	}
	return d.at(t, at)
}

// at logs a client in at an ACS.
func (d *xdevice) at(t *testing.T, at *server) *xlink {
	t.Helper()
	k, err := d.login(t.Context(), at)
	must(t, err)
	t.Cleanup(k.close)
	return k
}

// xtalk is a conversation by XMPP between two nodes, as talk is by C-XX.
type xtalk struct {
	t    *testing.T
	a, b *xlink
	n    int
}

func (c *cell) xtalk(t *testing.T, from, to *server) *xtalk {
	t.Helper()
	run := loads.Add(1)
	k := &xtalk{t: t}
	k.a = c.join(t, c.xdevice(nameOf("xalice", 0, run), "main"), from)
	k.b = c.join(t, c.xdevice(nameOf("xbob", 0, run), "main"), to)
	must(t, k.b.send("<presence/>", nil))
	k.b.wait(t, 2*time.Second, "the own presence", func(e *xmlstream.Element) bool { return e.Local == "presence" })
	if d := k.once(4 * time.Second); d > 250*time.Millisecond {
		t.Logf("the first text by XMPP after a login took %v", d.Round(time.Millisecond))
	}
	return k
}

// say sends a text, waits for its acknowledgement, and returns the function that
// waits for its arrival and says how long after that it came.
func (k *xtalk) say() func(limit time.Duration) time.Duration {
	k.t.Helper()
	k.n++
	body := fmt.Sprintf("text %d", k.n)
	must(k.t, k.a.send(fmt.Sprintf("<message to='%s' type='chat'><body>%s</body></message>", k.b.d.bare(), body), nil))
	must(k.t, k.a.request())
	ack := k.a.wait(k.t, 3*time.Second, "the acknowledgement of "+body, func(e *xmlstream.Element) bool { return e.Is(nsSM, "a") })
	_, err := k.a.d.sm.ack(ack.e)
	must(k.t, err)
	if n := len(k.a.d.sm.out); n > 0 {
		k.t.Fatalf("%s: %v leaves %d stanzas", body, ack.e, n)
	}
	return func(limit time.Duration) time.Duration {
		k.t.Helper()
		come := k.b.wait(k.t, limit, "the arrival of "+body, func(e *xmlstream.Element) bool {
			return e.ChildText(stanza.NSClient, "body") == body
		})
		return max(0, come.at.Sub(ack.at))
	}
}

func (k *xtalk) once(limit time.Duration) time.Duration {
	k.t.Helper()
	return k.say()(limit)
}

// talker says something in a conversation.
type talker interface {
	say() func(limit time.Duration) time.Duration
}

// all lets several speak at once and returns the longest time that it took.
func all(limit time.Duration, list ...talker) (worst time.Duration) {
	var arrived []func(time.Duration) time.Duration
	for _, k := range list {
		arrived = append(arrived, k.say())
	}
	for _, f := range arrived {
		worst = max(worst, f(limit))
	}
	return worst
}

// The network breaks the streams of XMPP clients again and again. Each resumes;
// what was on the way is sent again, once, in order, though no text has an
// origin-id.
func TestXMPPStreamsReset(t *testing.T) {
	c, chance := theCell(t), seeded(t)
	l := c.startLoad(t, plan{stay: true})
	const times = 10
	for range times {
		l.progress(t, 60)
		p := c.acs[chance.IntN(numACS)].xmpp
		p.Cut()
		p.Heal()
	}
	l.progress(t, 100)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
	if resumed, refused := l.resumptions(); resumed < times || refused > 0 {
		t.Errorf("%d sessions were resumed, %d were refused", resumed, refused)
	}
}

// One resource logs in on another ACS: the older stream ends with a conflict,
// also when the two ACS have no link, and cannot be resumed.
func TestXMPPLoginElsewhere(t *testing.T) {
	c := theCell(t)
	one, two := c.acs[0], c.acs[1]
	name := nameOf("xtwice", 0, loads.Add(1))
	for _, cut := range []bool{false, true} {
		old := c.xdevice(name, "main")
		before := c.join(t, old, one)
		if cut {
			two.proxy.Cut()
			until(t, patience, func() bool { return one.links() == numACS-2 && two.links() == numACS-2 }, "the link is still up")
		}
		after := c.xdevice(name, "main").at(t, two)
		start := time.Now()
		c.ends(t, before, "conflict")
		t.Logf("link cut: %v: the older stream was told after %v", cut, time.Since(start).Round(time.Millisecond))
		after.alive(t)
		if again := old.at(t, one); !again.fresh {
			t.Error("a session that was replaced was resumed")
		}
		c.ends(t, after, "conflict")
	}
}

// Of two logins of one resource at the same time, one lives.
func TestXMPPLoginRace(t *testing.T) {
	c := theCell(t)
	name := nameOf("xrace", 0, loads.Add(1))
	_, err := c.account(name)
	must(t, err)
	const rounds = 15
	var worst time.Duration
	for range rounds {
		var both [2]*xlink
		var errs [2]error
		var wg sync.WaitGroup
		for i := range both {
			wg.Go(func() { both[i], errs[i] = c.xdevice(name, "main").login(t.Context(), c.acs[i]) })
		}
		wg.Wait()
		worst = max(worst, oneLives(t, both, errs))
	}
	t.Logf("%d races, the loser was told after at most %v", rounds, worst.Round(time.Millisecond))
}

func oneLives(t *testing.T, both [2]*xlink, errs [2]error) time.Duration {
	t.Helper()
	for i, k := range both {
		if k == nil { // the other was there already
			if both[1-i] == nil {
				t.Fatalf("neither could log in: %v, %v", errs[0], errs[1])
			}
			both[1-i].alive(t)
			both[1-i].close()
			return 0
		}
	}
	defer both[0].close()
	defer both[1].close()
	start, loser := time.Now(), 0
	select {
	case <-both[0].ended:
	case <-both[1].ended:
		loser = 1
	case <-time.After(2 * time.Second):
		t.Fatal("both sessions of one resource live after 2s")
	}
	took := time.Since(start)
	if why := both[loser].end(t); why != "conflict" {
		t.Errorf("the loser of a race was told %q; want conflict", why)
	}
	both[1-loser].alive(t)
	return took
}

// A device is revoked while it is connected, and while it may resume.
func TestXMPPRevoked(t *testing.T) {
	c := theCell(t)
	one, two := c.acs[0], c.acs[1]
	d := c.xdevice(nameOf("xrevoked", 0, loads.Add(1)), "main")
	k := c.join(t, d, one)
	start := time.Now()
	c.revoke(t, two, d)
	c.ends(t, k, "not-authorized")
	t.Logf("a stream ended %v after its device was revoked elsewhere", time.Since(start).Round(time.Millisecond))
	k = d.at(t, one)
	if !k.fresh {
		t.Error("the session of a revoked device was resumed")
	}
	k.close()
	c.revoke(t, two, d)
	until(t, 5*time.Second, func() bool {
		again, err := d.login(t.Context(), one)
		must(t, err)
		fresh := again.fresh
		again.close()
		return fresh
	}, "the session of a revoked device can be resumed")
}

// revoke revokes the one device of a user.
func (c *cell) revoke(t *testing.T, by *server, d *xdevice) {
	t.Helper()
	list, err := by.api().Devices(t.Context(), d.bare())
	must(t, err)
	list = slices.DeleteFunc(list, func(d im.Device) bool { return d.Revoked })
	if len(list) != 1 {
		t.Fatalf("the devices of %s are %v", d.name, list)
	}
	must(t, by.api().RevokeDevice(t.Context(), d.bare(), list[0].ID))
}

// ends waits until a stream has ended, and not late, for a reason.
func (c *cell) ends(t *testing.T, k *xlink, want string) {
	t.Helper()
	select {
	case <-k.ended:
	case <-time.After(2 * time.Second):
		t.Fatalf("a stream lives on after 2s that should have ended with %s", want)
	}
	if why := k.end(t); why != want {
		t.Errorf("a stream ended with %q; want %s", why, want)
	}
}

// alive makes a round trip.
func (k *xlink) alive(t *testing.T) {
	t.Helper()
	must(t, k.request())
	k.wait(t, 3*time.Second, "an answer", func(e *xmlstream.Element) bool { return e.Is(nsSM, "a") })
}

// A client that has never asked the archive comes online after more was written
// to it than it may leave unacknowledged: it gets the most that it may get
// (XEP-0160), no faster than it acknowledges, and then what comes live.
func TestXMPPManyOfflineMessages(t *testing.T) {
	c := theCell(t)
	const limit, more = 1000, 20 // the default of xmpp.session.offline_limit
	d := c.xdevice(nameOf("xoffline", 0, loads.Add(1)), "main")
	_, err := c.account(d.name)
	must(t, err)
	c.flood(t, c.acs[1], []string{d.name}, limit, 2000, 64)
	k := d.at(t, c.acs[0])
	must(t, k.send("<presence/>", nil))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.flood(t, c.acs[1], []string{d.name}, more, 2000, 64)
	}()
	last := uint64(0)
	for n := range limit + more {
		ev := k.wait(t, 10*time.Second, fmt.Sprintf("message %d", n+1), func(e *xmlstream.Element) bool { return e.Local == "message" })
		seq := placeOf(ev.e, d.bare())
		if seq <= last {
			t.Fatalf("message %d has the place %d; the one before it %d", n+1, seq, last)
		}
		last = seq
	}
	<-done
	k.alive(t)
}
