// Package schema is what the two database drivers of package shard have in
// common: the tables and their migrations, the rows of the logs, the shape of
// a transaction, and the classes of database errors.
//
// It runs no SQL itself. Packages shard, shard/sqlite and shard/mysql use it.
package schema

import (
	"context"
	"database/sql"
	"errors"
)

// Row is one entry of an inbox as it is stored.
type Row struct {
	User   uint64
	Seq    uint64
	MsgID  uint64
	Kind   uint8
	From   uint64
	Peer   uint64
	Conv   uint64 // what the conversation index holds: the peer of a message, NoteBit with it for a note, else 0
	Client []byte // 16 bytes or nil
	Body   string // the text of a message or note; JSON for other kinds
	Ext    []byte // nil: none
}

// NoteBit marks the conversation of notes with a peer, apart from the messages
// with him and above every user's id.
const NoteBit = 1 << 60

// TimelineBit marks messages and notes of a timeline, which have no peer.
const TimelineBit = 1 << 61

// Sent is what is remembered of a send against duplicates. There is one under
// the sender, and one under the recipient when he lives in another zone.
type Sent struct {
	Owner   uint64
	Sender  uint64
	Client  [16]byte
	Seq     uint64 // in the owner's inbox
	PeerSeq uint64 // in the recipient's inbox, when the owner is the sender
	MsgID   uint64
}

// Head is the newest place of an inbox.
type Head struct {
	User  uint64
	Seq   uint64
	MsgID uint64 // the latest id in the log, or a little more
}

// Batch is what one transaction adds to the logs, in the order of arrival.
type Batch struct {
	Rows  []Row
	Sent  []Sent
	Heads []Head   // each touched user once, after the change
	Gone  []uint64 // users whose heads are removed; none of Heads
}

// Reset empties b and keeps its memory.
func (b *Batch) Reset() {
	clear(b.Rows)
	b.Rows, b.Sent, b.Heads, b.Gone = b.Rows[:0], b.Sent[:0], b.Heads[:0], b.Gone[:0]
}

// Queryer reads: a transaction, or a database outside of one.
type Queryer interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx is a transaction of a zone's writer. One goroutine uses it. After Commit
// or Rollback it is over; Rollback after a failed Commit is allowed.
type Tx interface {
	Queryer
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Heads locks the head rows of users, which are sorted and distinct, and
	// appends those that exist to into.
	Heads(ctx context.Context, users []uint64, into []Head) ([]Head, error)
	// Marked reads and locks the commit mark of a writer: the number of its newest
	// transaction that has committed.
	Marked(ctx context.Context, writer uint64) (uint64, error)
	// Commit writes the batch and commits. A commit whose answer is lost has the
	// class Lost.
	Commit(ctx context.Context, b *Batch) error
	Rollback()
}

// Mark numbers a transaction of a writer. A transaction locks the row of its
// writer and sets the number there before anything else, so that whoever locks
// the row after a lost connection waits for the transaction to end, and then
// knows how it ended. The zero Mark is none.
type Mark struct{ Writer, Number uint64 }

// ErrNoMark says that the row of a writer is gone, so nothing can be learnt
// from it.
var ErrNoMark = errors.New("shard: the commit mark of this process is gone")

// Class says what a database error means for the caller.
type Class uint8

// The classes.
const (
	Other     Class = iota // a mistake of ours or of the data
	Duplicate              // a key is there already; the transaction can only be rolled back
	Conflict               // deadlock or lock wait: run the whole transaction again
	Refused                // the database lives but will not write (full, read-only)
	Lost                   // no connection, or no answer in time
	Doubt                  // the commit failed in a way that says nothing
	Exists                 // a table, column or index is there already: a migration had been cut short
)
