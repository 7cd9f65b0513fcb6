package client

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	cursorEvery = 300 * time.Millisecond
	// patience is how long a gap may wait for the acknowledgement of an own
	// message that fills it, before the log is read.
	patience    = 200 * time.Millisecond
	syncRetry   = time.Second
	callTimeout = 30 * time.Second
)

// session is one signed-in connection: its reader, its writer and its syncer.
type session struct {
	c     *Client
	l     *link
	user  im.UserID
	began time.Time
	leave chan time.Duration // the server asks to leave within

	mu    sync.Mutex
	last  uint32                     // guarded by mu: the newest request id
	calls map[uint32]chan callResult // guarded by mu
	ended bool                       // guarded by mu
	timer *time.Timer                // guarded by mu: has the outbox go on
}

type callResult struct {
	reply *cxxpb.Reply
	err   error
}

func newSession(c *Client, l *link, user im.UserID) *session {
	return &session{
		c: c, l: l, user: user, began: time.Now(),
		leave: make(chan time.Duration, 1), calls: make(map[uint32]chan callResult),
	}
}

// serve runs the session until the connection ends, the server asks to leave,
// or ctx ends. It returns why, after its goroutines.
func (s *session) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var users, wire sync.WaitGroup
	failed := make(chan error, 1)
	wire.Go(s.l.writeLoop)
	wire.Go(func() { failed <- s.readLoop() })
	if !s.c.o.Quiet {
		users.Go(func() { s.syncLoop(ctx) })
		users.Go(func() { s.groupLoop(ctx) })
		users.Go(func() { s.cursorLoop(ctx) })
	}
	users.Go(func() { s.prepare(ctx) })
	s.c.out.attach(s.sendMessage, s.resumeIn)
	err := s.wait(ctx, failed)
	s.c.setSession(nil, err)
	s.end()
	cancel()
	users.Wait() // the last of them tells the server the cursor
	s.l.finish()
	wire.Wait()
	return err
}

// wait returns why the session is over.
func (s *session) wait(ctx context.Context, failed chan error) error {
	select {
	case err := <-failed:
		failed <- err
		return err
	case <-ctx.Done():
		return ctx.Err()
	case within := <-s.leave:
		return s.depart(ctx, within, failed)
	}
}

// depart leaves a server that drains: at some moment of the delay, so that not
// all clients come to the next one together, and with nothing in flight.
func (s *session) depart(ctx context.Context, within time.Duration, failed chan error) error {
	at := time.Duration(s.c.o.Rand() * 0.8 * float64(within))
	reason := im.Errorf(im.CodeGoAway, "%s asked to use another server", s.l.addr)
	select {
	case err := <-failed:
		failed <- err
		return reason
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(at):
	}
	select {
	case <-s.c.out.drain():
	case <-time.After(within - at):
	case <-ctx.Done():
	}
	return reason
}

// end takes the session out of use: nothing is sent on it any more, and who
// waits for an answer learns that none will come.
func (s *session) end() {
	s.c.out.detach()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, c := range s.calls {
		c <- callResult{err: errLinkDown}
	}
	s.calls = nil
	if s.timer != nil {
		s.timer.Stop()
	}
}

// prepare tells the server what it has to know of a new session.
func (s *session) prepare(ctx context.Context) {
	// The login has said how the user is shown; only offline takes a call.
	if p, ok := s.c.wantedPresence(); ok && p.Show == im.ShowOffline {
		s.try(ctx, &cxxpb.Call{Op: &cxxpb.Call_PresenceSet{PresenceSet: &cxxpb.PresenceSetCall{
			Show: uint32(p.Show), Status: p.Status,
		}}})
	}
	if !s.c.o.WatchPresence {
		return
	}
	r := s.try(ctx, &cxxpb.Call{Op: &cxxpb.Call_PresenceGet{PresenceGet: &cxxpb.PresenceGetCall{}}})
	if r != nil && r.GetPresence() != nil {
		s.presences(r.GetPresence())
	}
}

func (s *session) try(ctx context.Context, call *cxxpb.Call) *cxxpb.Reply {
	r, err := s.call(ctx, call)
	if err != nil {
		s.c.o.Log.Debug("call at the start of a session failed", "user", s.user, "err", err)
	}
	return r
}

// readLoop reads and dispatches frames until the connection ends.
func (s *session) readLoop() error {
	for {
		_ = s.l.nc.SetReadDeadline(time.Now().Add(deadAfter))
		f, err := s.l.read()
		if err != nil {
			return hangUp(s.l.addr, err)
		}
		if err := s.dispatch(f); err != nil {
			return err
		}
	}
}

// sendMessage writes a message; it is what the outbox calls.
func (s *session) sendMessage(p *Pending) uint32 {
	id := s.nextID()
	if !s.l.queue(cxxpb.FrameType_FRAME_SEND, sendFrame(id, p)) {
		return 0
	}
	return id
}

// resumeIn has the outbox go on after d.
func (s *session) resumeIn(d time.Duration) {
	t := time.AfterFunc(d, s.c.out.resume)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = t
}

func (s *session) nextID() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextIDLocked()
}

func (s *session) nextIDLocked() uint32 {
	if s.last++; s.last == 0 {
		s.last = 1
	}
	return s.last
}

// call sends a request and waits for its answer.
func (s *session) call(ctx context.Context, call *cxxpb.Call) (*cxxpb.Reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout,
		im.Errorf(im.CodeUnknownOutcome, "%s gave no answer for %v", s.l.addr, callTimeout))
	defer cancel()
	result := make(chan callResult, 1)
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil, errLinkDown
	}
	id := s.nextIDLocked()
	s.calls[id] = result
	s.mu.Unlock()
	call.Id = id
	s.l.queue(cxxpb.FrameType_FRAME_CALL, call)
	select {
	case r := <-result:
		return r.reply, r.err
	case <-ctx.Done():
		s.answer(id, callResult{})
		return nil, context.Cause(ctx)
	}
}

// answer hands a result to who waits for it.
func (s *session) answer(id uint32, r callResult) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[id]
	if ok {
		delete(s.calls, id)
		c <- r
	}
	return ok
}
