package acs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// XEP-0191 section 6, "JID Matching".
func TestCovers(t *testing.T) {
	a := func(s string) im.Addr {
		addr, err := im.ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		return addr
	}
	for _, c := range []struct {
		entry, addr string
		want        bool
	}{
		{"u@d/r", "u@d/r", true},
		{"u@d/r", "u@d/s", false},
		{"u@d/r", "u@d", false},
		{"u@d", "u@d", true},
		{"u@d", "u@d/r", true},
		{"u@d", "v@d", false},
		{"u@d", "d", false},
		{"d/r", "d/r", true},
		{"d/r", "d", false},
		{"d/r", "d/s", false},
		{"d/r", "u@d/r", false},
		{"d", "d", true},
		{"d", "u@d", true},
		{"d", "u@d/r", true},
		{"d", "d/r", true},
		{"d", "x.d", false},
		{"d", "u@e", false},
	} {
		list := []im.Addr{a("other@elsewhere"), a(c.entry)}
		for len(list) < 2*longList {
			if got := newBlockSet(list).covers(a(c.addr)); got != c.want {
				t.Errorf("an entry %s of %d covers %s: %v", c.entry, len(list), c.addr, got)
			}
			list = append(list, im.Addr{Local: "x", Domain: fmt.Sprintf("e%d", len(list))})
		}
	}
}

func (w *world) get(t *testing.T, u im.UserID) []im.Addr {
	t.Helper()
	l, err := w.blocks.get(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if l == nil {
		return nil
	}
	return l.addrs
}

func (w *world) wantReads(t *testing.T, want int) {
	t.Helper()
	if n := w.store.calls("blocks"); n != want {
		t.Errorf("%d lists were read; want %d", n, want)
	}
}

// A list is read once, and again when something may have changed it unheard.
func TestBlocksAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.blocked = map[im.UserID][]im.Addr{bob: {addrOf(alice)}}
		var wg sync.WaitGroup
		w.store.on("blocks", func() { <-time.After(time.Second) })
		for range 10 { // those who come meanwhile wait for the one read
			wg.Go(func() { w.get(t, bob) })
		}
		wg.Wait()
		w.wantReads(t, 1)
		advance(blocksHold - 2*time.Second)
		w.get(t, bob)
		w.wantReads(t, 1)
		advance(2 * time.Second)
		w.get(t, bob)
		w.wantReads(t, 2)
		w.Receive(2, im.Envelope{Blocks: &im.Blocks{User: alice}})
		w.get(t, bob)
		w.wantReads(t, 2)
		w.Receive(2, im.Envelope{Blocks: &im.Blocks{User: bob}})
		w.get(t, bob)
		w.wantReads(t, 3)
		advance(time.Millisecond)
		w.LinkUp(2, 5)
		w.get(t, bob)
		w.wantReads(t, 4)
		advance(time.Millisecond)
		w.LinkDown(2, 5) // from now on nobody says what changes there
		w.get(t, bob)
		advance(blocksHoldAway - time.Second)
		w.get(t, bob)
		w.wantReads(t, 5)
		advance(time.Second)
		w.get(t, bob)
		w.wantReads(t, 6)
	})
}

// A list that changes while it is being read is read again.
func TestBlocksChangeDuringTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.on("blocks", func() { w.blocks.drop(bob) })
		w.get(t, bob)
		w.wantReads(t, 2)
		w.get(t, bob)
		w.wantReads(t, 2)
	})
}

// While the storage is away, what was known last has to do; who gives up does
// not take those who wait beside him along.
func TestBlocksWithoutStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.blocked = map[im.UserID][]im.Addr{bob: {addrOf(alice)}}
		away := im.Errorf(im.CodeZoneUnavailable, "")
		w.store.failing("blocks", away)
		if _, err := w.blocks.get(t.Context(), bob); !errors.Is(err, away) {
			t.Errorf("got %v", err)
		}
		w.store.failing("blocks", nil)
		w.get(t, bob)
		w.store.failing("blocks", away)
		advance(2 * blocksHold)
		if l := w.get(t, bob); !slices.Equal(l, []im.Addr{addrOf(alice)}) {
			t.Errorf("the list is %v", l)
		}
		w.store.failing("blocks", nil)
		ctx, cancel := context.WithCancel(t.Context())
		w.store.on("blocks", func() { cancel(); <-time.After(time.Second) })
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := w.blocks.get(ctx, 9); err == nil {
				t.Error("who has given up got an answer")
			}
		})
		advance(time.Millisecond)
		wg.Go(func() { w.get(t, 9) })
		wg.Wait()
	})
}

func TestBlocksAreBounded(t *testing.T) {
	w := newWorld(t)
	for u := range maxBlockLists + 10 {
		w.blocks.mu.Lock()
		w.blocks.putLocked(&blockList{user: im.UserID(u + 1), at: w.now()})
		w.blocks.mu.Unlock()
		if u%1000 == 0 {
			w.blocks.peek(1) // is used, so it stays
		}
	}
	if n := len(w.blocks.lists); n != maxBlockLists || w.blocks.recent.Len() != n {
		t.Errorf("%d lists, %d in order; want %d", n, w.blocks.recent.Len(), maxBlockLists)
	}
	if _, ok := w.blocks.peek(1); !ok {
		t.Error("the list that is used was forgotten")
	}
	if _, ok := w.blocks.peek(2); ok {
		t.Error("the oldest list is still there")
	}
	long := newBlockSet(make([]im.Addr, maxBlockAddrs/2))
	w.blocks.mu.Lock()
	defer w.blocks.mu.Unlock()
	for u := range im.UserID(5) {
		w.blocks.putLocked(&blockList{user: u + 1, set: long, at: w.now()})
	}
	if w.blocks.addrs > maxBlockAddrs || w.blocks.lists[5] == nil {
		t.Errorf("%d addresses are kept", w.blocks.addrs)
	}
	for u := range im.UserID(5) {
		w.blocks.removeLocked(u + 1)
	}
	if w.blocks.addrs != 0 {
		t.Errorf("of no lists %d addresses are counted", w.blocks.addrs)
	}
}

