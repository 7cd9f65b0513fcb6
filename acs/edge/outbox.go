package edge

import (
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// outbox gathers encoded frames for one connection until its owner flushes
// them: once per pass of the event loop, however many goroutines have added.
type outbox struct {
	mu      sync.Mutex
	buf     []byte // guarded by mu: frames to flush
	held    []byte // guarded by mu: what the core pushed before the answer to the login is out
	unsent  int    // guarded by mu: flushed, but not yet taken by the network
	large   int    // guarded by mu: size of a single large answer, which is no backlog
	holding bool   // guarded by mu: see held
	dirty   bool   // guarded by mu: a flush is on its way
	behind  bool   // guarded by mu: SyncRequired was sent and the client has not synced yet
	ended   bool   // guarded by mu: nothing is taken any more
	moved   []head // guarded by mu: timelines that the client has to be told of; see pushMoved
}

// head is how far a timeline has come.
type head struct {
	group im.GroupID
	seq   uint64
}

// buffers are lent to outboxes while they hold something, so that an idle
// connection has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

const maxPooled = 64 << 10

func getBuffer() []byte { return *buffers.Get().(*[]byte) }

func putBuffer(b []byte) {
	if cap(b) >= 512 && cap(b) <= maxPooled {
		b = b[:0]
		buffers.Put(&b)
	}
}

// append adds what encode appends. wake reports that the caller has to wake the
// owner; over that the hard limit is passed and the frame was not taken.
func (o *outbox) append(hard int, encode func([]byte) []byte) (wake, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false, false
	}
	if len(o.buf)+o.unsent > hard+o.large {
		return false, true
	}
	o.grow()
	before := len(o.buf)
	o.buf = encode(o.buf)
	if size := len(o.buf) - before; size > hard/2 {
		o.large = max(o.large, size)
	}
	return o.mark(), false
}

// push adds a frame that the client can do without. It refuses above limit.
func (o *outbox) push(limit int, encode func([]byte) []byte) (wake, taken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || len(o.buf)+len(o.held)+o.unsent > limit {
		return false, false
	}
	if o.holding {
		o.held = encode(o.held)
		return false, true
	}
	o.grow()
	o.buf = encode(o.buf)
	return o.mark(), true
}

// pushEntry is push for an entry of the inbox; the first refusal is told to the
// client with one SyncRequired.
func (o *outbox) pushEntry(limit int, e *im.Entry, owner im.UserID) (wake, taken, told bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || o.behind {
		return false, false, false
	}
	dst := &o.buf
	if o.holding {
		dst = &o.held
	} else {
		o.grow()
	}
	if len(o.buf)+len(o.held)+o.unsent <= limit {
		*dst = proto.AppendPush(*dst, e, owner)
		return !o.holding && o.mark(), true, false
	}
	o.behind = true
	*dst = proto.AppendFrame(*dst, cxxpb.FrameType_FRAME_SYNC_REQUIRED, 0, &cxxpb.SyncRequired{Head: e.Seq})
	return !o.holding && o.mark(), false, true
}

// pushPost is push for an entry of a timeline that is encoded already; a refusal is
// told to the client as pushMoved does.
func (o *outbox) pushPost(limit int, g im.GroupID, seq uint64, data []byte) (wake, taken, told bool) {
	wake, taken = o.push(limit, func(b []byte) []byte { return append(b, data...) })
	if !taken {
		wake, told = o.pushMoved(g, seq)
	}
	return wake, taken, told
}

// pushMoved sees to it that the client is told how far a timeline has come, once
// for each timeline: as soon as it has taken what was written before. So it can
// neither be lost nor pile up. told is false when the client is about to be told
// anyway.
func (o *outbox) pushMoved(g im.GroupID, seq uint64) (wake, told bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false, false
	}
	for i := range o.moved {
		if m := &o.moved[i]; m.group == g {
			m.seq = max(m.seq, seq)
			return false, false
		}
	}
	o.moved = append(o.moved, head{g, seq})
	return o.mark(), true
}

// settled is how many bytes may be on their way to a client that is no longer
// behind.
const settled = 16 << 10

// mayTell reports whether it is time for what pushMoved has noted. It runs with mu
// held.
func (o *outbox) mayTell() bool {
	return len(o.moved) > 0 && o.unsent <= settled && !o.holding && !o.ended
}

// tellMoved appends what pushMoved has noted when its time has come. It runs with
// mu held.
func (o *outbox) tellMoved() {
	if !o.mayTell() {
		return
	}
	o.grow()
	for _, m := range o.moved {
		o.buf = proto.AppendFrame(o.buf, cxxpb.FrameType_FRAME_MOVED, 0, &cxxpb.Moved{Group: uint64(m.group), Head: m.seq})
	}
	o.moved = nil
}

// synced ends the state in which pushes are refused without a word.
func (o *outbox) synced() {
	o.mu.Lock()
	o.behind = false
	o.mu.Unlock()
}

// hold keeps pushes back until release.
func (o *outbox) hold() {
	o.mu.Lock()
	o.holding = true
	o.mu.Unlock()
}

// release adds what encode appends, and behind it what was held.
func (o *outbox) release(encode func([]byte) []byte) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := o.held
	o.held, o.holding = nil, false
	if o.ended {
		return false
	}
	o.grow()
	o.buf = append(encode(o.buf), held...)
	return o.mark()
}

// end adds a last frame; later ones are dropped. It reports whether this call
// ended the outbox.
func (o *outbox) end(encode func([]byte) []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false
	}
	o.ended = true
	o.buf, o.held = append(o.buf, o.held...), nil
	if encode != nil {
		o.grow()
		o.buf = encode(o.buf)
	}
	return true
}

// take hands over what is to be flushed and forgets that a flush is due.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tellMoved()
	b := o.buf
	o.buf, o.dirty = nil, false
	return b
}

// attend marks a flush as due, because the owner is about to look anyway.
func (o *outbox) attend() {
	o.mu.Lock()
	o.dirty = true
	o.mu.Unlock()
}

// setUnsent records how many flushed bytes the network has not taken. wake reports
// that the caller has to wake the owner, because something has waited for that.
func (o *outbox) setUnsent(n int) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unsent = n
	if n == 0 {
		o.large = 0
	}
	return o.mayTell() && o.mark()
}

func (o *outbox) grow() {
	if o.buf == nil {
		o.buf = getBuffer()
	}
}

func (o *outbox) mark() (wake bool) {
	wake = !o.dirty
	o.dirty = true
	return wake
}
