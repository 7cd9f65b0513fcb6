package c2s

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// feed is how a client gets what is in the log no faster than it acknowledges
// it, so that what a session remembers for it (XEP-0198) stays small.
type feed struct {
	held    bool // the log waits for acknowledgements, or for a zone
	since   time.Time
	retry   bool // catchUp comes by itself
	offline offline
}

// retryFeed is after how long a zone that did not answer is asked again.
const retryFeed = time.Second

// offline is how far the delivery of what came while nobody was there has come.
type offline struct {
	due  bool   // it is to be, and from where on is not known yet
	news bool   // only invitations and the like, as the client reads the archive
	at   uint64 // delivered up to here
	left int    // messages that may still be delivered; zero: it is over
}

var errUnacked = stream.Errorf(xmlstream.PolicyViolation, "too much is not acknowledged")

// heavy reports whether live messages have to wait until the client has
// acknowledged more.
func (s *session) heavy() bool { return s.sm.size > int(s.srv.cfg.MaxUnackedSize)/2 }

// crowded reports whether what comes in bulk has to wait.
func (s *session) crowded() bool {
	return s.sm.on && (s.heavy() || len(s.sm.unacked) > s.srv.cfg.MaxUnacked/2)
}

// hold lets the log wait.
func (s *session) hold() {
	if !s.feed.held {
		s.feed.held, s.feed.since = true, time.Now()
	}
}

// waits reports whether an entry that comes now is left in the log, from where
// goOn gets it. Nothing is kept for a client that is away, or does not answer.
func (s *session) waits() bool {
	if !s.feed.held && !s.heavy() {
		return false
	}
	s.hold()
	switch {
	case s.conn == nil:
		s.end(nil, true)
	case time.Since(s.feed.since) > s.srv.cfg.Ping.D():
		s.end(errUnacked, false)
	}
	return true
}

// goOn feeds a client that has acknowledged something from where it was left.
func (s *session) goOn() {
	if !s.feed.held {
		s.moreBulk()
		return
	}
	if s.feed.retry {
		return
	}
	s.feed.since = time.Now()
	if !s.crowded() {
		s.queue.post(event{kind: evCall, call: s.catchUp})
	}
}

// postpone lets the log wait for a zone that does not answer now. False: the
// error will not go away.
func (s *session) postpone(err error) bool {
	s.srv.note(s, err)
	if !im.CodeOf(err).Passes() {
		return false
	}
	s.hold()
	if !s.feed.retry {
		s.feed.retry = true
		time.AfterFunc(retryFeed, func() { s.queue.post(event{kind: evCall, call: s.catchUp}) })
	}
	return true
}

// catchUp reads from the log what was refused while the session was behind.
func (s *session) catchUp(ctx context.Context) {
	s.feed.retry, s.feed.since = false, time.Now()
	s.flush()
	if s.over {
		return
	}
	if s.conn == nil { // there is no hurry, and no room
		s.end(nil, true)
		return
	}
	if s.crowded() {
		s.hold()
		return
	}
	s.feed.held = false
	if s.feedOffline(); s.over || s.feed.held {
		return
	}
	s.behind.Store(false)
	page, err := s.core.Sync(ctx, s.seq, 0)
	if err != nil {
		if !s.postpone(err) {
			s.end(streamError(im.Errorf(im.CodeOf(err), "the messages that are missing cannot be read now; connect again")), false)
		}
		return
	}
	for i := range page.Entries {
		if s.crowded() {
			s.hold()
		}
		if s.feed.held {
			return
		}
		s.take(&page.Entries[i])
	}
	if s.feed.held {
		return
	}
	if s.seq < page.Head && len(page.Entries) > 0 {
		// What is pushed now is behind what was not read yet.
		s.hold()
		s.queue.post(event{kind: evCall, call: s.catchUp})
		return
	}
	s.moreBulk()
}

// deliverOffline gives the client what has come while nobody was there
// (XEP-0160), but not what it reads in the archive.
func (s *session) deliverOffline() {
	if s.srv.cfg.OfflineLimit == 0 {
		return
	}
	s.feed.offline = offline{due: true, news: s.Has(iq.Archive), left: s.srv.cfg.OfflineLimit}
	s.feedOffline()
}

// kinds are the entries that are delivered.
func (o *offline) kinds() []im.Kind {
	if o.news {
		return []im.Kind{im.KindGroup}
	}
	return []im.Kind{im.KindMessage, im.KindNote, im.KindGroup}
}

// feedOffline goes on with that until it is over or the client has to
// acknowledge. What comes meanwhile stays in the log behind it.
func (s *session) feedOffline() {
	o := &s.feed.offline
	if o.due {
		done, err := s.core.Delivered(s.ctx)
		if err != nil {
			s.offlineFailed(err)
			return
		}
		o.due, o.at = false, max(done, s.shown)
	}
	for o.left > 0 && o.at < s.seq && !s.over {
		page, err := s.core.Archive(s.ctx, im.ArchiveQuery{Kinds: o.kinds(), After: o.at, Before: s.seq + 1, Limit: min(o.left, 100)})
		if err != nil {
			s.offlineFailed(err)
			return
		}
		for i := range page.Entries {
			if s.crowded() {
				s.hold()
				return
			}
			if err := s.late(&page.Entries[i]); err != nil && s.postpone(err) {
				return
			}
			o.at = page.Entries[i].Seq
			o.left--
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
		s.flush()
	}
	if o.left > 0 || o.at > 0 {
		all := !o.news
		*o = offline{}
		if all {
			s.reached(s.seq)
		}
	}
}

func (s *session) offlineFailed(err error) {
	if !s.postpone(err) {
		s.feed.offline = offline{}
	}
}
