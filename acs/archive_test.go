package acs

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// What has reached a device counts before the storage knows: while the session
// is there, right after it has ended, and while the storage is away.
func TestDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		other, _ := w.open(t, alice, 3, 1)
		want := func(n uint64) {
			t.Helper()
			if got, err := other.Delivered(t.Context()); err != nil || got != n {
				t.Errorf("delivered up to %d, %v; want %d", got, err, n)
			}
		}
		want(0)
		a.Acknowledge(5)
		want(5)
		w.store.failing("save cursors", im.Errorf(im.CodeZoneUnavailable, ""))
		a.Close()
		want(5)
		advance(time.Second) // the save has failed
		want(5)
		w.store.on("save cursors", func() { want(5) }) // under way
		w.store.failing("save cursors", nil)
		advance(11 * time.Second)
		want(5)
		if n := w.cursors.of(alice); n != 0 || w.store.memory.cursors[alice] != 5 {
			t.Errorf("the storage has %d, the node keeps %d", w.store.memory.cursors[alice], n)
		}
		other.Acknowledge(9)
		other.Close()
		advance(time.Second)
		if w.store.memory.cursors[alice] != 9 {
			t.Error("the cursor of a session that has ended was not saved soon")
		}
		w.store.failing("delivered", im.Errorf(im.CodeZoneUnavailable, ""))
		_, err := other.Delivered(t.Context())
		wantCode(t, err, im.CodeZoneUnavailable)
	})
}

func TestArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		for range 10 {
			w.store.mu.Lock()
			w.store.logLocked(alice, []im.Entry{{MsgID: w.clock.Next(), Kind: im.KindMessage, Text: strings.Repeat("x", 1000)}})
			w.store.mu.Unlock()
		}
		late := im.MakeMsgID(time.Now().Add(time.Hour), 1, 3)
		w.store.logs[alice][9].MsgID = late
		page, err := a.Archive(t.Context(), im.ArchiveQuery{Limit: 100})
		if err != nil || len(page.Entries) != 10 || page.More {
			t.Fatalf("%d entries, more %v, %v", len(page.Entries), page.More, err)
		}
		if w.clock.Next() < late {
			t.Error("an id that was read was not observed")
		}
		w.cfg.SyncPageBytes = 3500
		page, _ = a.Archive(t.Context(), im.ArchiveQuery{Limit: 100})
		if len(page.Entries) != 3 || !page.More || page.Entries[0].Seq != 1 {
			t.Errorf("the page has %d entries from %d, more %v", len(page.Entries), page.Entries[0].Seq, page.More)
		}
		page, _ = a.Archive(t.Context(), im.ArchiveQuery{Limit: 100, Newest: true})
		if len(page.Entries) != 3 || !page.More || page.Entries[2].Seq != 10 {
			t.Errorf("the newest page has %d entries, more %v", len(page.Entries), page.More)
		}
		w.cfg.SyncPage = 2
		if page, _ = a.Archive(t.Context(), im.ArchiveQuery{Limit: 100}); len(page.Entries) != 2 {
			t.Errorf("the page has %d entries", len(page.Entries))
		}
		if page, _ = a.Archive(t.Context(), im.ArchiveQuery{}); len(page.Entries) != 0 {
			t.Errorf("a query of limit 0 has %d entries", len(page.Entries))
		}
		w.store.failing("archive", errors.New("disk on fire"))
		_, err = a.Archive(t.Context(), im.ArchiveQuery{Limit: 1})
		if im.CodeOf(err) != im.CodeInternal || strings.Contains(err.Error(), "fire") {
			t.Errorf("the client sees %v", err)
		}
	})
}

// An error of the caller's own comes back as it is, one of the storage does not.
func TestEditLeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		mine := errors.New("conflict")
		edit := func(err error) error {
			return a.EditLeaf(t.Context(), alice, "n", func(im.Leaf, bool, []string) (im.LeafEdit, error) { return im.LeafEdit{}, err })
		}
		if err := edit(mine); err != mine { //nolint:errorlint // the very error
			t.Errorf("got %v", err)
		}
		wantCode(t, edit(nil), 0)
		w.store.failing("edit leaf", errors.New("disk on fire"))
		wantCode(t, edit(mine), im.CodeInternal)
	})
}

// Who has an address is asked once in a while; who is not there, each time.
func TestResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		want := func(addr im.Addr, u im.UserID, code im.ErrorCode, reads int) {
			t.Helper()
			before := w.store.calls("account")
			got, err := a.Resolve(t.Context(), addr)
			if got != u || im.CodeOf(err) != code || w.store.calls("account")-before != reads {
				t.Errorf("%v is %d, %v, after %d reads; want %d, %v, %d", addr, got, err, w.store.calls("account")-before, u, code, reads)
			}
		}
		nine, nobody := addrOf(9), im.Addr{Local: "nobody", Domain: "example.org"}
		want(nine, 9, 0, 1)
		nine.Resource = "r"
		want(nine, 9, 0, 0)
		want(nobody, 0, im.CodeNotFound, 1)
		want(nobody, 0, im.CodeNotFound, 1)
		w.store.mu.Lock()
		w.store.gone = map[im.UserID]bool{9: true} // removed
		w.store.mu.Unlock()
		advance(nameHold)
		want(nine, 0, im.CodeNotFound, 1)
		if addr, err := a.Address(t.Context(), 9); err != nil || addr != addrOf(9) {
			t.Errorf("the address of 9 is %v, %v", addr, err)
		}
		if addr, err := a.Address(t.Context(), alice); err != nil || addr != addrOf(alice) {
			t.Errorf("the own address is %v, %v", addr, err)
		}
		_, err := a.Address(t.Context(), im.ForeignID(nobody))
		wantCode(t, err, im.CodeNotFound)
	})
}
