package faults

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// flush empties Redis.
func (c *cell) flush(t *testing.T) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", c.redis.Addr(), time.Second)
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("FLUSHALL\r\n"))
	must(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "+OK" {
		t.Fatalf("FLUSHALL was answered %q, %v", line, err)
	}
}

// recovered waits until NAS gives every ACS, and each node, its peers and
// Redis agree.
func (c *cell) recovered(t *testing.T) time.Duration {
	t.Helper()
	const limit = 15 * time.Second // contract, clause 9
	start := time.Now()
	for _, nas := range c.nas {
		until(t, limit, func() bool {
			got := make(map[string]bool)
			for range numACS {
				if a, err := c.allocate(nas); err == nil {
					got[a.Acs] = true
				}
			}
			return len(got) == numACS
		}, "%v does not name all ACS", nas)
	}
	var last []string
	until(t, max(limit-time.Since(start), time.Millisecond), func() bool {
		last = c.disagreements()
		return len(last) == 0
	}, "the nodes disagree: %v", &last)
	return time.Since(start)
}

// Redis forgets everything, and then goes away, while people talk.
func TestRedisLost(t *testing.T) {
	c := theCell(t)
	l := c.startLoad(t, plan{})
	known := c.xdevice(nameOf("xknown", 0, loads.Add(1)), "main")
	_, err := c.account(known.name)
	must(t, err)
	l.progress(t, 200)
	c.flush(t)
	t.Logf("after FLUSHALL all agreed again within %v", c.recovered(t).Round(time.Millisecond))
	l.progress(t, 200)

	c.redis.Kill()
	l.progress(t, 200)
	for i, acs := range c.acs { // an address that the client knows from before
		d := c.device(nameOf("known", i, loads.Add(1)), "main")
		k, err := d.login(acs.addr, nil)
		if err != nil {
			t.Errorf("a login at %v without Redis: %v", acs, err)
			continue
		}
		if _, err := d.sync(k); err != nil {
			t.Errorf("a session at %v without Redis: %v", acs, err)
		}
		k.close()
		x, err := known.open(t.Context(), acs)
		if err == nil {
			err = errors.Join(x.Bind(t.Context()), x.RoundTrip(t.Context()))
			x.Abort()
		}
		if err != nil {
			t.Errorf("an XMPP login at %v without Redis: %v", acs, err)
		}
	}
	if got := c.newcomers(t, 6); len(got) == 0 {
		t.Error("NAS gave no ACS while Redis was away; it should remember the last list")
	}
	l.progress(t, 200)
	must(t, c.redis.Start())
	t.Logf("after a restart all agreed again within %v", c.recovered(t).Round(time.Millisecond))
	l.progress(t, 200)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
	if n := l.reconnects.Load(); n > 0 {
		t.Errorf("%d sessions ended; none should have: %s", n, l.report())
	}
}
