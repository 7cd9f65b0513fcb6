package shard

import (
	"context"

	"github.com/cxx-im/cxx/shard/schema"
)

// engine is one database. Packages shard/sqlite and shard/mysql have the two
// implementations. All methods are safe for any goroutine, but a Tx is not.
type engine interface {
	schema.Queryer
	// Begin starts a transaction of the writer; at most one is open at a time
	// where the database has a single writer.
	Begin(ctx context.Context, m schema.Mark) (schema.Tx, error)
	// BeginSlow starts one whose statements may take long; for migrations.
	BeginSlow(ctx context.Context) (schema.Tx, error)
	// Durability reports whether a commit promises less than a synced disk
	// write, and in which words.
	Durability(ctx context.Context) (relaxed bool, detail string, err error)
	// Exclusive runs f while no other process migrates this database.
	Exclusive(ctx context.Context, f func() error) error
	Dialect() schema.Dialect
	Class(err error) schema.Class
	// Where names the database for people, without secrets.
	Where() string
	Close() error
}
