// Package sqlite keeps a zone in one SQLite file of this process: WAL, synced
// at every commit, one writing connection with prepared statements and a few
// reading ones. A lock file keeps other processes out, which is what allows it
// to remember inbox heads in memory.
//
// It knows no rule of the product; package shard, its only caller, does.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/cxx-im/cxx/shard/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// DB is an open database file. Its methods are safe for any goroutine; a
// transaction is for one.
type DB struct {
	path   string
	lock   *lock
	reads  *sql.DB
	writes *sql.DB
	turn   chan *writer // holds the writer while no transaction uses it

	mu    sync.Mutex
	stmts map[string]*sql.Stmt // guarded by mu: prepared reads by text
}

// maxHeads bounds the memory of inbox heads; past it they are read again.
const maxHeads = 1 << 18

// Open opens or creates the file. readers is the number of connections kept
// for reading. The error says when another process has the file.
func Open(ctx context.Context, path string, readers int) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the database cannot be made: %w", err)
	}
	l, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, lock: l, turn: make(chan *writer, 1), stmts: make(map[string]*sql.Stmt)}
	if err := db.open(ctx, readers); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, readers int) error {
	// As C builds of SQLite do on Linux: the same promise without the second
	// journal write that a changed time stamp costs. Where it is not available
	// the library goes on with fsync.
	_, _ = sqlite.Fdatasync(true)
	if f, err := os.OpenFile(db.path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("the database file cannot be opened: %w", err)
	} else if err := f.Close(); err != nil {
		return err
	}
	db.writes = sql.OpenDB(lazyConnector{dsn(db.path)})
	db.writes.SetMaxOpenConns(1)
	conn, err := db.writes.Conn(ctx)
	if err != nil {
		return fmt.Errorf("the database file %s cannot be opened%s: %w", db.path, advice(err), err)
	}
	db.turn <- newWriter(db, conn)
	db.reads = sql.OpenDB(lazyConnector{dsn(db.path)})
	db.reads.SetMaxOpenConns(readers)
	db.reads.SetMaxIdleConns(readers)
	return nil
}

// advice is what to do about a file that is damaged or none of ours.
func advice(err error) string {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_NOTADB || e.Code()&0xff == sqlite3.SQLITE_CORRUPT) {
		return "; restore it from a backup, or correct the path of the zone"
	}
	return ""
}

// dsn sets what every connection needs. wal_autocheckpoint counts pages: about
// 16 MiB of log between checkpoints, so that a page that changes with every
// batch is copied into the file once for many.
func dsn(path string) string {
	q := url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(3000)",
		"wal_autocheckpoint(4096)", "cache_size(-32768)", "temp_store(MEMORY)",
	}}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

type lazyConnector struct{ dsn string }

func (c lazyConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(c.dsn)
}

func (lazyConnector) Driver() driver.Driver { return &sqlite.Driver{} }

// Query reads outside of a transaction. The driver needs a goroutine per
// statement to watch a context, and reads are bounded by their limits: so ctx
// is looked at once.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var st *sql.Stmt
	var err error
	if len(args) > 0 { // a text with its numbers in it is not seen twice
		st, err = db.prepared(query)
	}
	if err != nil {
		return nil, err
	}
	if st == nil {
		return db.reads.QueryContext(context.WithoutCancel(ctx), query, args...)
	}
	return st.QueryContext(context.WithoutCancel(ctx), args...)
}

// maxStatements bounds the cache: texts with lists of varying length are many.
const maxStatements = 128

func (db *DB) prepared(query string) (*sql.Stmt, error) {
	db.mu.Lock()
	st, full := db.stmts[query], len(db.stmts) >= maxStatements
	db.mu.Unlock()
	if st != nil || full {
		return st, nil
	}
	st, err := db.reads.Prepare(query)
	if err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if other := db.stmts[query]; other != nil {
		st.Close()
		return other, nil
	}
	db.stmts[query] = st
	return st, nil
}

// Durability reads back what the connection really does.
func (db *DB) Durability(ctx context.Context) (bool, string, error) {
	tx, err := db.Begin(ctx, schema.Mark{})
	if err != nil {
		return false, "", err
	}
	defer tx.Rollback()
	var mode string
	var sync int
	if err := one(ctx, tx, "PRAGMA journal_mode", &mode); err != nil {
		return false, "", err
	}
	if err := one(ctx, tx, "PRAGMA synchronous", &sync); err != nil {
		return false, "", err
	}
	// A rollback journal with FULL is durable too; it is only slower.
	return sync < 2, fmt.Sprintf("journal_mode=%s synchronous=%d", mode, sync), nil
}

func one(ctx context.Context, q schema.Queryer, query string, into any) error {
	rows, err := q.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(into); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Exclusive runs f: the lock file has kept others out since Open.
func (db *DB) Exclusive(_ context.Context, f func() error) error { return f() }

// Dialect is SQLite.
func (*DB) Dialect() schema.Dialect { return schema.SQLite }

// Where names the file.
func (db *DB) Where() string { return db.path }

// Class sorts the errors of the library.
func (*DB) Class(err error) schema.Class {
	var doubt inDoubt
	if errors.As(err, &doubt) {
		return schema.Doubt
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return schema.Lost
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return schema.Other
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT:
		if e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
			return schema.Duplicate
		}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return schema.Conflict
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return schema.Refused
	}
	return schema.Other
}

// Close waits for an open transaction and closes the file.
func (db *DB) Close() error {
	var errs []error
	if db.reads != nil {
		db.mu.Lock()
		for _, st := range db.stmts {
			errs = append(errs, st.Close())
		}
		clear(db.stmts)
		db.mu.Unlock()
		errs = append(errs, db.reads.Close())
		w := <-db.turn
		errs = append(errs, w.close())
	}
	if db.writes != nil {
		errs = append(errs, db.writes.Close())
	}
	db.lock.release()
	return errors.Join(errs...)
}
