package xmlstream

import "io"

// idleRead is how much a Reader waits for with: what a session that says
// nothing costs. When a read fills it, the next one takes a buffer of
// smallBuffer from the pool.
const idleRead = 512

// Reader pulls events from a connection, for a goroutine per session. It keeps
// half a KiB while it waits and hands nothing out that refers to it. One
// goroutine at a time.
type Reader struct {
	r    io.Reader
	d    *Decoder
	end  bool // Close was returned
	full bool // the last read filled its buffer
	big  []byte
	idle [idleRead]byte
}

// NewReader returns a reader at the start of a stream. Deadlines, keepalive and
// TLS are the business of r.
func NewReader(r io.Reader, l Limits) *Reader {
	return &Reader{r: r, d: NewDecoder(l)}
}

// Decoder returns the decoder inside, to change limits or ask what is buffered.
func (r *Reader) Decoder() *Decoder { return r.d }

// Next returns the next event, never None. Errors are *Error, those of the
// connection as they are, and io.ErrUnexpectedEOF when the connection ends
// before the stream; io.EOF when it ends after.
func (r *Reader) Next() (Event, error) {
	for {
		ev, err := r.d.Next()
		if err != nil || ev.Kind != None {
			r.end = r.end || ev.Kind == Close
			return ev, err
		}
		if err := r.fill(); err != nil {
			return Event{}, err
		}
	}
}

// fill reads once. The decoder is done with what was read before.
func (r *Reader) fill() error {
	b := r.idle[:]
	switch {
	case r.full && r.big == nil:
		r.big = buffer(smallBuffer)[:smallBuffer]
		b = r.big
	case r.full:
		b = r.big
	default:
		r.release()
	}
	n, err := r.r.Read(b)
	if n > 0 {
		r.full = n == len(b)
		r.d.Feed(b[:n])
		return nil
	}
	r.full = false
	if err == io.EOF && !r.end {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) release() {
	if r.big != nil {
		recycle(r.big)
		r.big = nil
	}
}

// Restart expects a new stream on the same connection, from the bytes behind
// the last event on (RFC 6120 section 4.3.3).
func (r *Reader) Restart() {
	r.end = false
	r.d.Restart()
}

// Reset drops what was read ahead and goes on with another connection, as after
// STARTTLS (RFC 6120 section 5.4.3.3).
func (r *Reader) Reset(conn io.Reader) {
	r.Close()
	r.r, r.end, r.full = conn, false, false
}

// Close gives the buffers back. It does not close the connection.
func (r *Reader) Close() {
	r.d.Reset()
	r.release()
}
