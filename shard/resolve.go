package shard

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/shard/schema"
)

type verdict uint8

const (
	no verdict = iota
	yes
	unknown
)

// resolve learns how a commit ended whose answer was lost: see schema.Mark. The
// answer is final.
func (z *zone) resolve(start time.Time) verdict {
	ctx, cancel := context.WithDeadline(context.Background(), start.Add(z.lim.answer))
	defer cancel()
	for ctx.Err() == nil {
		number, err := z.commitMark(ctx)
		if err == nil {
			z.log.Info("outcome of a commit was looked up", "committed", number >= z.number)
			if number >= z.number {
				return yes
			}
			return no
		}
		pause(ctx, 20*time.Millisecond)
	}
	return unknown
}

func (z *zone) commitMark(ctx context.Context) (uint64, error) {
	if err := z.at("resolve"); err != nil {
		return 0, err
	}
	tx, err := z.db.Begin(ctx, schema.Mark{})
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	return tx.Marked(ctx, z.writer)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
