// Package mysql keeps a zone in a MySQL or MariaDB database that other nodes
// use as well: read committed, few and large statements, every answer awaited
// for a bounded time.
//
// It knows no rule of the product; package shard, its only caller, does.
package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard/schema"
	"github.com/go-sql-driver/mysql"
)

// Options say how to reach a database.
type Options struct {
	DSN     config.Secret // user:password@tcp(host:3306)/database
	Readers int           // connections kept for reading
	Timeout time.Duration // for one answer of the server
	// Dial replaces the way connections are made; nil outside tests.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DB is a database behind pools of connections, for reads, for the writer and
// for migrations. Its methods are safe for any goroutine; a transaction is for one.
type DB struct {
	where  string
	reads  *sql.DB
	writes *sql.DB
	slow   *sql.DB // for migrations: answers may take as long as they like
}

const connLife = 10 * time.Minute // so that a moved or restarted server is found again

// Open checks the DSN and prepares the pools; it does not connect.
func Open(o Options) (*DB, error) {
	cfg, err := mysql.ParseDSN(o.DSN.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the dsn is not of the form user:password@tcp(host:3306)/database: %w", err)
	}
	if cfg.DBName == "" {
		return nil, errors.New("the dsn names no database; write user:password@tcp(host:3306)/database")
	}
	if err := tune(cfg, o); err != nil {
		return nil, err
	}
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("the dsn cannot be used: %w", err)
	}
	db := &DB{where: cfg.DBName + " at " + cfg.Addr}
	db.reads = pool(sessionConnector{c, sessionSetup}, o.Readers)
	db.writes = pool(sessionConnector{c, sessionSetup + writerSetup}, 2) // the second asks how a commit ended while the first hangs
	cfg.ReadTimeout, cfg.WriteTimeout = 0, 0
	if c, err = mysql.NewConnector(cfg); err != nil {
		return nil, fmt.Errorf("the dsn cannot be used: %w", err)
	}
	db.slow = pool(sessionConnector{c, sessionSetup}, 2)
	db.slow.SetMaxIdleConns(0)
	return db, nil
}

// tune sets what the zone relies on, whatever the DSN says: several statements
// in one packet, parameters in the text (half the round trips), and a bound on
// every wait.
func tune(cfg *mysql.Config, o Options) error {
	cfg.MultiStatements, cfg.InterpolateParams, cfg.CheckConnLiveness = true, true, true
	cfg.ClientFoundRows = true // an update that changes nothing has found its row, as in SQLite
	cfg.ParseTime = false
	cfg.Timeout = min(o.Timeout, time.Second)
	cfg.ReadTimeout, cfg.WriteTimeout = o.Timeout, o.Timeout
	cfg.Collation = ""
	cfg.DialFunc = o.Dial
	cfg.Logger = silent{}
	return cfg.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin"))
}

func pool(c driver.Connector, n int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxLifetime(connLife)
	return db
}

// silent drops the driver's log: every error it tells of comes back as one.
type silent struct{}

func (silent) Print(...any) {}

// sessionConnector sets up each new connection. Read committed: a statement
// sees what was committed before it, so that a row lock taken first orders
// what follows, and there are no gap locks. Strict mode, and backslash escapes
// as the interpolation expects.
type sessionConnector struct {
	driver.Connector
	setup string
}

const sessionSetup = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; " +
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 2"

// writerSetup lets the server roll back a transaction of which nothing is heard
// any more. A node that stands still, or has vanished without closing its
// connections, would otherwise keep its row locks for ever, and every other
// node would take the zone as down when it meets them. MariaDB has a limit for
// silence inside of a transaction; MySQL only one for any silence. Neither is
// above innodb_lock_wait_timeout, so that who waits hardly notices.
const writerSetup = "/*M!100300 , idle_transaction_timeout = 1 *//*!80000 , wait_timeout = 2 */"

func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, c.setup, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Query reads outside of a transaction.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.reads.QueryContext(ctx, query, args...)
}

// Durability asks the server what its commits promise.
func (db *DB) Durability(ctx context.Context) (bool, string, error) {
	var flush, binlog, syncBinlog int
	row := db.reads.QueryRowContext(ctx, "SELECT @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog")
	if err := row.Scan(&flush, &binlog, &syncBinlog); err != nil {
		return false, "", err
	}
	relaxed := flush != 1 || binlog == 1 && syncBinlog != 1
	return relaxed, fmt.Sprintf("innodb_flush_log_at_trx_commit=%d log_bin=%d sync_binlog=%d", flush, binlog, syncBinlog), nil
}

// migrationWait is how long a node waits for another that migrates.
const migrationWait = 60 * time.Second

// Exclusive runs f under a lock of the server.
func (db *DB) Exclusive(ctx context.Context, f func() error) error {
	conn, err := db.slow.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var got sql.NullInt64
	wait := int(migrationWait / time.Second)
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('cxx:', MD5(DATABASE())), ?)", wait).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return fmt.Errorf("another node has been migrating the database %s for %s; see its log", db.where, migrationWait)
	}
	err = f()
	_, release := conn.ExecContext(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK(CONCAT('cxx:', MD5(DATABASE())))")
	return errors.Join(err, release)
}

// Dialect is MySQL.
func (*DB) Dialect() schema.Dialect { return schema.MySQL }

// Where names database and server.
func (db *DB) Where() string { return db.where }

// Close ends all connections.
func (db *DB) Close() error { return errors.Join(db.reads.Close(), db.writes.Close(), db.slow.Close()) }
