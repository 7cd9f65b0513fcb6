package client

import "github.com/cxx-im/cxx/im"

// stream is one log on its way to the application, in its order: the inbox, or the
// timeline of a group. Pushes are hints; whatever is missing is read from the log.
// It belongs to the inbox, whose mu guards it.
type stream struct {
	group   im.GroupID        // zero: the inbox
	got     uint64            // the newest entry in the queue
	want    uint64            // the newest entry heard of
	must    bool              // the server pushes nothing until a sync reaches the head
	early   map[uint64]queued // entries above got+1
	catchUp uint64            // the head at login, until it is reached

	// Of a group only.
	base uint64 // got at the beginning of the session
	busy bool   // somebody reads the timeline
	shut bool   // the server lets the user read nothing; the inbox will tell why
}

func newStream(g im.GroupID, got uint64) *stream {
	return &stream{group: g, got: got, want: got, early: make(map[uint64]queued)}
}

// behind reports whether the log has to be read.
func (s *stream) behind() bool { return s.must || s.want > s.got }

// put takes an entry of any source, and reports whether it is the next. One that is
// early is kept until its turn; full: there is no place in the queue.
func (s *stream) put(q queued, full bool) (next bool) {
	s.want = max(s.want, q.seq)
	switch {
	case q.seq <= s.got || full:
		return false
	case q.seq == s.got+1:
		return true
	case len(s.early) < maxEarly:
		s.early[q.seq] = q
	}
	return false
}

// jump moves on to seq without entries: they are not for this device.
func (s *stream) jump(seq uint64) {
	s.got, s.want = max(s.got, seq), max(s.want, seq)
	s.forgetEarly()
}

// forgetEarly drops early entries whose turn has come and gone.
func (s *stream) forgetEarly() {
	for seq := range s.early {
		if seq <= s.got {
			delete(s.early, seq)
		}
	}
}

// rewind follows a log that ends at head, before what was seen, and will grow from
// there.
func (s *stream) rewind(head uint64) {
	s.got, s.want, s.base = head, head, min(s.base, head)
	clear(s.early)
}
