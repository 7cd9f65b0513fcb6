package stream

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// framing is how a transport that is a connection writes what a stream says.
type framing interface {
	header(dst []byte, h xmlstream.Header) []byte
	stanza(dst, st []byte) []byte // st as stanza.Client has it
	end(dst []byte) []byte
}

// link is what TCP and WebSocket have in common: who may write, and how a
// stream ends.
type link struct {
	srv    *Server
	wire   *wire
	fr     framing
	info   atomic.Pointer[Info]
	closed atomic.Bool // Close was called
	held   atomic.Bool // head is not empty

	mu     turn      // one writes
	out    io.Writer // guarded by mu: the wire, or TLS on it
	head   []byte    // guarded by mu: a header that goes with the first stanzas
	opened bool      // guarded by mu: this stream has a header of ours
	broken bool      // guarded by mu: nothing can be written any more
	ended  bool      // guarded by mu: our end is written
}

// turn is a lock under which is written to the peer, the one kind of I/O that a
// lock has to be held for: stanzas must not mix. The deadlines of wire bound it.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// Open implements Conn. The header goes out with what is sent next, at the
// latest when the client is waited for.
func (l *link) Open(h xmlstream.Header) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken || l.ended {
		return net.ErrClosed
	}
	l.head = l.fr.header(nil, h)
	l.opened = true
	l.held.Store(true)
	return nil
}

// Send implements Conn.
func (l *link) Send(stanzas ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return net.ErrClosed
	}
	return l.send(stanzas)
}

// send runs with mu held.
func (l *link) send(stanzas [][]byte) error {
	b := newBuffer()
	defer b.free()
	b.data = append(b.data, l.head...)
	for _, st := range stanzas {
		b.data = l.fr.stanza(b.data, st)
	}
	return l.write(b.data)
}

// write runs with mu held; p begins with head.
func (l *link) write(p []byte) error {
	l.head = nil
	l.held.Store(false)
	if l.broken || l.ended {
		return net.ErrClosed
	}
	if len(p) == 0 {
		return nil
	}
	if _, err := l.out.Write(p); err != nil {
		l.fail()
		return err
	}
	return nil
}

// fail runs with mu held: what was being written is cut in the middle.
func (l *link) fail() {
	l.broken = true
	l.wire.drop()
}

// flush writes a header that nothing followed.
func (l *link) flush() error {
	if !l.held.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(l.head)
}

// restart is part of Conn.Restart: the new stream needs a header of its own.
func (l *link) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = false
}

// Info implements Conn.
func (l *link) Info() Info { return *l.info.Load() }

// shut writes the last words, whoever called Close first. It bounds everything
// that may still happen, a write under way included.
func (l *link) shut(reason *Error) bool {
	if !l.closed.CompareAndSwap(false, true) {
		return false
	}
	l.wire.leaveAt(time.Now().Add(l.srv.cfg.CloseTimeout.D()))
	l.mu.Lock()
	defer l.mu.Unlock()
	b := newBuffer()
	defer b.free()
	b.data = append(b.data, l.head...)
	if reason != nil && !l.opened {
		// RFC 6120 section 4.9.1.2: an error stands within a stream.
		b.data = l.fr.header(b.data, l.srv.header())
		l.opened = true
	}
	if reason != nil {
		b.data = l.fr.stanza(b.data, xmlstream.Append(nil, reason.Element(), scope))
		l.srv.metrics.errors.WithLabelValues(string(reason.Condition)).Inc()
	}
	if l.opened {
		b.data = l.fr.end(b.data)
	}
	err := l.write(b.data)
	l.ended = true
	return err == nil
}

// scope is that of stanza.Client: what stanzas are rendered for.
var scope = xmlstream.Scope{Default: xmlstream.NSClient}

// header is for streams that fail before they were answered.
func (s *Server) header() xmlstream.Header {
	return xmlstream.Header{From: s.deps.Domain, ID: NewID(), Version: "1.0", Lang: "en", Content: xmlstream.NSClient}
}

// NewID returns an identifier that nobody can guess, 128 bits of it, as streams
// (RFC 6120 section 4.7.3) and sessions need.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// drain reads what the client still says until it goes, so that the last words
// are not lost with what was not read; then it closes the socket. The reading
// goroutine calls it last.
func (l *link) drain() {
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if !broken {
		var b [512]byte
		for {
			if _, err := l.wire.Read(b[:]); err != nil {
				break
			}
		}
	}
	_ = l.wire.Conn.Close()
}

// outBuffer is for what is written at once.
type outBuffer struct{ data []byte }

var outBuffers = sync.Pool{New: func() any { return new(outBuffer) }}

func newBuffer() *outBuffer { return outBuffers.Get().(*outBuffer) }

func (b *outBuffer) free() {
	if cap(b.data) <= 64<<10 {
		b.data = b.data[:0]
		outBuffers.Put(b)
	}
}
