package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cell with alice and bob, in a bubble with its own clock.
type world struct {
	t          *testing.T
	cell       *clienttest.Cell
	alice, bob im.UserID
}

func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		cell := clienttest.New()
		w := &world{t: t, cell: cell, alice: cell.AddUser("alice", "secret-a"), bob: cell.AddUser("bob", "secret-b")}
		defer cell.Close()
		test(t, w)
	})
}

func (w *world) options(name string) client.Options {
	return client.Options{
		NAS: []string{clienttest.NAS}, Addr: name + "@example.org", Password: "secret-" + name[:1],
		Plaintext: true, Dialer: w.cell.Dial, Rand: func() float64 { return 0.5 },
	}
}

func (w *world) open(o client.Options) *client.Client {
	w.t.Helper()
	c, err := client.Open(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) dial(o client.Options) *client.Client {
	w.t.Helper()
	c, err := client.Dial(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// next returns the next event of type E; in the bubble a minute costs nothing.
func next[E client.Event](t *testing.T, c *client.Client) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for {
		ev, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %T: %v", *new(E), err)
		}
		if e, ok := ev.(E); ok {
			return e
		}
	}
}

func texts(t *testing.T, c *client.Client, n int) (list []string) {
	t.Helper()
	var last uint64
	for range n {
		m := next[client.Message](t, c)
		if m.Seq <= last {
			t.Fatalf("seq %d came after %d", m.Seq, last)
		}
		last = m.Seq
		list = append(list, m.Text)
	}
	return list
}

func memory() state.Store { return keepOpen{state.Memory()} }

// keepOpen lets one store be used by several clients, one after the other.
type keepOpen struct{ state.Store }

func (keepOpen) Close() error { return nil }

// pass lets the bubble's clock run on.
func pass(d time.Duration) { <-time.After(d) }
