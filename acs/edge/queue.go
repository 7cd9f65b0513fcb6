package edge

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// task is a frame that waits for its turn. Its body is a copy.
type task struct {
	kind cxxpb.FrameType
	body []byte
	last bool // the connection is closed
}

// queue keeps the order of a connection's requests. Its runner is a goroutine
// that exists only while there is work.
type queue struct {
	mu      sync.Mutex
	tasks   []task             // guarded by mu
	bytes   int                // guarded by mu: of their bodies
	limit   int                // guarded by mu: tasks at which it is full
	running bool               // guarded by mu
	stop    context.CancelFunc // guarded by mu: ends what runs
	stopped bool               // guarded by mu: the connection is closing
}

const maxQueuedBytes = 256 << 10

func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.running
}

func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks) >= q.limit || q.bytes >= maxQueuedBytes
}

// cancel ends the context of what runs; what waits is dropped by run.
func (q *queue) cancel() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	if q.stop != nil {
		q.stop()
	}
}

// next takes the first task, or reports that the runner may end.
func (q *queue) next() (t task, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) == 0 {
		q.running, q.tasks = false, nil
		return task{}, false
	}
	t = q.tasks[0]
	q.tasks[0] = task{}
	q.tasks = q.tasks[1:]
	q.bytes -= len(t.body)
	return t, true
}

func (q *queue) setStop(stop context.CancelFunc) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stop = stop
	if q.stopped && stop != nil {
		stop()
	}
}

// enqueue adds a task and sees to it that a runner works on it.
func (c *conn) enqueue(t task) {
	q := &c.queue
	q.mu.Lock()
	q.tasks = append(q.tasks, t)
	q.bytes += len(t.body)
	start := !q.running
	q.running = true
	q.mu.Unlock()
	if start {
		c.srv.runners.Go(c.work)
	}
}

// work is the runner.
func (c *conn) work() {
	for {
		t, ok := c.queue.next()
		if !ok {
			break
		}
		if t.last {
			c.leave(c.srv.base)
			continue
		}
		c.workOn(t)
		if c.paused.Load() {
			c.tr.wake()
		}
	}
	if c.paused.Load() {
		c.tr.wake()
	}
}

func (c *conn) workOn(t task) {
	ctx, cancel := context.WithTimeout(c.srv.base, c.srv.cfg.CallTimeout.D())
	defer cancel()
	c.queue.setStop(cancel)
	defer c.queue.setStop(nil)
	c.run(ctx, t)
}

// run calls the handler of a frame and writes what it answers. A panic in it
// closes this connection and harms nobody else.
func (c *conn) run(ctx context.Context, t task) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.metrics.panics.Inc()
			c.srv.log.Error("handler panicked", "frame", t.kind.String(), "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.fail(im.Errorf(im.CodeInternal, "the request failed inside the server"))
		}
	}()
	e := &frames[t.kind&63]
	switch {
	case c.is(closing):
		return
	case !e.in.has(state(c.state.Load())):
		c.fail(outOfPlace(t.kind, state(c.state.Load())))
		return
	}
	r, err := e.handle(ctx, c, t.body)
	if r.msg != nil {
		c.send(r)
	}
	if err != nil {
		c.answerError(err)
	}
}

func outOfPlace(kind cxxpb.FrameType, in state) *im.Error {
	if kind == cxxpb.FrameType_FRAME_HELLO {
		return im.Errorf(im.CodeBadState, "Hello may be sent once, as the first frame")
	}
	return im.Errorf(im.CodeBadState, "%s may not be sent %s", proto.Name(kind), stateNames[uint32(in)])
}
