package acs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// session is one authenticated connection. Package doc of im.Session says who
// may call what; the fields say what guards them.
type session struct {
	srv    *Server
	id     im.SessionID
	user   im.UserID
	addr   im.Addr
	opened time.Time
	device im.DeviceID
	epoch  uint64 // of the device, raised at every login
	proto  im.Protocol
	sink   im.Sink
	feed   feed
	order  sendOrder

	presence atomic.Pointer[im.Presence]
	watching atomic.Bool   // the client has asked for the presence of its contacts
	changes  pacer         // of what others have to be told
	cursor   atomic.Uint64 // acknowledged by the client
	closed   atomic.Bool
}

// ID, User and Addr are fixed for the life of the session.
func (s *session) ID() im.SessionID { return s.id }
func (s *session) User() im.UserID  { return s.user }
func (s *session) Addr() im.Addr    { return s.addr }

// Close ends the session. The user stays online for the grace period, so that
// a phone that changes networks does not flicker.
func (s *session) Close() { s.srv.closeSession(s, s.srv.cfg.Grace.D()) }

// kick ends session and connection.
func (s *session) kick(reason *im.Error) {
	s.srv.closeSession(s, 0)
	s.sink.Close(reason)
}

func (s *session) info() im.SessionInfo {
	return im.SessionInfo{
		SessionKey:  im.SessionKey{User: s.user, Node: s.srv.node.ID, NodeEpoch: s.srv.node.Epoch, Session: s.id},
		Device:      s.device,
		DeviceEpoch: s.epoch,
		Resource:    s.addr.Resource,
		Protocol:    s.proto,
		Presence:    *s.presence.Load(),
	}
}

type feedState uint8

const (
	feedOpening feedState = iota // the head of the inbox is not known yet
	feedLive
	feedFilling // a goroutine reads what is missing
	feedBehind  // the connection did not keep up; the client has to sync
	feedClosed
)

const maxEarly = 64

// feed keeps the promise that a connection sees the inbox as last+1, last+2 …
// whatever comes by which way: the next entry is pushed, an early one waits a
// moment for its predecessor or has the gap read from the log, a late one is a
// duplicate and dropped. Losing a push costs latency, never a message.
type feed struct {
	mu    sync.Mutex
	state feedState             // guarded by mu
	last  uint64                // guarded by mu: the newest seq pushed or known to the client
	want  uint64                // guarded by mu: the newest seq heard of
	news  uint64                // guarded by mu: counts what was heard
	ahead uint64                // guarded by mu: last, when the log was found to end below it; else zero
	early map[uint64]earlyEntry // guarded by mu: entries above last+1
	armed bool                  // guarded by mu: a gap reader has been scheduled
}

type earlyEntry struct {
	*im.Entry
	own bool // the session has an ack for it
}

// start sets the head from which on entries are pushed.
func (s *session) start(head uint64) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != feedOpening {
		return
	}
	f.last, f.state = max(f.last, head), feedLive
	s.drainEarly()
	s.armIfBehind()
}

// offer hands over an entry of the inbox that has just been committed or read.
// own: the session has an ack for it, which tells the client all there is.
func (s *session) offer(e *im.Entry, own bool) {
	f := &s.feed
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
		s.next(e, own)
		s.drainEarly()
		s.armIfBehind()
	case len(f.early) < maxEarly:
		if f.early == nil {
			f.early = make(map[uint64]earlyEntry, 4)
		}
		f.early[e.Seq] = earlyEntry{e, own || f.early[e.Seq].own}
		s.armIfBehind()
	default:
		s.armIfBehind()
	}
}

// heard tells the session how far its inbox has come.
func (s *session) heard(head uint64) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == feedClosed {
		return
	}
	f.want = max(f.want, head)
	f.news++
	s.armIfBehind()
}

// compared is heard for a head that was read from the log just now; calls must
// not overlap. A log that ends below what the session had at the time of the
// call before has lost entries: it was restored from an older backup, and the
// client has to start over.
func (s *session) compared(head uint64) {
	f := &s.feed
	f.mu.Lock()
	regressed := f.state != feedClosed && head < f.ahead
	f.ahead = 0
	if head < f.last {
		f.ahead = f.last
	}
	f.mu.Unlock()
	if regressed {
		s.kick(im.Errorf(im.CodeRegressed, "the inbox ends at %d, before what this device has: the server was restored from an older backup; connect and sync again", head))
		return
	}
	s.heard(head)
}

