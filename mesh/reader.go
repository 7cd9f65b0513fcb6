package mesh

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// reader cuts what a connection delivers into frames. One goroutine uses it.
type reader struct {
	conn    net.Conn
	limit   int           // bytes of a frame
	silence time.Duration // how long nothing may come; zero: the connection's own deadline holds
	bytes   atomic.Uint64
	buf     []byte // buf[start:end] is read and not used yet
	start   int
	end     int
}

const readBytes = 64 << 10

func newReader(conn net.Conn) *reader {
	return &reader{conn: conn, limit: maxHello, buf: make([]byte, maxHello)}
}

// next returns the next frame that is no heartbeat. Its body is valid until
// the next call.
func (r *reader) next() (proto.Frame, error) {
	for {
		f, n, err := proto.Parse(r.buf[r.start:r.end], r.limit)
		if err != nil {
			return proto.Frame{}, errMalformed{err}
		}
		r.start += n
		if n > 0 && f.Type != cxxpb.FrameType_FRAME_NONE {
			return f, nil
		}
		if n > 0 {
			continue
		}
		if err := r.fill(); err != nil {
			return proto.Frame{}, err
		}
	}
}

// fill reads once, into a buffer that has room.
func (r *reader) fill() error {
	r.makeRoom()
	if r.silence > 0 {
		if err := r.conn.SetReadDeadline(time.Now().Add(r.silence)); err != nil {
			return err
		}
	}
	n, err := r.conn.Read(r.buf[r.end:])
	r.end += n
	r.bytes.Add(uint64(n))
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (r *reader) makeRoom() {
	used := r.end - r.start
	size := len(r.buf)
	switch {
	case used == 0 && size != readBytes && r.limit > maxHello:
		size = readBytes // after the hello, and after a large frame
	case used > size/2:
		size *= 2
	case size > readBytes && used <= readBytes/2:
		size = readBytes
	}
	if size != len(r.buf) {
		bigger := make([]byte, size)
		copy(bigger, r.buf[r.start:r.end])
		r.buf, r.start, r.end = bigger, 0, used
		return
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.start, r.end = 0, used
	}
}

// errMalformed is bytes that are not frames.
type errMalformed struct{ err error }

func (e errMalformed) Error() string { return e.err.Error() }
func (e errMalformed) Unwrap() error { return e.err }

// reasonOf names the end of a link by the error of its reader.
func reasonOf(err error) reason {
	var bad errMalformed
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return endSilent
	case errors.Is(err, io.EOF):
		return endClosed
	case errors.As(err, &bad):
		return endMalformed
	}
	return endBroken
}
