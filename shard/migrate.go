package shard

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/cxx-im/cxx/shard/schema"
)

// migrate brings the schema of a database up to this binary's. It refuses one
// that is newer.
func migrate(ctx context.Context, db engine, log *slog.Logger) error {
	have, err := schemaVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("the schema version of %s cannot be read: %w", db.Where(), err)
	}
	if err := tooNew(db, have); err != nil {
		return err
	}
	for _, m := range schema.Migrations(have) {
		if err := step(ctx, db, m); err != nil {
			return fmt.Errorf("migration %d (%s) of %s failed; nothing was lost, and it is tried again at the next start: %w", m.Version, m.Name, db.Where(), err)
		}
		log.Info("schema was migrated", "version", m.Version, "name", m.Name)
	}
	return nil
}

func tooNew(db engine, have int) error {
	if have <= schema.Version() {
		return nil
	}
	return fmt.Errorf("the database %s has schema %d, and this program knows %d; it belongs to a newer release, so start that one", db.Where(), have, schema.Version())
}

// step runs one migration in a transaction. MySQL commits each DDL statement
// by itself, so what is there already is passed over.
func step(ctx context.Context, db engine, m schema.Migration) error {
	return inTx(ctx, db, func(tx schema.Tx) error {
		for _, s := range append([]string{schema.Bootstrap(db.Dialect())}, m.Statements(db.Dialect())...) {
			if _, err := tx.Exec(ctx, s); err != nil && db.Class(err) != schema.Exists {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO schema_version (version, name, applied) VALUES (?, ?, ?)", m.Version, m.Name, millis(time.Now()))
		return err
	})
}

// schemaVersion reads without writing; 0: an empty database.
func schemaVersion(ctx context.Context, db engine) (version int, err error) {
	there := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_version'"
	if db.Dialect() == schema.SQLite {
		there = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_version'"
	}
	n, err := number(ctx, db, there)
	if err != nil || n == 0 {
		return 0, err
	}
	v, err := number(ctx, db, "SELECT COALESCE(MAX(version), 0) FROM schema_version")
	return int(v), err
}

// number reads one number; no row gives 0.
func number(ctx context.Context, q schema.Queryer, query string, args ...any) (n int64, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&n) }, query, args...)
	return n, err
}
