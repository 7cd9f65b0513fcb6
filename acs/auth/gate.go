package auth

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// gate lets only so many do costly work at once and only so many wait, so that
// a storm of password logins leaves CPU for everybody else.
type gate struct {
	work    chan struct{} // one token per worker
	waiting chan struct{} // one token per worker or waiter
}

func newGate(work, waiting int) *gate {
	return &gate{work: make(chan struct{}, work), waiting: make(chan struct{}, work+waiting)}
}

// run calls f when there is room, or answers AUTH_BUSY.
func (g *gate) run(ctx context.Context, f func()) error {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return &im.Error{Code: im.CodeAuthBusy, Detail: "many are logging in right now; try again in a moment", RetryAfter: 2 * time.Second}
	}
	select {
	case g.work <- struct{}{}:
		defer func() { <-g.work }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f()
	return nil
}
