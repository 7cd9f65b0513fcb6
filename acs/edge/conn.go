package edge

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// transport is what a conn needs of the socket below it.
type transport interface {
	// wake asks the owner of the connection to flush the outbox and to see
	// whether reading may go on. Any goroutine may call it.
	wake()
	// binding returns what ties a login to the TLS channel.
	binding() im.ChannelBinding
}

// state is how far a connection has come.
type state uint32

const (
	fresh    state = iota // nothing said
	greeted               // Hello exchanged
	loggedIn              // session open
	closing               // the reason is in the outbox
)

// conn is the protocol of one connection, whatever carries its bytes. consume
// and what it calls run in the reader: the event loop, or the goroutine that
// reads a WebSocket. Handlers run in the reader when nothing waits before them,
// else in the runner of the queue; never in both at once.
type conn struct {
	srv    *Server
	tr     transport
	remote netip.AddrPort

	out   outbox
	queue queue

	state   atomic.Uint32
	paused  atomic.Bool  // the reader has stopped at a limit
	unacked atomic.Int32 // sends without an answer

	// The reader's own.
	in      []byte // what was read and not consumed: part of a frame, or behind a pause
	sends   rate
	signals rate
	until   time.Duration // paused at least until then, for the send rate
	over    time.Duration // since when the session is over its rate; zero: it is not

	// Set in the order of the frames, before the state that makes them visible.
	features uint64
	domain   string
	login    *login // from the first Login to the end of the last
	session  im.Session
	device   im.DeviceID

	closed atomic.Pointer[string] // why, in a word; the first one stays
}

func (c *conn) is(s state) bool { return state(c.state.Load()) == s }

func (c *conn) limit() int {
	if c.is(loggedIn) {
		return int(c.srv.cfg.MaxFrame)
	}
	return int(c.srv.cfg.MaxFrameBeforeLogin)
}

// consume takes bytes as they were read, in order, and handles the frames in
// them until it has to pause. data may be reused after the call.
func (c *conn) consume(data []byte) {
	joined := len(c.in) > 0
	if joined {
		c.in = append(c.in, data...)
		data = c.in
	}
	for !c.is(closing) && !c.pause() {
		f, n, err := proto.Parse(data, c.limit())
		if err != nil {
			c.fail(err)
			break
		}
		if n == 0 {
			break
		}
		if !c.accept(f) {
			c.paused.Store(true)
			break
		}
		data = data[n:]
	}
	c.keep(data, joined)
}

// keep stores the rest for the next time.
func (c *conn) keep(rest []byte, joined bool) {
	switch {
	case c.is(closing), len(rest) == 0:
		putBuffer(c.in)
		c.in = nil
	case joined:
		c.in = c.in[:copy(c.in, rest)]
	default:
		c.in = append(getBuffer(), rest...)
	}
	// A reader that cannot be stopped at once may leave some behind a pause.
	if len(c.in) > c.limit()+1<<20 {
		c.fail(im.Errorf(im.CodeRateLimited, "too much was sent while the server had stopped reading"))
	}
}

// pause says whether reading has to stop, and remembers it.
func (c *conn) pause() bool {
	if !c.mustWait() {
		return false
	}
	c.paused.Store(true)
	// Whoever lifts the limit looks at paused afterwards: check again.
	if c.mustWait() {
		return true
	}
	c.paused.Store(false)
	return false
}

func (c *conn) mustWait() bool {
	return int(c.unacked.Load()) >= c.srv.cfg.MaxUnacked || c.queue.full() || c.until > 0 && c.srv.now() < c.until
}

// resume goes on reading after a pause when it may. Only the reader calls it.
func (c *conn) resume() (resumed bool) {
	if !c.paused.Load() || c.mustWait() {
		return false
	}
	c.paused.Store(false)
	c.until = 0
	c.consume(nil)
	return !c.paused.Load()
}

