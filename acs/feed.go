package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

type feedState uint8

const (
	feedOpening feedState = iota // the head of the inbox is not known yet
	feedLive
	feedFilling // a goroutine reads what is missing
	feedBehind  // the connection did not keep up; the client has to sync
	feedClosed
)

const maxEarly = 64

// feed keeps the promise that a connection sees an inbox, or a node a timeline, as last+1, last+2 …
// whatever comes by which way: the next entry is pushed, an early one waits a
// moment for its predecessor or has the gap read from the log, a late one is a
// duplicate and dropped. Losing a push costs latency, never a message.
type feed struct {
	srv *Server
	log im.UserID // whose log it is
	out feedOut

	mu    sync.Mutex
	state feedState             // guarded by mu
	last  uint64                // guarded by mu: the newest seq pushed or known to the client
	want  uint64                // guarded by mu: the newest seq heard of
	news  uint64                // guarded by mu: counts what was heard
	ahead uint64                // guarded by mu: last, when the log was found to end below it; else zero
	early map[uint64]earlyEntry // guarded by mu: entries above last+1
	armed bool                  // guarded by mu: a gap reader has been scheduled
}

// feedOut is where a feed leads to.
type feedOut interface {
	// push takes the next entry, with feed.mu held, so it must not wait. own: there was
	// an ack for it. False: it was not taken, and the feed rests until the client has
	// synced.
	push(e *im.Entry, own bool) bool
}

type earlyEntry struct {
	*im.Entry
	own bool // there was an ack for it
}

// lead says whose log it is and where it leads.
func (f *feed) lead(srv *Server, log im.UserID, out feedOut) { f.srv, f.log, f.out = srv, log, out }

// start sets the head from which on entries are pushed.
func (f *feed) start(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != feedOpening {
		return
	}
	f.last, f.state = max(f.last, head), feedLive
	f.drainEarly()
	f.armIfBehind()
}

// offer hands over an entry of the log that has just been committed or read. own:
// the session has an ack for it, which tells the client all there is.
func (f *feed) offer(e *im.Entry, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == feedClosed || e.Seq <= f.last {
		return
	}
	f.want = max(f.want, e.Seq)
	f.news++
	switch {
	case f.state == feedBehind:
	case f.state == feedLive && e.Seq == f.last+1:
		f.next(e, own)
		f.drainEarly()
		f.armIfBehind()
	case len(f.early) < maxEarly:
		if f.early == nil {
			f.early = make(map[uint64]earlyEntry, 4)
		}
		f.early[e.Seq] = earlyEntry{e, own || f.early[e.Seq].own}
		f.armIfBehind()
	default:
		f.armIfBehind()
	}
}

// heard tells how far the log has come.
func (f *feed) heard(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == feedClosed {
		return
	}
	f.want = max(f.want, head)
	f.news++
	f.armIfBehind()
}

// next runs with mu held; e is the next entry.
func (f *feed) next(e *im.Entry, own bool) {
	if !f.out.push(e, own) {
		f.state, f.early = feedBehind, nil
		return
	}
	f.last = e.Seq
}

// drainEarly runs with feed.mu held.
func (f *feed) drainEarly() {
	for f.state == feedLive && len(f.early) > 0 {
		e, ok := f.early[f.last+1]
		if !ok {
			break
		}
		delete(f.early, e.Seq)
		f.next(e.Entry, e.own)
	}
	for seq := range f.early {
		if seq <= f.last {
			delete(f.early, seq)
		}
	}
}

// armIfBehind runs with feed.mu held: when something is missing, a reader looks
// it up after a little patience.
func (f *feed) armIfBehind() {
	if f.state != feedLive || f.want <= f.last || f.armed {
		return
	}
	f.armed = true
	f.srv.after(f.srv.cfg.ReorderPatience.D(), f.fill)
}

// fill reads the gap from the log. One at a time runs for a session.
func (f *feed) fill(ctx context.Context) {
	for {
		f.mu.Lock()
		if f.state != feedLive && f.state != feedFilling || f.want <= f.last {
			if f.state == feedFilling {
				f.state = feedLive
			}
			f.armed = false
			f.drainEarly()
			f.mu.Unlock()
			return
		}
		f.state = feedFilling
		after, news := f.last, f.news
		f.mu.Unlock()

		f.srv.metrics.gaps.Inc()
		page, err := f.srv.readGap(ctx, f.log, after)
		if err != nil || len(page.Entries) == 0 {
			if f.fillLater(err, page.Head, news) {
				return
			}
			continue
		}
		f.pushPage(page, after)
	}
}

// maxFills is how many gaps are read at a time. After an outage every session
// may have one; waiting here costs nothing, in the storage it counts as slow.
const maxFills = 32

func (s *Server) readGap(ctx context.Context, u im.UserID, after uint64) (im.SyncPage, error) {
	select {
	case s.fills <- struct{}{}:
		defer func() { <-s.fills }()
	case <-ctx.Done():
		return im.SyncPage{}, ctx.Err()
	}
	return s.store.Read(ctx, u, after, s.cfg.SyncPage)
}

// fillLater ends a reader that got nothing: with an error it comes back in a
// second, without one the seq it heard of does not exist (an older backup).
// Only when something was heard since it began, at news, does it go on at once.
func (f *feed) fillLater(err error, head, news uint64) (ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.news != news {
		return false
	}
	if f.state == feedFilling {
		f.state = feedLive
	}
	if err == nil {
		f.want = min(f.want, max(head, f.last))
		f.armed, f.early = false, nil
		return true
	}
	f.srv.log.Debug("gap could not be read, will try again", "log", f.log, "err", err)
	f.srv.after(time.Second, f.fill)
	return true
}

// pushPage hands on a page of what was read above after. A log has no holes but at its
// beginning, where a timeline's retention removes: what is not there any more is passed
// over.
func (f *feed) pushPage(page im.SyncPage, after uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if first := page.Entries[0].Seq; f.state == feedFilling && f.last == after && first > after+1 {
		f.srv.log.Warn("entries were removed from a log before they were handed out", "log", f.log, "from", after+1, "to", first-1)
		f.last = first - 1
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		f.srv.clock.Observe(e.MsgID)
		if f.state == feedFilling && e.Seq == f.last+1 {
			f.next(e, f.early[e.Seq].own)
		}
	}
	f.want = max(f.want, page.Head)
}

func (f *feed) closeFeed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.early = feedClosed, nil
}
