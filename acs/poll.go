package acs

import (
	"context"
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
		s.rooms.compareAll(ctx)
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
