package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/cxx-im/cxx/shard/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

type transaction struct {
	w      *writer
	mark   schema.Mark
	sorted []int32
	open   bool
}

// inDoubt marks a commit that failed while it was synced: the log may hold it
// after a crash.
type inDoubt struct{ error }

func (e inDoubt) Unwrap() error { return e.error }

// Begin waits for the writer, until ctx ends. The mark is set at the commit: a
// transaction of this process cannot outlive its connection.
func (db *DB) Begin(ctx context.Context, m schema.Mark) (schema.Tx, error) {
	select {
	case w := <-db.turn:
		if _, err := w.conn.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err != nil {
			db.turn <- w
			return nil, err
		}
		w.tx.w, w.tx.open, w.tx.mark = w, true, m
		return &w.tx, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// BeginSlow is Begin: nothing here ends a long statement.
func (db *DB) BeginSlow(ctx context.Context) (schema.Tx, error) {
	return db.Begin(ctx, schema.Mark{})
}

// prepared returns a statement of the writer's connection; nil for a text that
// is not seen twice, since its numbers stand in it, and when the cache is full.
func (t *transaction) prepared(query string, args []any) (*sql.Stmt, error) {
	if st := t.w.stmts[query]; st != nil || len(args) == 0 || len(t.w.stmts) >= maxStatements {
		return st, nil
	}
	st, err := t.w.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.w.stmts[query] = st
	}
	return st, err
}

// Query reads inside the transaction.
func (t *transaction) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := t.prepared(query, args)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return t.w.conn.QueryContext(context.WithoutCancel(ctx), query, args...)
	}
	return st.QueryContext(context.WithoutCancel(ctx), args...)
}

// Exec runs a statement and returns the number of rows it touched.
func (t *transaction) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := t.prepared(query, args)
	if err != nil {
		return 0, err
	}
	var res sql.Result
	if st == nil {
		res, err = t.w.conn.ExecContext(context.WithoutCancel(ctx), query, args...)
	} else {
		res, err = st.ExecContext(context.WithoutCancel(ctx), args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Heads answers from memory where it can: no other process writes.
func (t *transaction) Heads(_ context.Context, users []uint64, into []schema.Head) ([]schema.Head, error) {
	err := t.w.hot(func() error {
		for _, u := range users {
			h, known := t.w.heads[u]
			if !known {
				var err error
				if h, known, err = t.readHead(u); err != nil {
					return err
				}
			}
			if known {
				into = append(into, h)
			}
		}
		return nil
	})
	return into, err
}

func (t *transaction) readHead(u uint64) (schema.Head, bool, error) {
	t.w.args[0].Value = int64(u)
	rows, err := t.w.head.(driver.StmtQueryContext).QueryContext(context.Background(), t.w.args[:1])
	if err != nil {
		return schema.Head{}, false, err
	}
	defer rows.Close()
	var v [2]driver.Value
	if err := rows.Next(v[:]); errors.Is(err, io.EOF) {
		return schema.Head{}, false, nil
	} else if err != nil {
		return schema.Head{}, false, err
	}
	h := schema.Head{User: u, Seq: uint64(v[0].(int64)), MsgID: uint64(v[1].(int64))}
	t.w.remember(h)
	return h, true, nil
}

// Marked reads the commit mark.
func (t *transaction) Marked(ctx context.Context, writer uint64) (number uint64, err error) {
	rows, err := t.Query(ctx, "SELECT number FROM commit_mark WHERE writer = ?", int64(writer))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, errors.Join(schema.ErrNoMark, rows.Err())
	}
	err = rows.Scan(&number)
	return number, err
}

// Commit writes the batch in the order of the primary keys, so that
// neighbouring rows meet the same page.
func (t *transaction) Commit(_ context.Context, b *schema.Batch) error {
	if err := t.w.hot(func() error { return t.write(b) }); err != nil {
		return err
	}
	if _, err := t.w.conn.ExecContext(context.Background(), "COMMIT"); err != nil {
		t.forget(b)
		var e *sqlite.Error
		if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_IOERR {
			return inDoubt{err}
		}
		return err
	}
	for _, h := range b.Heads {
		t.w.remember(h)
	}
	for _, u := range b.Gone {
		delete(t.w.heads, u)
	}
	t.end()
	return nil
}

func (t *transaction) forget(b *schema.Batch) {
	for _, h := range b.Heads {
		delete(t.w.heads, h.User)
	}
	for _, u := range b.Gone {
		delete(t.w.heads, u)
	}
}

func (t *transaction) write(b *schema.Batch) error {
	t.sorted = t.sorted[:0]
	for i := range b.Rows {
		t.sorted = append(t.sorted, int32(i))
	}
	slices.SortStableFunc(t.sorted, func(x, y int32) int {
		switch a, c := b.Rows[x].User, b.Rows[y].User; {
		case a < c:
			return -1
		case a > c:
			return 1
		}
		return 0
	})
	for _, i := range t.sorted {
		if err := t.addRow(&b.Rows[i]); err != nil {
			return err
		}
	}
	for i := range b.Sent {
		if err := t.addSent(&b.Sent[i]); err != nil {
			return err
		}
	}
	a := t.w.args
	for _, h := range b.Heads {
		a[0].Value, a[1].Value, a[2].Value = int64(h.Seq), int64(h.MsgID), int64(h.User)
		if err := t.w.exec(t.w.setHead, 3); err != nil {
			return err
		}
	}
	for _, u := range b.Gone {
		a[0].Value = int64(u)
		if err := t.w.exec(t.w.dropHead, 1); err != nil {
			return err
		}
	}
	if t.mark.Writer == 0 {
		return nil
	}
	a[0].Value, a[1].Value, a[2].Value = int64(t.mark.Number), time.Now().UnixMilli(), int64(t.mark.Writer)
	return t.w.exec(t.w.setMark, 3)
}

func (t *transaction) addRow(r *schema.Row) error {
	a := t.w.args
	a[0].Value, a[1].Value, a[2].Value = int64(r.User), int64(r.Seq), int64(r.MsgID)
	a[3].Value, a[4].Value, a[5].Value, a[6].Value = int64(r.Kind), int64(r.From), int64(r.Peer), int64(r.Conv)
	a[7].Value, a[8].Value, a[9].Value = blob(r.Client), r.Body, blob(r.Ext)
	return t.w.exec(t.w.addRow, 10)
}

func (t *transaction) addSent(s *schema.Sent) error {
	a := t.w.args
	a[0].Value, a[1].Value, a[2].Value = int64(s.Owner), int64(s.Sender), s.Client[:]
	a[3].Value, a[4].Value, a[5].Value = int64(s.Seq), int64(s.PeerSeq), int64(s.MsgID)
	return t.w.exec(t.w.addSent, 6)
}

func blob(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}

// Rollback ends the transaction without effect.
func (t *transaction) Rollback() {
	if !t.open {
		return
	}
	// It fails only when SQLite has rolled back by itself.
	_, _ = t.w.conn.ExecContext(context.Background(), "ROLLBACK")
	t.end()
}

func (t *transaction) end() {
	t.open = false
	t.w.db.turn <- t.w
}
