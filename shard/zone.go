package shard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// zone is one database with its writer. Four goroutines belong to it: write
// runs transactions, complete tells callers, check looks up sends that go to
// other zones, tend watches over the answers of the database.
type zone struct {
	id         im.ZoneID
	db         engine
	lim        limits
	mapVersion int // of the map that this process serves by
	log        *slog.Logger
	met        zoneMetrics
	hook       atomic.Pointer[func(point string) error] // tests make the zone fail at a point; nil otherwise

	queue  *mailbox[*op]
	done   *mailbox[*op]
	checks *mailbox[*crossing]

	breaker breaker
	began   atomic.Int64 // when the running transaction began, in nanoseconds; 0: none runs

	crossMu sync.Mutex
	crosses map[sentKey][]*crossing // guarded by crossMu: sends under way to other zones, with those that wait for them

	// Of the goroutine write:
	writer uint64 // names this process in commit_mark
	number uint64 // of the newest transaction
	txn    txn
	last   int       // changes in the transaction before
	warned time.Time // when a rollback was last logged
	lost   time.Time // when the database was last found out of reach; of the writer

	wg   sync.WaitGroup
	stop chan struct{}
}

type limits struct {
	queue    int
	answer   time.Duration // every call is answered within
	tx       time.Duration // a transaction takes at most; less than answer
	probe    time.Duration
	rows     int
	wait     time.Duration
	failures int
}

func newZone(id im.ZoneID, db engine, lim limits, log *slog.Logger) *zone {
	z := &zone{
		id: id, db: db, lim: lim, log: log.With("zone", id),
		queue: newMailbox[*op](lim.queue), done: newMailbox[*op](0), checks: newMailbox[*crossing](0),
		breaker: breaker{most: int32(lim.failures)},
		crosses: make(map[sentKey][]*crossing),
		txn:     newTxn(),
		stop:    make(chan struct{}),
	}
	z.txn.byConversation = z.byConversation()
	return z
}

// byConversation is the table inbox for queries about one conversation.
func (z *zone) byConversation() string { return schema.ByConversation(z.db.Dialect()) }

func (z *zone) start() {
	z.wg.Go(z.write)
	z.wg.Go(z.check)
	z.wg.Go(z.tend)
	z.wg.Go(z.complete)
}

// close ends the goroutines. No call may be under way or follow.
func (z *zone) close() error {
	z.checks.close()
	z.queue.close()
	close(z.stop)
	z.wg.Wait()
	return z.db.Close()
}

// down is the definite answer of a zone that cannot be reached or cannot write.
func (z *zone) down(err error) error {
	return &im.Error{
		Code: im.CodeZoneUnavailable, Detail: fmt.Sprintf("zone %d is not available; try again in a moment", z.id),
		RetryAfter: z.lim.probe, Err: err,
	}
}

// read runs f with a bounded context, and says in our words what failed.
func (z *zone) read(ctx context.Context, f func(context.Context, schema.Queryer) error) error {
	if z.breaker.isOpen() {
		return z.down(nil)
	}
	bounded, cancel := context.WithTimeout(ctx, z.lim.tx)
	defer cancel()
	err := f(bounded, z.db)
	if err == nil {
		z.breaker.success()
		return nil
	}
	if _, ours := errors.AsType[*im.Error](err); ours {
		return err
	}
	switch z.db.Class(err) {
	case schema.Lost:
		if ctx.Err() != nil {
			return &im.Error{Code: im.CodeTimeout, Detail: "the caller did not wait for the answer", Err: err}
		}
		if bounded.Err() != nil {
			err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
		}
		z.failed(err)
		return z.down(err)
	case schema.Refused, schema.Conflict:
		return z.down(err)
	}
	return fmt.Errorf("shard: read in zone %d: %w", z.id, err)
}
