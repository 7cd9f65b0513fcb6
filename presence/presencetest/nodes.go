package presencetest

import (
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func announceKnown(t *testing.T, c Cell) {
	n := Node(1, 10)
	announce(t, c.A, n, false)
	announce(t, c.A, n, true)
	c.Expire(1)
	announce(t, c.A, n, false)
	announce(t, c.A, n, true)
}

func olderEpoch(t *testing.T, c Cell) {
	// Neighbours above 2^53 that a float would take for equal.
	const epoch = 1<<62 + 1
	announce(t, c.A, Node(1, epoch), false)
	for _, older := range []uint64{epoch - 1, 9} {
		_, err := c.B.Announce(t.Context(), Node(1, older), Lease)
		if im.CodeOf(err) != im.CodeConflict {
			t.Fatalf("an older epoch was answered %v, want CONFLICT", err)
		}
	}
	announce(t, c.A, Node(1, epoch), true)
}

func newerEpoch(t *testing.T, c Cell) {
	announce(t, c.A, Node(1, 999), false)
	announce(t, c.B, Node(1, 1000), false)
	announce(t, c.B, Node(1, 1000), true)
	expectNodes(t, c, Node(1, 1000))
	_, err := c.A.Announce(t.Context(), Node(1, 999), Lease)
	if im.CodeOf(err) != im.CodeConflict {
		t.Fatalf("the replaced incarnation was answered %v, want CONFLICT", err)
	}
}

func nodesInOrder(t *testing.T, c Cell) {
	expectNodes(t, c)
	a, b, z := Node(1, 5), Node(2, 1<<63), Node(300, 6)
	announce(t, c.A, z, false)
	announce(t, c.A, a, false)
	announce(t, c.B, b, false)
	expectNodes(t, c, a, b, z)
	a.Sessions, a.Draining = 8, false
	announce(t, c.A, a, true)
	expectNodes(t, c, a, b, z)
}

func nodeExpires(t *testing.T, c Cell) {
	announce(t, c.A, Node(1, 5), false)
	announce(t, c.B, Node(2, 6), false)
	c.Expire(1)
	expectNodes(t, c, Node(2, 6))
}

func withdrawOwn(t *testing.T, c Cell) {
	old, young, other := Node(1, 5), Node(1, 6), Node(2, 7)
	announce(t, c.A, old, false)
	put(t, c.A, Session(50, old, 1))
	announce(t, c.A, young, false)
	announce(t, c.B, other, false)
	s1, s2 := Session(50, young, 2), Session(50, other, 3)
	put(t, c.A, s1)
	put(t, c.B, s2)
	// The process that was replaced leaves late; it must not take its successor.
	if err := c.A.Withdraw(t.Context(), 1, 5); err != nil {
		t.Fatal(err)
	}
	expectNodes(t, c, young, other)
	expect(t, c.B, 50, s1, s2)
	if err := c.A.Withdraw(t.Context(), 1, 6); err != nil {
		t.Fatal(err)
	}
	expectNodes(t, c, other)
	expect(t, c.B, 50, s2)
	if gone := sweep(t, c.B); len(gone) != 0 {
		t.Fatalf("a withdrawn node left sessions to sweep: %+v", gone)
	}
}

func comesBackEmpty(t *testing.T, c Cell) {
	n, other := Node(1, 5), Node(2, 6)
	announce(t, c.A, n, false)
	announce(t, c.B, other, false)
	s := Session(50, n, 1)
	put(t, c.A, s)
	c.Forget()
	expectNodes(t, c)
	expect(t, c.B, 50)
	announce(t, c.A, n, false)
	announce(t, c.B, other, false)
	expect(t, c.B, 50)
	put(t, c.A, s)
	expect(t, c.B, 50, s)
	announce(t, c.A, n, true)
}

func expectNodes(t *testing.T, c Cell, want ...im.Node) {
	t.Helper()
	got, err := c.B.Nodes(t.Context())
	if err != nil {
		t.Fatalf("Nodes: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("nodes are\n%+v\nwant\n%+v", got, want)
	}
}
