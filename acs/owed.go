package acs

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Booker is told how a user stands to a group when his own zone has learnt it; it
// keeps what XMPP clients have of that in step. as acts for the user: it reads and
// writes his items and sends signals, and is not to be closed. The same may be told
// again, and late.
type Booker interface {
	// An error says that it has to be told again.
	Booked(ctx context.Context, as im.Session, m im.Membership) error
}

// UseBooker sets who is told. Call it before Run.
func (s *Server) UseBooker(b Booker) { s.booker = b }

// fewOwed is how many users are told before the answer of a change; more wait for
// nobody.
const fewOwed = 20

// settleSoon tells users what a change means for them.
func (s *Server) settleSoon(ctx context.Context, due []im.Owed) {
	if len(due) <= fewOwed {
		s.settleOwed(ctx, due)
		return
	}
	s.after(0, func(ctx context.Context) { s.settleOwed(ctx, due) })
}

// settleOwed writes memberships in the zones of their users and tells their
// devices. What fails stays owed.
func (s *Server) settleOwed(ctx context.Context, due []im.Owed) {
	done := make([]im.Owed, 0, len(due))
	for _, o := range due {
		e, err := s.store.PutMembership(ctx, o.Membership, o.Entry)
		if err != nil {
			s.log.Debug("user was not told of his group, will try again", "user", o.Membership.User, "group", o.Membership.Group, "err", err)
			continue
		}
		if e != nil {
			s.Deliver(o.Membership.User, []im.Entry{*e})
		}
		if err := s.book(ctx, o.Membership); err != nil {
			s.log.Debug("bookmark is not in step, will try again", "user", o.Membership.User, "group", o.Membership.Group, "err", err)
			continue
		}
		done = append(done, o)
	}
	if len(done) == 0 {
		return
	}
	if err := s.store.Settle(ctx, done); err != nil {
		s.log.Debug("what was owed is not forgotten yet", "err", err)
	}
}

// book tells the booker of a membership.
func (s *Server) book(ctx context.Context, m im.Membership) error {
	if s.booker == nil {
		return nil
	}
	as, err := s.behalf(ctx, m.User)
	if im.CodeOf(err) == im.CodeNotFound && err != nil { // the account is gone
		return nil
	}
	if err != nil {
		return err
	}
	return s.booker.Booked(ctx, as, m)
}

const (
	owedEvery = 5 * time.Second
	owedAfter = 3 * time.Second // whoever made the change is still at it before
	owedBatch = 200
	pruneEach = 60 // rounds
	pruneMost = 5000
)

// owedLoop settles what other nodes have left, and removes what groups keep no
// longer.
func (s *Server) owedLoop(ctx context.Context) {
	for round := rand.IntN(pruneEach); ; round++ {
		pause(ctx, owedEvery+rand.N(owedEvery))
		if ctx.Err() != nil {
			return
		}
		due, err := s.store.Owed(ctx, s.now().Add(-owedAfter), owedBatch)
		if err != nil {
			s.log.Debug("what is owed could not be read", "err", err)
		}
		s.settleOwed(ctx, due)
		if round%pruneEach == 0 {
			s.pruneGroups(ctx)
		}
	}
}

func (s *Server) pruneGroups(ctx context.Context) {
	for n := pruneMost; n >= pruneMost && ctx.Err() == nil; {
		var err error
		if n, err = s.store.PruneGroups(ctx, s.now(), pruneMost); err != nil {
			s.log.Debug("old messages of groups were not removed", "err", err)
			return
		}
	}
}