// XEP-0191 sections 3.2 to 3.5: the list, its log and what cannot be on it.
func TestBlockList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		x, y, z := im.Addr{Domain: "spam.example"}, addrOf(bob), im.Addr{Domain: "unknown.example"}
		wantCode(t, a.Block(t.Context(), nil), im.CodeInvalid)
		wantCode(t, a.Block(t.Context(), []im.Addr{{Local: "x"}}), im.CodeInvalid)
		wantCode(t, a.Block(t.Context(), []im.Addr{addrOf(alice)}), im.CodeInvalid)
		for _, do := range []error{
			a.Block(t.Context(), []im.Addr{x, y, x}),
			a.Block(t.Context(), []im.Addr{y}), // is there already
			a.Unblock(t.Context(), []im.Addr{y, z, y}),
			a.Block(t.Context(), []im.Addr{y}),
			a.Unblock(t.Context(), nil),
			a.Unblock(t.Context(), nil),
		} {
			if do != nil {
				t.Fatal(do)
			}
		}
		want := []im.Block{
			{Blocked: []im.Addr{x, y}},
			{Blocked: []im.Addr{y}},
			{Unblocked: []im.Addr{y, z}},
			{Blocked: []im.Addr{y}},
			{Unblocked: []im.Addr{x, y}, Cleared: true},
			{Cleared: true},
		}
		log := w.store.log(alice)
		if len(log) != len(want) {
			t.Fatalf("%d entries were logged; want %d: %+v", len(log), len(want), log)
		}
		for i, e := range log {
			if e.Kind != im.KindBlock || e.From != alice || e.Peer != alice || !slices.Equal(e.Block.Blocked, want[i].Blocked) ||
				!slices.Equal(e.Block.Unblocked, want[i].Unblocked) || e.Block.Cleared != want[i].Cleared {
				t.Errorf("entry %d is %+v with %+v; want %+v", i, e, *e.Block, want[i])
			}
		}
		told := 0
		w.mesh.mu.Lock()
		for _, e := range w.mesh.sent {
			if e.Blocks != nil && e.Blocks.User == alice {
				told++
			}
		}
		w.mesh.mu.Unlock()
		if told != len(want) {
			t.Errorf("the peers were told %d times; want %d", told, len(want))
		}
		if list, err := a.BlockList(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("the list is %v, %v", list, err)
		}
	})
}

func TestBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		mine := []im.Addr{addrOf(bob), {Domain: "spam.example"}}
		theirs := []im.Addr{{Local: "u7", Domain: "example.org", Resource: "d1"}, {Domain: "other.example"}}
		if err := errors.Join(a.Block(t.Context(), mine), b.Block(t.Context(), theirs)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			addr        im.Addr
			own, theirs bool
		}{
			{addrOf(bob), true, true},
			{im.Addr{Local: "u8", Domain: "example.org", Resource: "x"}, true, true},
			{addrOf(9), false, false},
			{addrOf(alice), false, false},
			{im.Addr{Local: "nobody", Domain: "example.org"}, false, false},
			{im.Addr{Local: "nobody", Domain: "spam.example"}, true, false},
			{im.Addr{Domain: "spam.example"}, true, false},
			{im.Addr{Domain: "example.org"}, false, false},
		} {
			own, theirs, err := a.Blocked(t.Context(), c.addr)
			if err != nil || own != c.own || theirs != c.theirs {
				t.Errorf("Blocked(%v) = %v, %v, %v; want %v, %v", c.addr, own, theirs, err, c.own, c.theirs)
			}
		}
		// Another device of alice's is not blocked.
		other, _ := w.open(t, alice, 3, 1)
		if _, theirs, _ := other.Blocked(t.Context(), addrOf(bob)); theirs {
			t.Error("a block of one device holds for another")
		}
	})
}

// However long a list is that a user blocks or clears, the entries that tell his
// devices fit in a frame, and say all of it.
func TestBlockEntriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		var many []im.Addr
		for i := range 2*pieceAddrs + 1 {
			many = append(many, im.Addr{Local: "u" + strconv.Itoa(i), Domain: "spam.example"})
		}
		for i := range 100 {
			many = append(many, im.Addr{Local: strings.Repeat("x", 1000) + strconv.Itoa(i), Domain: "spam.example"})
		}
		if err := a.Block(t.Context(), many); err != nil {
			t.Fatal(err)
		}
		if err := a.Unblock(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		var blocked, unblocked []im.Addr
		cleared := 0
		for _, e := range w.store.log(alice) {
			n, bytes := 0, 0
			for _, x := range append(slices.Clone(e.Block.Blocked), e.Block.Unblocked...) {
				n, bytes = n+1, bytes+len(x.String())
			}
			if n > pieceAddrs || bytes > pieceBytes+pieceAddrs {
				t.Errorf("entry %d has %d addresses, %d bytes", e.Seq, n, bytes)
			}
			blocked, unblocked = append(blocked, e.Block.Blocked...), append(unblocked, e.Block.Unblocked...)
			if e.Block.Cleared {
				cleared++
			}
		}
		if !slices.Equal(blocked, many) || len(unblocked) != len(many) || cleared != 1 {
			t.Errorf("%d were blocked and %d unblocked; want %d; cleared %d times", len(blocked), len(unblocked), len(many), cleared)
		}
	})
}
