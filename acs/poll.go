package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// headBatch is how many heads are read in one query.
const headBatch = 500

// verifyEvery is with how many comparisons of heads the devices are verified
// once, when nothing is known to be wrong.
const verifyEvery = 4

// pollLoop compares the heads of online users with what their sessions know:
// the last resort that bounds how long a lost push can stay unnoticed. For lost
// kicks verify does the same.
func (s *Server) pollLoop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := s.now()
	for polls := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		every := s.cfg.HeadPoll.D()
		if s.peers.degraded() {
			every = s.cfg.DegradedPoll.D()
		}
		soon := s.pollSoon.Swap(false)
		if !soon && s.now().Sub(last) < every {
			continue
		}
		last = s.now()
		users := s.hub.users()
		s.readHeads(ctx, users, (*session).compared)
		if soon || s.peers.someUnlinked() || s.peers.down.Load() || polls%verifyEvery == 0 {
			s.verify(ctx, users)
		}
		polls++
	}
}

// compareHeads tells the sessions of users how far their inboxes have come.
func (s *Server) compareHeads(ctx context.Context, users []im.UserID) {
	s.readHeads(ctx, users, (*session).heard)
}

func (s *Server) readHeads(ctx context.Context, users []im.UserID, tell func(*session, uint64)) {
	for len(users) > 0 && ctx.Err() == nil {
		n := min(headBatch, len(users))
		heads, err := s.store.Heads(ctx, users[:n])
		if err != nil {
			s.log.Debug("heads could not be read", "err", err)
		}
		for _, h := range heads {
			for _, ss := range s.hub.of(h.User) {
				tell(ss, h.Seq)
			}
		}
		users = users[n:]
	}
}

// cursors gathers how far devices have come and saves it now and then: it is
// for the operator and for later decisions, not for correctness.
type cursors struct {
	mu  sync.Mutex
	due map[cursorKey]uint64 // guarded by mu
}

type cursorKey struct {
	user   im.UserID
	device im.DeviceID
}

func newCursors() *cursors { return &cursors{due: make(map[cursorKey]uint64)} }

func (c *cursors) put(d im.DeviceCursor) {
	k := cursorKey{d.User, d.Device}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due[k] = max(c.due[k], d.Seq)
}

func (c *cursors) save(ctx context.Context, s *Server) {
	c.mu.Lock()
	due := c.due
	c.due = make(map[cursorKey]uint64)
	c.mu.Unlock()
	if len(due) == 0 {
		return
	}
	list := make([]im.DeviceCursor, 0, len(due))
	for k, seq := range due {
		list = append(list, im.DeviceCursor{User: k.user, Device: k.device, Seq: seq})
	}
	if err := s.store.SaveCursors(ctx, list); err != nil {
		s.log.Debug("cursors were not saved", "err", err)
	}
}

func (s *Server) cursorLoop(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.cursors.save(ctx, s)
		}
	}
}
