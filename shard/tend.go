package shard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// mapChecks is how many probe intervals lie between looks at the stored map.
const mapChecks = 10

// errMoved says that the database is no longer what was opened.
type errMoved struct{ error }

// failed counts a failure that says the database cannot be reached.
func (z *zone) failed(err error) {
	if z.breaker.failure(errors.Is(err, context.DeadlineExceeded)) {
		z.met.breaker(true)
		z.log.Warn("zone was taken as down", "err", err)
		z.drain()
	}
}

// drain answers everything that waits. None of it had begun.
func (z *zone) drain() {
	for _, o := range z.queue.take(0) {
		if o.taken.CompareAndSwap(waiting, begun) {
			o.err = z.down(nil)
			z.done.add(o)
		}
	}
}

// tend opens the breaker when a transaction hangs, and probes while it is open.
func (z *zone) tend() {
	tick := time.NewTicker(min(z.lim.probe, z.lim.answer/10))
	defer tick.Stop()
	var probed time.Time
	looked := time.Now()
	for {
		select {
		case <-z.stop:
			return
		case now := <-tick.C:
			began := z.began.Load()
			hangs := began != 0 && now.UnixNano()-began > int64(z.lim.tx)
			if hangs {
				z.failed(context.DeadlineExceeded)
			}
			if !z.breaker.isOpen() {
				if now.Sub(looked) >= mapChecks*z.lim.probe {
					looked = now
					z.checkMap()
				}
				continue
			}
			z.drain()
			if !hangs && now.Sub(probed) >= z.lim.probe {
				probed = now
				z.tryAgain()
			}
		}
	}
}

// tryAgain closes the breaker when the database answers and is ours.
func (z *zone) tryAgain() {
	ctx, cancel := context.WithTimeout(context.Background(), z.lim.probe)
	defer cancel()
	tx, err := z.db.Begin(ctx, schema.Mark{})
	if err == nil {
		_, err = tx.Marked(ctx, z.writer)
		tx.Rollback()
	}
	if err == nil {
		err = z.ping(ctx)
	}
	if err != nil {
		z.log.Debug("zone did not answer a probe", "err", err)
		return
	}
	if z.breaker.close() {
		z.met.breaker(false)
		z.log.Info("zone answered again")
	}
}

// checkMap stops serving when another map has been written to the database.
func (z *zone) checkMap() {
	ctx, cancel := context.WithTimeout(context.Background(), z.lim.tx)
	defer cancel()
	err := z.ping(ctx)
	if err == nil {
		return
	}
	if _, moved := errors.AsType[errMoved](err); moved {
		z.log.Error("zone map was changed; this process serves the zone again after a restart with the new map", "err", err)
		err = errors.Join(context.DeadlineExceeded, err) // opens the breaker at once; ping keeps it open
	}
	z.failed(err)
}

// ping asks the reading connections, and whether the map is still the same.
func (z *zone) ping(ctx context.Context) error {
	var id im.ZoneID
	var version int
	err := scanAll(ctx, z.db, func(rows *sql.Rows) error { return rows.Scan(&id, &version) }, "SELECT zone_id, map_version FROM zone_self")
	if err == nil && (id != z.id || version != z.mapVersion) {
		return errMoved{fmt.Errorf("shard: the database says zone %d with map version %d, this process has zone %d with version %d", id, version, z.id, z.mapVersion)}
	}
	return err
}
