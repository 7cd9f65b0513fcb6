package shard

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/mysql"
	"github.com/cxx-im/cxx/shard/schema"
	"github.com/cxx-im/cxx/shard/sqlite"
	"github.com/prometheus/client_golang/prometheus"
)

// opened is a database before it is part of a store.
type opened struct {
	id      im.ZoneID
	db      engine
	relaxed bool
	detail  string
}

// openEngine connects to one zone. Tests put something else in its place.
var openEngine = func(ctx context.Context, z ZoneConfig, cfg Config, dataDir string) (engine, error) {
	if z.Driver == "sqlite" {
		db, err := sqlite.Open(ctx, below(dataDir, z.Path), cfg.Readers)
		if err != nil {
			return nil, err
		}
		return db, nil
	}
	dsn, err := z.dsn(dataDir)
	if err != nil {
		return nil, err
	}
	db, err := mysql.Open(mysql.Options{DSN: dsn, Readers: cfg.Readers, Timeout: cfg.Timeout.D()})
	if err != nil {
		return nil, err
	}
	return db, nil
}

// openZones connects to all zones and brings their schema up to date.
func openZones(ctx context.Context, cfg Config, dataDir string, log *slog.Logger) (all []opened, err error) {
	defer func() {
		if err != nil {
			for _, o := range all {
				err = errors.Join(err, o.db.Close())
			}
		}
	}()
	for _, z := range cfg.Zones {
		db, err := openEngine(ctx, z, cfg, dataDir)
		if err != nil {
			return all, fmt.Errorf("zone %d: %w", z.ID, err)
		}
		o := opened{id: z.ID, db: db}
		all = append(all, o)
		if err := o.ready(ctx, log); err != nil {
			return all, fmt.Errorf("zone %d: %w", z.ID, err)
		}
		all[len(all)-1] = o
	}
	slices.SortFunc(all, func(a, b opened) int { return int(a.id) - int(b.id) })
	return all, nil
}

func (o *opened) ready(ctx context.Context, log *slog.Logger) (err error) {
	o.relaxed, o.detail, err = o.db.Durability(ctx)
	if err != nil {
		return o.unreachable(err)
	}
	if o.relaxed {
		log.Warn("zone was found to promise less than a synced commit", "zone", o.id, "reason", o.detail)
	}
	return o.db.Exclusive(ctx, func() error { return migrate(ctx, o.db, log.With("zone", o.id)) })
}

// unreachable says what an operator can do.
func (o *opened) unreachable(err error) error {
	hint := "see that the server runs and that address, user and password in the dsn are right"
	switch o.db.Class(err) {
	case schema.Lost:
		hint = "see that the server runs and that the address in the dsn is right"
	case schema.Refused:
		hint = "create the database and give the user of the dsn the right to it (CREATE DATABASE …; GRANT ALL ON …), or correct the dsn"
	}
	return fmt.Errorf("the database %s cannot be used; %s: %w", o.db.Where(), hint, err)
}

func assemble(ctx context.Context, cfg Config, found []opened, log *slog.Logger, reg prometheus.Registerer) (*Store, error) {
	m, err := configuredMap(cfg.Zones)
	if err != nil {
		return nil, err
	}
	version, err := agree(ctx, found, m, log)
	if err != nil {
		return nil, err
	}
	s := &Store{log: log}
	lim := limits{
		queue: cfg.Queue, answer: cfg.Timeout.D(), tx: cfg.Timeout.D() * 5 / 6, probe: cfg.Probe.D(),
		rows: cfg.BatchRows, wait: cfg.BatchWait.D(), failures: cfg.BreakerFailures,
	}
	met := newMetrics(reg)
	byID := make(map[im.ZoneID]*zone)
	for _, o := range found {
		z := newZone(o.id, o.db, lim, log)
		z.mapVersion = version
		if z.writer, err = newWriterMark(ctx, o.db); err != nil {
			return nil, fmt.Errorf("zone %d: %w", o.id, err)
		}
		z.met = met.zone(z, o.relaxed)
		s.relaxed = s.relaxed || o.relaxed
		s.zones, byID[o.id] = append(s.zones, z), z
		log.Info("zone opened", "zone", o.id, "database", o.db.Where(), "durability", o.detail)
	}
	for _, r := range m {
		for i := r.From; i <= r.To; i++ {
			s.bySlot[i] = byID[r.Zone]
		}
	}
	for _, z := range s.zones {
		z.start()
	}
	return s, nil
}

// markLife is how long the commit mark of a process that is gone is kept. A live
// one that has not written for so long loses it too; its next commit in doubt is
// then an unknown outcome.
const markLife = 90 * 24 * time.Hour

// newWriterMark makes the row in which this process numbers its transactions.
func newWriterMark(ctx context.Context, db engine) (uint64, error) {
	var b [8]byte
	rand.Read(b[:])
	writer := binary.BigEndian.Uint64(b[:]) >> 1
	now := time.Now()
	return writer, inTx(ctx, db, func(tx schema.Tx) error {
		// Found without locks and removed one by one: a scan that deletes would
		// wait for the transactions of all other writers.
		var old []int64
		err := scanAll(ctx, tx, func(rows *sql.Rows) error {
			var w int64
			err := rows.Scan(&w)
			old = append(old, w)
			return err
		}, "SELECT writer FROM commit_mark WHERE used < ?", millis(now.Add(-markLife)))
		if err != nil {
			return err
		}
		for _, w := range old {
			if _, err := tx.Exec(ctx, "DELETE FROM commit_mark WHERE writer = ?", w); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "INSERT INTO commit_mark (writer, number, used) VALUES (?, 0, ?)", int64(writer), millis(now))
		return err
	})
}

// inTx runs f in a transaction outside of the writer.
func inTx(ctx context.Context, db engine, f func(schema.Tx) error) error {
	tx, err := db.BeginSlow(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit(ctx, &schema.Batch{})
}
