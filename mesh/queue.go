package mesh

import "sync"

// queue is the bytes that wait to be written to a peer: whole frames, one
// after the other, so that whatever has gathered leaves in one write. Any
// goroutine puts; one takes.
type queue struct {
	limit int // bytes of everything
	extra int // further bytes that only frames of state may use
	wake  chan struct{}

	mu      sync.Mutex
	pending []byte // guarded by mu
	flying  int    // guarded by mu: bytes taken and not yet written
	closed  bool   // guarded by mu
}

// keepBytes is the largest buffer kept between bursts.
const keepBytes = 256 << 10

func newQueue(limit, extra int) *queue {
	return &queue{limit: limit, extra: extra, wake: make(chan struct{}, 1)}
}

// verdict says what became of frames that were put; closed list, see metrics.
type verdict int

const (
	taken verdict = iota
	full
	down
)

// put copies frames into the queue, all or nothing. It never blocks.
func (q *queue) put(frames []byte, state bool) verdict {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return down
	}
	limit := q.limit
	if state {
		limit += q.extra
	}
	if len(q.pending)+q.flying+len(frames) > limit {
		return full
	}
	first := len(q.pending) == 0
	q.pending = append(q.pending, frames...)
	if first {
		q.signal()
	}
	return taken
}

// take returns all that waits and keeps spare, which the caller is done with,
// for what comes next.
func (q *queue) take(spare []byte) []byte {
	if cap(spare) > keepBytes {
		spare = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.pending
	q.pending = spare[:0]
	q.flying = len(batch)
	return batch
}

// wrote says that n of the bytes taken have been written.
func (q *queue) wrote(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flying -= n
}

// close refuses what comes from now on and wakes the writer.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// size is the bytes that wait or are being written.
func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending) + q.flying
}
