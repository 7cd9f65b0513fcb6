package xmlstream

import "sync"

// Buffers for incomplete units. Most stanzas fit the first size; what grew
// beyond the second goes to the garbage collector, not back to the pool.
const (
	smallBuffer = 4 << 10
	largeBuffer = 16 << 10
)

var buffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// buffer returns an empty slice from a pool, or a new one, for n bytes.
func buffer(n int) []byte {
	switch {
	case n <= smallBuffer:
		return buffers.Get().(*[smallBuffer]byte)[:0]
	case n <= largeBuffer:
		return largeBuffers.Get().(*[largeBuffer]byte)[:0]
	}
	return make([]byte, 0, n)
}

func recycle(b []byte) {
	switch cap(b) {
	case smallBuffer:
		buffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}

// keep moves the unit to a buffer of our own, at its start.
func (d *Decoder) keep() {
	rest := d.buf[d.base:]
	switch {
	case !d.own:
		d.buf = append(buffer(len(rest)), rest...)
		d.own = true
	case d.base > 0:
		d.buf = d.buf[:copy(d.buf, rest)]
	}
	d.offset += int64(d.base)
	d.pos -= d.base
	d.base = 0
}

// drop forgets all bytes and gives the memory back.
func (d *Decoder) drop() {
	if d.own {
		recycle(d.buf)
	}
	if d.work != nil {
		d.work.release()
		d.work = nil
	}
	d.offset += int64(len(d.buf))
	d.buf, d.base, d.pos, d.end = nil, 0, 0, 0
	d.own, d.unit = false, false
}