// synced tells that the client itself has read up to seq, of head.
func (s *session) synced(seq, head uint64) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != feedBehind || seq < head {
		return
	}
	f.state, f.last = feedLive, max(f.last, seq)
	s.drainEarly()
	s.armIfBehind()
	if s.watching.Load() {
		// Contact changes were not noticed meanwhile, and presence was dropped.
		s.srv.after(0, func(ctx context.Context) { s.srv.presence.rewatch(ctx, s) })
	}
}

// next runs with feed.mu held; e is the next entry.
func (s *session) next(e *im.Entry, own bool) {
	if own {
		s.feed.last = e.Seq
		return
	}
	s.push(e)
}

// push runs with feed.mu held; e is the next entry.
func (s *session) push(e *im.Entry) {
	if !s.sink.Push(e) {
		s.feed.state, s.feed.early = feedBehind, nil
		s.srv.metrics.behind.Inc()
		return
	}
	s.feed.last = e.Seq
	s.srv.metrics.pushed.Inc()
	s.noticed(e)
}

// drainEarly runs with feed.mu held.
func (s *session) drainEarly() {
	f := &s.feed
	for f.state == feedLive && len(f.early) > 0 {
		e, ok := f.early[f.last+1]
		if !ok {
			break
		}
		delete(f.early, e.Seq)
		s.next(e.Entry, e.own)
	}
	for seq := range f.early {
		if seq <= f.last {
			delete(f.early, seq)
		}
	}
}

// armIfBehind runs with feed.mu held: when something is missing, a reader looks
// it up after a little patience.
func (s *session) armIfBehind() {
	f := &s.feed
	if f.state != feedLive || f.want <= f.last || f.armed {
		return
	}
	f.armed = true
	s.srv.after(s.srv.cfg.ReorderPatience.D(), s.fill)
}

// fill reads the gap from the log. One at a time runs for a session.
func (s *session) fill(ctx context.Context) {
	f := &s.feed
	for {
		f.mu.Lock()
		if f.state != feedLive && f.state != feedFilling || f.want <= f.last {
			if f.state == feedFilling {
				f.state = feedLive
			}
			f.armed = false
			s.drainEarly()
			f.mu.Unlock()
			return
		}
		f.state = feedFilling
		after, news := f.last, f.news
		f.mu.Unlock()

		s.srv.metrics.gaps.Inc()
		page, err := s.srv.readGap(ctx, s.user, after)
		if err != nil || len(page.Entries) == 0 {
			if s.fillLater(err, page.Head, news) {
				return
			}
			continue
		}
		s.pushPage(page)
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
func (s *session) fillLater(err error, head, news uint64) (ended bool) {
	f := &s.feed
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
	s.srv.log.Debug("gap could not be read, will try again", "user", s.user, "session", s.id, "err", err)
	s.srv.after(time.Second, s.fill)
	return true
}

func (s *session) pushPage(page im.SyncPage) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range page.Entries {
		e := &page.Entries[i]
		s.srv.clock.Observe(e.MsgID)
		if f.state == feedFilling && e.Seq == f.last+1 {
			s.next(e, f.early[e.Seq].own)
		}
	}
	f.want = max(f.want, page.Head)
}

// noticed looks at an entry on its way to the client for what concerns the
// session itself. It runs with feed.mu held, so it only starts things.
func (s *session) noticed(e *im.Entry) {
	switch {
	case e.Kind == im.KindDevice && e.Device != nil && e.Device.Revoked && e.Device.ID == s.device:
		s.srv.after(0, func(context.Context) { s.kick(im.Errorf(im.CodeRevoked, "this device was logged out")) })
	case e.Kind == im.KindContact && e.Contact != nil && s.watching.Load():
		s.srv.presence.contactChanged(s, e.Contact)
	case e.Kind == im.KindBlock:
		s.srv.blocksChanged(s.user)
	}
}

func (s *session) closeFeed() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.state, s.feed.early = feedClosed, nil
}
