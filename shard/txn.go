package shard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// txn is a transaction of a zone's writer while it is put together. Log rows
// are gathered and written at its end; everything else is written at once.
type txn struct {
	ctx            context.Context
	byConversation string // see schema.ByConversation
	tx             schema.Tx
	batch          schema.Batch
	wrote          bool // something was written besides the batch

	users   []uint64
	locked  []schema.Head
	heads   map[uint64]int32 // index into locked
	touched []bool           // by the same index
	sent    map[sentKey]sentRow
	inBatch map[sentKey]*op

	speakers map[speakerKey]im.Member // of who sends to a group in this transaction
	groups   map[im.GroupID]*im.Group // that are sent to
	mentions []any                    // columns of the rows to be written

	known map[im.GroupID]*speakers // from transactions before
}

func newTxn() txn {
	return txn{
		heads: make(map[uint64]int32), sent: make(map[sentKey]sentRow), inBatch: make(map[sentKey]*op),
		speakers: make(map[speakerKey]im.Member), groups: make(map[im.GroupID]*im.Group),
		known: make(map[im.GroupID]*speakers),
	}
}

// sqlError marks what the database said, to tell it from what a rule of the
// caller said.
type sqlError struct{ error }

func (e sqlError) Unwrap() error { return e.error }

func (t *txn) reset(ctx context.Context, tx schema.Tx) {
	t.ctx, t.tx, t.wrote = ctx, tx, false
	t.batch.Reset()
	t.users, t.locked, t.touched = t.users[:0], t.locked[:0], t.touched[:0]
	clear(t.heads)
	clear(t.sent)
	clear(t.inBatch)
	clear(t.speakers)
	clear(t.groups)
	t.mentions = t.mentions[:0]
}

// Query makes txn a schema.Queryer.
func (t *txn) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := t.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, sqlError{err}
	}
	return rows, nil
}

func (t *txn) exec(query string, args ...any) (int64, error) {
	t.wrote = true
	n, err := t.tx.Exec(t.ctx, query, args...)
	if err != nil {
		return 0, sqlError{err}
	}
	return n, nil
}

// insert adds rows, whose columns stand one after the other in args; some rows at
// a time, so that there are few texts.
func (t *txn) insert(into string, columns int, args []any) error {
	const chunk = 32
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	for len(args) > 0 {
		n := 1
		if len(args) >= chunk*columns {
			n = chunk
		}
		if _, err := t.exec("INSERT INTO "+into+" VALUES "+row+strings.Repeat(","+row, n-1), args[:n*columns]...); err != nil {
			return err
		}
		args = args[n*columns:]
	}
	return nil
}

// head returns the locked head of u, or nil when there is no such user.
func (t *txn) head(u uint64) *schema.Head {
	i, ok := t.heads[u]
	if !ok {
		return nil
	}
	return &t.locked[i]
}

// next takes the next place in the inbox of u.
func (t *txn) next(u uint64, id im.MsgID) uint64 {
	i := t.heads[u]
	h := &t.locked[i]
	h.Seq++
	h.MsgID = max(h.MsgID, uint64(id))
	t.touched[i] = true
	return h.Seq
}

// append logs entries in the inbox of u and sets their places. A read mark of
// the other side is remembered with the conversation; one that says nothing new
// is not logged and has no place.
func (t *txn) append(u im.UserID, entries []im.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if t.head(uint64(u)) == nil {
		return unknownUser(u)
	}
	for i := range entries {
		e := &entries[i]
		r, err := rowOf(e)
		if err != nil {
			return err
		}
		if e.Kind == im.KindRead && e.From != u {
			moved, err := t.markPeer(u, e.From, e.UpTo)
			if err != nil {
				return err
			}
			if !moved {
				e.Seq = 0
				continue
			}
		}
		e.Seq = t.next(uint64(u), e.MsgID)
		r.User, r.Seq = uint64(u), e.Seq
		t.batch.Rows = append(t.batch.Rows, r)
	}
	return nil
}

func unknownUser(u im.UserID) error {
	return im.Errorf(im.CodeNotFound, "there is no user %s", u)
}

// apply runs one op. A caller's rule that panics is an error of that op alone.
func (t *txn) apply(o *op) (err error) {
	if o.part != 0 {
		return t.applyMessage(o)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("shard: a change panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return o.run(t)
}

// seal gathers the touched heads.
func (t *txn) seal() {
	for i, h := range t.locked {
		if t.touched[i] {
			t.batch.Heads = append(t.batch.Heads, h)
		}
	}
}

// scanAll reads rows of a query in a transaction or outside.
func scanAll(ctx context.Context, q schema.Queryer, each func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := each(rows); err != nil {
			return errors.Join(sqlError{err}, rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return sqlError{err}
	}
	return nil
}
