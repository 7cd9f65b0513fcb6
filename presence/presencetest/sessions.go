package presencetest

import (
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func putLookupRemove(t *testing.T, c Cell) {
	a, b := Node(1, 5), Node(2, 6)
	announce(t, c.A, a, false)
	announce(t, c.B, b, false)
	s1, s2, s3 := Session(50, a, 1), Session(50, b, 1), Session(51, a, 2)
	bare := im.SessionInfo{SessionKey: im.SessionKey{User: 52, Node: 1, NodeEpoch: 5, Session: 1<<64 - 1}}
	put(t, c.A, s1, s3, bare)
	put(t, c.B, s2)
	expect(t, c.A, 50, s1, s2)
	expect(t, c.B, 51, s3)
	expect(t, c.B, 52, bare)
	remove(t, c.A, s1.SessionKey, bare.SessionKey)
	remove(t, c.A, s1.SessionKey)
	expect(t, c.A, 50, s2)
	expect(t, c.A, 52)
}

func putReplaces(t *testing.T, c Cell) {
	n := Node(1, 5)
	announce(t, c.A, n, false)
	s := Session(50, n, 1)
	put(t, c.A, s)
	s.Presence = im.Presence{Show: im.ShowDND}
	put(t, c.A, s)
	expect(t, c.B, 50, s)
}

func diesWithEpoch(t *testing.T, c Cell) {
	old, young := Node(1, 5), Node(1, 6)
	announce(t, c.A, old, false)
	put(t, c.A, Session(50, old, 1))
	announce(t, c.A, young, false)
	expect(t, c.B, 50)
	s := Session(50, young, 1)
	put(t, c.A, s)
	expect(t, c.B, 50, s)
	remove(t, c.A, Session(50, old, 1).SessionKey)
	expect(t, c.B, 50, s)
}

func unseenWithoutLease(t *testing.T, c Cell) {
	n := Node(1, 5)
	s := Session(50, n, 1)
	put(t, c.A, s)
	expect(t, c.B, 50)
	announce(t, c.A, n, false)
	expect(t, c.B, 50, s)
	c.Expire(1)
	expect(t, c.B, 50)
	announce(t, c.A, n, false)
	expect(t, c.B, 50, s)
}

func many(t *testing.T, c Cell) {
	const users = 6000
	n := Node(1, 5)
	announce(t, c.A, n, false)
	all := make([]im.SessionInfo, 0, users)
	keys := make([]im.SessionKey, 0, users)
	ids := make([]im.UserID, 0, users)
	for i := range users {
		s := Session(im.UserID(1000+i), n, im.SessionID(i+1))
		all, keys, ids = append(all, s), append(keys, s.SessionKey), append(ids, s.User)
	}
	put(t, c.A, all...)
	got, err := c.B.Lookup(t.Context(), append(ids, ids[:10]...))
	if err != nil || len(got) != users {
		t.Fatalf("Lookup gave %d users, %v; want %d", len(got), err, users)
	}
	for _, s := range all {
		same(t, got[s.User], []im.SessionInfo{s})
	}
	remove(t, c.A, keys[1:]...)
	got, err = c.B.Lookup(t.Context(), ids)
	if err != nil || len(got) != 1 {
		t.Fatalf("Lookup gave %d users, %v; want 1", len(got), err)
	}
	c.Expire(1)
	same(t, sweep(t, c.B), all[:1])
}

func empty(t *testing.T, c Cell) {
	put(t, c.A)
	remove(t, c.A)
	got, err := c.A.Lookup(t.Context(), nil)
	if err != nil || len(got) != 0 {
		t.Fatalf("Lookup of nobody = %v, %v", got, err)
	}
	if err := c.A.Ring(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.A.Withdraw(t.Context(), 9, 9); err != nil {
		t.Fatal(err)
	}
	if gone := sweep(t, c.A); len(gone) != 0 {
		t.Fatalf("swept %+v from nothing", gone)
	}
}

func sweepDead(t *testing.T, c Cell) {
	a, b := Node(1, 5), Node(2, 6)
	announce(t, c.A, a, false)
	announce(t, c.B, b, false)
	var dead []im.SessionInfo
	for i := range 1234 {
		dead = append(dead, Session(im.UserID(50+i/2), a, im.SessionID(i+1)))
	}
	alive := Session(50, b, 1)
	put(t, c.A, dead...)
	put(t, c.B, alive)
	left := Session(60, a, 77777)
	put(t, c.A, left)
	remove(t, c.A, left.SessionKey)
	if gone := sweep(t, c.B); len(gone) != 0 {
		t.Fatalf("swept %d sessions of living nodes", len(gone))
	}
	c.Expire(1)
	same(t, sweep(t, c.B), dead)
	if gone := sweep(t, c.B); len(gone) != 0 {
		t.Fatalf("swept %d sessions twice", len(gone))
	}
	expect(t, c.B, 50, alive)
	// A node that had only been slow puts its sessions again.
	announce(t, c.A, a, false)
	put(t, c.A, dead[0])
	expect(t, c.B, 50, alive, dead[0])
}

func sweepReplaced(t *testing.T, c Cell) {
	old, young := Node(1, 5), Node(1, 6)
	announce(t, c.A, old, false)
	s1 := Session(50, old, 1)
	put(t, c.A, s1)
	announce(t, c.A, young, false)
	s2 := Session(50, young, 1)
	put(t, c.A, s2)
	same(t, sweep(t, c.B), []im.SessionInfo{s1})
	expect(t, c.B, 50, s2)
}

// sweepOnce lets several sweep at once: together they get every session once.
func sweepOnce(t *testing.T, c Cell) {
	n := Node(1, 5)
	announce(t, c.A, n, false)
	var dead []im.SessionInfo
	for i := range 2000 {
		dead = append(dead, Session(im.UserID(50+i), n, 1))
	}
	put(t, c.A, dead...)
	c.Expire(1)
	var mu sync.Mutex // guards got, workers
	var got []im.SessionInfo
	workers := 0
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			r := c.A
			if i%2 == 1 {
				r = c.B
			}
			gone, err := r.Sweep(t.Context())
			if err != nil {
				t.Errorf("Sweep: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, gone...)
			if len(gone) > 0 {
				workers++
			}
		})
	}
	wg.Wait()
	same(t, got, dead)
	if workers != 1 {
		t.Fatalf("%d sweepers got work, want 1", workers)
	}
}
