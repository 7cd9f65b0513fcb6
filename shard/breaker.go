package shard

import "sync/atomic"

// breaker remembers whether a zone answers. It opens after some failures in a
// row, or at once when an answer did not come in time, and is closed by a probe
// that succeeds. All methods are safe for any goroutine.
type breaker struct {
	most   int32 // failures in a row until it opens
	failed atomic.Int32
	open   atomic.Bool
}

func (b *breaker) isOpen() bool { return b.open.Load() }

// failure reports whether it opened the breaker.
func (b *breaker) failure(timeout bool) bool {
	if n := b.failed.Add(1); n < b.most && !timeout {
		return false
	}
	return b.open.CompareAndSwap(false, true)
}

// success forgets failures. It does not close an open breaker: an answer that
// was under way says nothing of now.
func (b *breaker) success() {
	if b.failed.Load() != 0 {
		b.failed.Store(0)
	}
}

// close is for the probe; it reports whether the breaker was open.
func (b *breaker) close() bool {
	b.failed.Store(0)
	return b.open.CompareAndSwap(true, false)
}
