package mesh

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// link is one connection to an incarnation of a peer, after the hellos.
type link struct {
	conn    net.Conn // with TLS, if any
	raw     net.Conn // below TLS; closing it waits for nobody
	frames  *reader
	peer    im.NodeID
	epoch   uint64
	version string // of the peer's server, for people
	dialled bool
	since   time.Time
	queue   *queue
	out     atomic.Uint64

	mu  sync.Mutex
	end reason // guarded by mu: the first reason wins
	err error  // guarded by mu
}

// writeBytes is the most that one write carries, so that each has a deadline
// that a slow but living network meets.
const writeBytes = 256 << 10

// flushWithin is how long the last words of a node that shuts down may take.
const flushWithin = time.Second

// close ends the link for a reason; what waits is lost. Any goroutine may
// call it, any number of times.
func (l *link) close(why reason, err error) {
	l.mu.Lock()
	if l.end == "" {
		l.end, l.err = why, err
	}
	l.mu.Unlock()
	l.queue.close()
	_ = l.raw.Close()
}

// ended returns why the link has ended; empty while it is up.
func (l *link) ended() (reason, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end, l.err
}

// read hands over frames until the link ends. The owner calls it.
func (l *link) read(m *Mesh) {
	l.frames.limit, l.frames.silence = maxFrame, m.cfg.DeadAfter.D()
	counted := uint64(0)
	for {
		f, err := l.frames.next()
		n := l.frames.bytes.Load()
		m.metrics.in.Add(float64(n - counted))
		counted = n
		if err != nil {
			l.close(reasonOf(err), err)
			return
		}
		if err := l.handle(m, f); err != nil {
			l.close(endMalformed, err)
			return
		}
	}
}

func (l *link) handle(m *Mesh, f proto.Frame) error {
	e, known, err := decode(f, l.peer, l.epoch)
	if err != nil {
		return err
	}
	if !known {
		m.metrics.received.inc(frameOther)
		return nil
	}
	m.metrics.received.inc(f.Type)
	m.handler.Receive(l.peer, e)
	return nil
}

// write carries the queue to the peer, and heartbeats, until the link ends or
// ctx does; then it sends what waits and says goodbye.
func (l *link) write(ctx context.Context, m *Mesh) {
	beat := time.NewTicker(m.cfg.Heartbeat.D())
	defer beat.Stop()
	within := m.cfg.DeadAfter.D()
	heartbeat := []byte{proto.Heartbeat}
	var batch []byte
	for {
		var err error
		select {
		case <-ctx.Done():
			l.sayGoodbye(m, batch)
			return
		case <-beat.C:
			err = l.writeWithin(m, heartbeat, within)
		case <-l.queue.wake:
			batch = l.queue.take(batch)
			err = l.writeBatch(m, batch, within)
		}
		if err != nil {
			l.close(writeReason(err), err)
			return
		}
		if why, _ := l.ended(); why != "" {
			return
		}
	}
}

func (l *link) writeBatch(m *Mesh, batch []byte, within time.Duration) error {
	for len(batch) > 0 {
		n := min(len(batch), writeBytes)
		if err := l.writeWithin(m, batch[:n], within); err != nil {
			return err
		}
		l.queue.wrote(n)
		batch = batch[n:]
	}
	return nil
}

func (l *link) writeWithin(m *Mesh, b []byte, within time.Duration) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	n, err := l.conn.Write(b)
	l.out.Add(uint64(n))
	m.metrics.out.Add(float64(n))
	m.metrics.writes.Inc()
	return err
}

func (l *link) sayGoodbye(m *Mesh, spare []byte) {
	l.mu.Lock()
	if l.end == "" {
		l.end = endShutdown
	}
	l.mu.Unlock()
	l.queue.close()
	if l.writeBatch(m, l.queue.take(spare), flushWithin) == nil {
		_ = l.conn.Close()
	}
	_ = l.raw.Close()
}

func writeReason(err error) reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return endStalled
	}
	return endBroken
}

// put queues encoded frames. When sessions do not fit, the link has to start
// again from a snapshot, for the peer would miss them for ever.
func (l *link) put(m *Mesh, frames []byte, t cxxpb.FrameType) bool {
	state := t == frameSessions || t == frameKick || t == frameBlocks || t == frameRooms
	switch l.queue.put(frames, state) {
	case taken:
		m.metrics.sent.inc(t)
		return true
	case down:
		m.drop(dropDown)
	case full:
		m.drop(dropFull)
		if t == frameSessions || t == frameBlocks || t == frameRooms {
			l.close(endOverflow, errOverflow)
		}
	}
	return false
}

var errOverflow = errors.New("mesh: the peer is so far behind that sessions could not be announced to it")
