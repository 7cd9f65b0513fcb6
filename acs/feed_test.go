package acs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// feedStore serves reads from a log of n entries, and nothing else.
type feedStore struct {
	Store
	mu    sync.Mutex
	n     uint64
	fail  bool
	reads int
}

func (f *feedStore) set(n uint64, fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.fail = n, fail
}

func (f *feedStore) Read(_ context.Context, _ im.UserID, after uint64, limit int) (im.SyncPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if f.fail {
		return im.SyncPage{}, im.Errorf(im.CodeZoneUnavailable, "")
	}
	p := im.SyncPage{Head: f.n}
	for seq := after + 1; seq <= f.n && len(p.Entries) < limit; seq++ {
		p.Entries = append(p.Entries, *entry(seq))
	}
	return p, nil
}

func entry(seq uint64) *im.Entry {
	return &im.Entry{Seq: seq, Kind: im.KindMessage, MsgID: im.MsgID(seq)}
}

type fakeSink struct {
	mu       sync.Mutex
	got      []uint64
	entries  []im.Entry
	signals  []im.Signal
	full     bool
	closed   *im.Error
	presence []im.UserPresence
}

func (f *fakeSink) Push(e *im.Entry) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return false
	}
	f.got = append(f.got, e.Seq)
	f.entries = append(f.entries, *e)
	return true
}

func (f *fakeSink) PushPresence(p im.UserPresence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.presence = append(f.presence, p)
}

func (f *fakeSink) PushSignal(s im.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals = append(f.signals, s)
}

func (f *fakeSink) Close(e *im.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = e
}

// why is the code that closed the connection; zero: it is open.
func (f *fakeSink) why() im.ErrorCode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed == nil {
		return 0
	}
	return f.closed.Code
}

// shown is what the client was told last of a user; ok: it was told anything.
func (f *fakeSink) shown(u im.UserID) (last im.UserPresence, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.presence {
		if p.User == u {
			last, ok = p, true
		}
	}
	return last, ok
}

func (f *fakeSink) seqs() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

func (f *fakeSink) block(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func feedSession(t *testing.T, store Store, head uint64) (*session, *fakeSink) {
	t.Helper()
	srv, err := New(DefaultConfig(), Deps{Node: im.Node{ID: 1, Epoch: 1}, Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.tasks.close)
	sink := &fakeSink{}
	s := &session{srv: srv, sink: sink, user: 7}
	s.lead(srv, s.user, s)
	s.presence.Store(&im.Presence{})
	s.start(head)
	return s, sink
}

// advance lets the bubble's clock run on.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantSeqs(t *testing.T, sink *fakeSink, want ...uint64) {
	t.Helper()
	synctest.Wait()
	if got := sink.seqs(); !slices.Equal(got, want) {
		t.Fatalf("pushed %v; want %v", got, want)
	}
}

func TestFeedOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &feedStore{n: 10}
		s, sink := feedSession(t, store, 3)
		s.offer(entry(4), false)
		s.offer(entry(4), false) // a duplicate
		s.offer(entry(2), false) // old
		s.offer(entry(6), false) // early
		wantSeqs(t, sink, 4)
		s.offer(entry(5), false) // closes the gap before the reader's patience is over
		wantSeqs(t, sink, 4, 5, 6)
		advance(time.Second)
		if store.reads != 0 {
			t.Errorf("the log was read %d times for a gap that closed by itself", store.reads)
		}
	})
}

func TestFeedReadsGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := feedSession(t, &feedStore{n: 9}, 3)
		s.offer(entry(6), false)
		advance(time.Second)
		wantSeqs(t, sink, 4, 5, 6, 7, 8, 9)
		s.heard(9)
		advance(time.Second)
		wantSeqs(t, sink, 4, 5, 6, 7, 8, 9)
	})
}

func TestFeedReadsAgainAfterOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &feedStore{n: 5, fail: true}
		s, sink := feedSession(t, store, 3)
		s.heard(5)
		advance(500 * time.Millisecond)
		wantSeqs(t, sink)
		store.set(6, false)
		advance(2 * time.Second)
		wantSeqs(t, sink, 4, 5, 6)
	})
}

