package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/presence"
	"github.com/cxx-im/cxx/presence/memory"
	"github.com/cxx-im/cxx/presence/presencetest"
)

var (
	_ presence.Registry = (*memory.Registry)(nil)
	_ acs.Registry      = presence.Registry(nil)
)

func TestContract(t *testing.T) {
	presencetest.Run(t, func(t *testing.T) presencetest.Cell {
		clock := &clock{now: time.Unix(1_700_000_000, 0)}
		r := memory.New(clock.Now)
		return presencetest.Cell{A: r, B: r, Forget: r.Forget, Expire: func(id im.NodeID) {
			// Everybody else renews while the clock passes the lease of one.
			nodes, err := r.Nodes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			clock.Advance(presencetest.Lease / 2)
			for _, n := range nodes {
				if n.ID != id {
					if _, err := r.Announce(t.Context(), n, presencetest.Lease); err != nil {
						t.Fatal(err)
					}
				}
			}
			clock.Advance(presencetest.Lease / 2)
		}}
	})
}

type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