// accept hands a frame to its handler. False: it was not taken, because the
// session has to wait.
func (c *conn) accept(f proto.Frame) bool {
	c.srv.metrics.frameIn(f.Type)
	if f.Type == cxxpb.FrameType_FRAME_NONE {
		c.put(func(b []byte) []byte { return append(b, proto.Heartbeat) })
		return true
	}
	e := &frames[f.Type&63]
	switch {
	case e.handle == nil && f.Flags&proto.FlagOptional != 0:
		return true
	case e.handle == nil && !c.is(loggedIn):
		c.fail(im.Errorf(im.CodeBadState, "frames of type %d may not be sent %s", f.Type, stateNames[c.state.Load()]))
		return true
	case e.handle == nil:
		c.refuse(requestID(f.Body), im.Errorf(im.CodeUnsupported, "frames of type %d are not understood here", f.Type))
		return true
	case f.Flags&proto.FlagZstd != 0:
		c.fail(im.Errorf(im.CodeMalformed, "the server takes no compressed frames"))
		return true
	case e.admit != nil && c.is(loggedIn):
		if taken, done := e.admit(c, f.Body); done {
			return taken
		}
	}
	if e.inline && c.queue.idle() {
		c.run(c.srv.base, task{kind: f.Type, body: f.Body})
		return true
	}
	c.enqueue(task{kind: f.Type, body: append([]byte(nil), f.Body...)})
	return true
}

// put adds a frame to the outbox; any goroutine may call it.
func (c *conn) put(encode func([]byte) []byte) {
	wake, over := c.out.append(int(c.srv.cfg.HardOutbound), encode)
	if over {
		c.slow()
	}
	if wake {
		c.tr.wake()
	}
}

// send adds a frame with a message.
func (c *conn) send(r reply) {
	c.srv.metrics.frameOut(r.kind)
	if r.kind == cxxpb.FrameType_FRAME_REPLY && c.features&uint64(cxxpb.Feature_FEATURE_ZSTD) != 0 {
		// Compressed before the outbox is locked.
		f := proto.AppendFrameZstd(nil, r.kind, r.msg)
		c.put(func(b []byte) []byte { return append(b, f...) })
		return
	}
	c.put(func(b []byte) []byte { return proto.AppendFrame(b, r.kind, 0, r.msg) })
}

// refuse answers a request with an error; the connection goes on.
func (c *conn) refuse(id uint32, err error) {
	c.send(reply{cxxpb.FrameType_FRAME_ERROR, proto.ErrorToPB(id, c.srv.public(c, err))})
}

// fail ends the connection with an error as its last frame. Any goroutine may
// call it.
func (c *conn) fail(err error) {
	e := c.srv.public(c, err)
	c.finish(reasonOf(e.Code), func(b []byte) []byte {
		return proto.AppendFrame(b, cxxpb.FrameType_FRAME_ERROR, 0, proto.ErrorToPB(0, e))
	})
}

func (c *conn) slow() {
	c.fail(im.Errorf(im.CodeSlowConsumer, "the connection does not take what it is sent; come back and sync"))
}

// finish closes the connection for a reason of the closed list, once what is
// queued and the last frame are out.
func (c *conn) finish(reason string, last func([]byte) []byte) {
	if !c.out.end(last) {
		return
	}
	c.closed.CompareAndSwap(nil, &reason)
	c.state.Store(uint32(closing))
	c.queue.cancel()
	c.tr.wake()
}

// gone is called once, by the owner, when the socket is closed. release gives
// back what the connection held, when everything is counted.
func (c *conn) gone(reason string, release func()) {
	c.out.end(nil)
	c.closed.CompareAndSwap(nil, &reason)
	c.state.Store(uint32(closing))
	why := *c.closed.Load()
	c.srv.metrics.close(why)
	c.srv.log.Debug("connection closed", "reason", why)
	c.queue.cancel()
	c.in = nil
	c.out.take()
	release()
	c.enqueue(task{last: true})
}

// leave is the last task of a connection: its session ends behind everything
// that was asked of it.
func (c *conn) leave(ctx context.Context) {
	if c.session != nil {
		// Who has been silent for so long gets no grace on top of it.
		if why := c.closed.Load(); why != nil && *why == reasonOf(im.CodeIdle) {
			_ = c.session.SetPresence(ctx, im.Presence{})
		}
		c.session.Close()
		c.srv.sessions.Add(-1)
	}
	c.srv.left(c)
}
