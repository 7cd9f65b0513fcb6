package edge

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// drainGrace is how long a client may stay beyond the delay it was given.
const drainGrace = 2 * time.Second

// Drain takes no new connections, asks every client to leave within a random
// part of spread, so that the others are not stormed, and returns when all
// connections have ended. Clients that stay are closed when their delay has
// passed and nothing of theirs is in flight; when ctx ends, at once.
func (s *Server) Drain(ctx context.Context, spread time.Duration) error {
	s.draining.Store(true)
	s.stopListening()
	s.log.Info("draining", "connections", s.Connections(), "sessions", s.Sessions())
	delay := func() time.Duration {
		if spread <= 0 {
			return 0
		}
		return rand.N(spread)
	}
	for _, l := range s.loops.all() {
		_ = l.execute(func() {
			l.wheel.each(func(t *tcpConn) { t.goAway(delay(), drainGrace) })
		})
	}
	s.ws.each(func(w *wsConn) { w.goAway(delay(), drainGrace) })
	for s.Connections() > 0 {
		select {
		case <-s.changed:
		case <-ctx.Done():
			s.closeAll()
			return ctx.Err()
		}
	}
	return nil
}

// closeAll ends all connections, telling the clients to come back elsewhere,
// and waits a moment for them to read it.
func (s *Server) closeAll() {
	reason := im.Errorf(im.CodeGoAway, "the server stops; connect to another")
	for _, l := range s.loops.all() {
		_ = l.execute(func() {
			l.wheel.each(func(t *tcpConn) {
				t.c.fail(reason)
				t.pass()
			})
		})
	}
	s.ws.each(func(w *wsConn) { w.c.fail(reason) })
	patience := time.NewTimer(lingerTime)
	defer patience.Stop()
	for s.Connections() > 0 {
		select {
		case <-s.changed:
		case <-patience.C:
			return
		}
	}
}

func goAwayFrame(delay time.Duration) reply {
	return reply{cxxpb.FrameType_FRAME_GO_AWAY, &cxxpb.GoAway{DelayMs: uint32(delay.Milliseconds()), Detail: "the server goes down"}}
}
