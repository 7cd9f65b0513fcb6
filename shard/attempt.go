package shard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// attempt runs ops as one transaction, again where that is right, or in parts
// when one of them spoils it for the others. Every op has its result after it.
func (z *zone) attempt(ctx context.Context, start time.Time, ops []*op, checked bool) {
	if len(ops) == 0 {
		return
	}
	const retries = 3
	for try := 0; ; try++ {
		culprit, sealed, err := z.once(ctx, ops, checked)
		if err == nil {
			z.breaker.success()
			return
		}
		class := z.db.Class(err)
		if sealed && (class == schema.Lost || class == schema.Other) {
			// The COMMIT was on its way: it may have happened.
			outcome := z.resolve(start)
			z.lost = time.Now()
			switch outcome {
			case yes:
				return
			case unknown:
				class = schema.Doubt
			}
		}
		switch class {
		case schema.Duplicate:
			if !checked {
				checked = true
				try--
				continue
			}
			z.split(ctx, start, ops, culprit, err)
			return
		case schema.Conflict:
			if try < retries {
				pause(ctx, 5*time.Millisecond+rand.N(45*time.Millisecond))
				continue
			}
			z.refuse(ops, "conflict", err)
			return
		case schema.Lost:
			z.met.refused("lost")
			z.lost = time.Now()
			if ctx.Err() != nil {
				err = errors.Join(context.DeadlineExceeded, err)
			}
			z.failed(err)
			if try == 0 && ctx.Err() == nil {
				continue // an idle connection that the server had dropped
			}
			z.refuse(ops, "lost", err)
			return
		case schema.Refused:
			z.refuse(ops, "refused", err)
			return
		case schema.Doubt:
			z.failed(errors.Join(context.DeadlineExceeded, err))
			z.doubt(ops, err)
			return
		default:
			z.split(ctx, start, ops, culprit, err)
			return
		}
	}
}

// split runs the ops apart from the one that failed, or in halves when nobody
// knows which it was.
func (z *zone) split(ctx context.Context, start time.Time, ops []*op, culprit int, err error) {
	if len(ops) == 1 {
		ops[0].err = fmt.Errorf("shard: write in zone %d: %w", z.id, err)
		z.met.refused("error")
		return
	}
	if culprit >= 0 {
		z.attempt(ctx, start, ops[:culprit], true)
		z.attempt(ctx, start, ops[culprit:culprit+1], true)
		z.attempt(ctx, start, ops[culprit+1:], true)
		return
	}
	half := len(ops) / 2
	z.attempt(ctx, start, ops[:half], true)
	z.attempt(ctx, start, ops[half:], true)
}

func (z *zone) refuse(ops []*op, reason string, err error) {
	z.met.refused(reason)
	if now := time.Now(); now.Sub(z.warned) > time.Second { // a full disk would fill the log too
		z.warned = now
		z.log.Warn("transaction was rolled back", "reason", reason, "changes", len(ops), "err", err)
	}
	for _, o := range ops {
		o.err = z.down(err)
	}
}

func (z *zone) doubt(ops []*op, err error) {
	z.met.refused("unknown_outcome")
	z.log.Error("commit was not answered", "changes", len(ops), "err", err)
	for _, o := range ops {
		o.err = &im.Error{Code: im.CodeUnknownOutcome, Detail: "the database did not say whether it was written; try again with the same id", Err: err}
	}
}
