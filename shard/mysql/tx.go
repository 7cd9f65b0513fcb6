package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/shard/schema"
)

// transaction holds one connection of the writer's pool. It begins with the
// first statement, in the same packet where that is possible.
type transaction struct {
	conn  *sql.Conn
	mark  schema.Mark
	begun bool
}

// Begin takes a connection, until ctx ends.
func (db *DB) Begin(ctx context.Context, m schema.Mark) (schema.Tx, error) {
	conn, err := db.writes.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &transaction{conn: conn, mark: m}, nil
}

// BeginSlow is Begin for migrations: its statements may take long.
func (db *DB) BeginSlow(ctx context.Context) (schema.Tx, error) {
	conn, err := db.slow.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &transaction{conn: conn}, nil
}

// opening is the statements that every transaction starts with. The mark comes
// first and in an answered packet: a COMMIT is only sent by who holds its lock.
func (t *transaction) opening(q []byte) []byte {
	t.begun = true
	q = append(q, "START TRANSACTION"...)
	if t.mark.Writer == 0 {
		return q
	}
	q = append(q, "; UPDATE commit_mark SET number="...)
	q = strconv.AppendUint(q, t.mark.Number, 10)
	q = append(q, ",used="...)
	q = strconv.AppendInt(q, time.Now().UnixMilli(), 10)
	q = append(q, " WHERE writer="...)
	return strconv.AppendUint(q, t.mark.Writer, 10)
}

func (t *transaction) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	_, err := t.conn.ExecContext(ctx, string(t.opening(nil)))
	return err
}

// Query reads inside the transaction.
func (t *transaction) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	return t.conn.QueryContext(ctx, query, args...)
}

// Exec runs a statement and returns the number of rows it found.
func (t *transaction) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.begin(ctx); err != nil {
		return 0, err
	}
	res, err := t.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Heads locks head rows in the order of ids, which is what keeps two nodes out
// of a deadlock.
func (t *transaction) Heads(ctx context.Context, users []uint64, into []schema.Head) ([]schema.Head, error) {
	if len(users) == 0 {
		return into, nil
	}
	q := make([]byte, 0, 128+len(users)*18)
	if !t.begun {
		q = append(t.opening(q), "; "...)
	}
	q = append(q, "SELECT user_id, seq, msg_id FROM inbox_head WHERE user_id IN ("...)
	for i, u := range users {
		if i > 0 {
			q = append(q, ',')
		}
		q = strconv.AppendUint(q, u, 10)
	}
	q = append(q, ") ORDER BY user_id FOR UPDATE"...)
	rows, err := t.conn.QueryContext(ctx, string(q))
	if err != nil {
		return into, err
	}
	defer rows.Close()
	for rows.Next() {
		var h schema.Head
		if err := rows.Scan(&h.User, &h.Seq, &h.MsgID); err != nil {
			return into, err
		}
		into = append(into, h)
	}
	return into, rows.Err()
}

// Marked reads the commit mark and waits for a transaction that holds it: after
// that the answer is final.
func (t *transaction) Marked(ctx context.Context, writer uint64) (number uint64, err error) {
	rows, err := t.Query(ctx, "SELECT number FROM commit_mark WHERE writer = ? FOR UPDATE", writer)
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

// Commit sends all rows and the COMMIT in one packet. Numbers stand in the
// text; bodies and extensions are parameters, which the driver quotes.
func (t *transaction) Commit(ctx context.Context, b *schema.Batch) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	q, args := statements(b)
	if _, err := t.conn.ExecContext(ctx, string(q), args...); err != nil {
		return err
	}
	conn := t.conn
	t.conn = nil
	conn.Close() // gives it back; the commit has been answered
	return nil
}

func statements(b *schema.Batch) ([]byte, []any) {
	q := make([]byte, 0, 512+len(b.Rows)*160+len(b.Sent)*120+len(b.Heads)*50)
	args := make([]any, 0, len(b.Rows)+8)
	q, args = appendRows(q, args, b.Rows)
	q = appendSent(q, b.Sent)
	q = appendHeads(q, b.Heads)
	q = appendGone(q, b.Gone)
	return append(q, "COMMIT"...), args
}

// appendRows sorts by user, so that neighbouring rows meet the same page. The
// order of arrival stays within a user.
func appendRows(q []byte, args []any, rows []schema.Row) ([]byte, []any) {
	if len(rows) == 0 {
		return q, args
	}
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(rows[x].User, rows[y].User) })
	q = append(q, "INSERT INTO inbox (user_id,seq,msg_id,kind,from_id,peer_id,conv_id,client_id,body,ext) VALUES "...)
	for n, i := range order {
		r := &rows[i]
		q = appendNumbers(q, n, r.User, r.Seq, r.MsgID, uint64(r.Kind), r.From, r.Peer, r.Conv)
		q = append(q, ',')
		if r.Client == nil {
			q = append(q, "NULL"...)
		} else {
			q = appendHex(q, r.Client)
		}
		if r.Ext == nil {
			q = append(q, ",?,NULL)"...)
			args = append(args, r.Body)
		} else {
			q = append(q, ",?,?)"...)
			args = append(args, r.Body, r.Ext)
		}
	}
	return append(q, "; "...), args
}

func appendSent(q []byte, sent []schema.Sent) []byte {
	if len(sent) == 0 {
		return q
	}
	q = append(q, "INSERT INTO sent (owner_id,sender_id,seq,peer_seq,msg_id,client_id) VALUES "...)
	for i := range sent {
		s := &sent[i]
		q = appendNumbers(q, i, s.Owner, s.Sender, s.Seq, s.PeerSeq, s.MsgID)
		q = append(q, ',')
		q = appendHex(q, s.Client[:])
		q = append(q, ')')
	}
	return append(q, "; "...)
}

// appendHeads updates the locked rows in one statement; none of them is new.
func appendHeads(q []byte, heads []schema.Head) []byte {
	if len(heads) == 0 {
		return q
	}
	q = append(q, "INSERT INTO inbox_head (user_id,seq,msg_id) VALUES "...)
	for i, h := range heads {
		q = appendNumbers(q, i, h.User, h.Seq, h.MsgID)
		q = append(q, ')')
	}
	return append(q, " ON DUPLICATE KEY UPDATE seq=VALUES(seq), msg_id=VALUES(msg_id); "...)
}

// appendGone removes locked heads.
func appendGone(q []byte, users []uint64) []byte {
	if len(users) == 0 {
		return q
	}
	q = append(q, "DELETE FROM inbox_head WHERE user_id IN "...)
	q = appendNumbers(q, 0, users...)
	return append(q, "); "...)
}

func appendNumbers(q []byte, row int, numbers ...uint64) []byte {
	if row > 0 {
		q = append(q, ',')
	}
	for i, n := range numbers {
		if i == 0 {
			q = append(q, '(')
		} else {
			q = append(q, ',')
		}
		q = strconv.AppendUint(q, n, 10)
	}
	return q
}

func appendHex(q, b []byte) []byte {
	q = append(q, "x'"...)
	q = hex.AppendEncode(q, b)
	return append(q, '\'')
}

// Rollback ends the transaction without effect. A connection on which even
// that fails is thrown away, and the server rolls back.
func (t *transaction) Rollback() {
	if t.conn == nil {
		return
	}
	if t.begun {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackWait)
		defer cancel()
		if _, err := t.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			_ = t.conn.Raw(discard)
		}
	}
	t.conn.Close()
	t.conn = nil
}

const rollbackWait = 200 * time.Millisecond

// discard makes the pool drop the connection.
func discard(any) error { return driver.ErrBadConn }