// A bell for something that the log does not have must not spin.
func TestFeedForgetsWhatDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &feedStore{n: 3}
		s, sink := feedSession(t, store, 3)
		s.heard(8)
		advance(10 * time.Second)
		wantSeqs(t, sink)
		if store.reads != 1 {
			t.Errorf("the log was read %d times; want once", store.reads)
		}
		store.set(4, false)
		s.offer(entry(4), false)
		wantSeqs(t, sink, 4)
	})
}

func TestFeedOwnMessagesAreNotPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := feedSession(t, &feedStore{n: 9}, 3)
		s.offer(entry(4), true)
		s.offer(entry(5), false)
		wantSeqs(t, sink, 5)
	})
}

func TestFeedBehindUntilSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &feedStore{n: 8}
		s, sink := feedSession(t, store, 3)
		sink.block(true)
		s.offer(entry(4), false)
		s.offer(entry(5), false)
		sink.block(false)
		s.offer(entry(6), false)
		wantSeqs(t, sink)
		s.synced(5, 8) // a page that does not reach the head
		s.offer(entry(7), false)
		wantSeqs(t, sink)
		s.synced(8, 8)
		s.offer(entry(9), false)
		wantSeqs(t, sink, 9)
	})
}

func TestFeedBeforeHeadIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srvSession, sink := feedSession(t, &feedStore{n: 5}, 0)
		srvSession.feed.state = feedOpening
		srvSession.offer(entry(5), false) // commits while the head is being read
		srvSession.offer(entry(4), false)
		srvSession.start(4)
		wantSeqs(t, sink, 5)
	})
}

// What the session has an ack for is not pushed, whichever way it comes: early,
// because the entry before it is still on its way, or in a page of the log.
func TestFeedOwnEarlyMessagesAreNotPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := feedSession(t, &feedStore{n: 9}, 3)
		s.offer(entry(5), true)
		s.offer(entry(4), false)
		wantSeqs(t, sink, 4)
		s.offer(entry(7), true)
		advance(time.Second)
		wantSeqs(t, sink, 4, 6, 8, 9)
	})
}

// hooked runs f while the log is being read.
type hooked struct {
	feedStore
	f func()
}

func (h *hooked) Read(ctx context.Context, u im.UserID, after uint64, limit int) (im.SyncPage, error) {
	p, err := h.feedStore.Read(ctx, u, after, limit)
	if h.f != nil {
		h.f()
	}
	return p, err
}

// What commits while the reader finds nothing must not be taken for what does
// not exist.
func TestFeedEntryDuringEmptyRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{feedStore: feedStore{n: 3}}
		s, sink := feedSession(t, store, 3)
		store.f = func() {
			store.f = nil
			store.set(4, false)
			s.offer(entry(4), false)
		}
		s.heard(8)
		advance(time.Second)
		wantSeqs(t, sink, 4)
	})
}

// A log that has lost entries makes the client start over; a head that was only
// read before the newest push does not.
func TestFeedFindsRegression(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, sink := feedSession(t, &feedStore{n: 9}, 8)
		s.offer(entry(9), false)
		s.compared(8)
		s.compared(9)
		s.offer(entry(10), false)
		s.compared(9)
		s.offer(entry(11), false)
		s.compared(10)
		synctest.Wait()
		if sink.why() != 0 {
			t.Fatalf("closed with %v", sink.why())
		}
		s.compared(5)
		if sink.why() != im.CodeRegressed {
			t.Fatalf("closed with %v; want %v", sink.why(), im.CodeRegressed)
		}
	})
}

func (f *fakeSink) PushPost(*im.GroupPush) bool          { return true }
func (f *fakeSink) PushMoved(im.GroupID, uint64)         {}
func (f *fakeSink) PushOccupant(*im.OccupantChange) bool { return true }
