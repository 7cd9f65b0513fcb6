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

// setUnsent records how many flushed bytes the network has not taken.
func (o *outbox) setUnsent(n int) {
	o.mu.Lock()
	o.unsent = n
	if n == 0 {
		o.large = 0
	}
	o.mu.Unlock()
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
