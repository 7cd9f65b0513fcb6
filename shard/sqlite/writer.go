package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/cxx-im/cxx/shard/schema"
)

// writer is the one connection that writes. Who has taken it from DB.turn owns
// it. The statements of the hot path run on the driver itself, without the
// conversions of database/sql.
type writer struct {
	db    *DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	head, addRow, addSent, setHead, dropHead, setMark driver.Stmt

	args  []driver.NamedValue
	heads map[uint64]schema.Head // what the file holds, while it is known
	tx    transaction            // the one that is open; kept for its memory
}

func newWriter(db *DB, conn *sql.Conn) *writer {
	w := &writer{db: db, conn: conn, stmts: make(map[string]*sql.Stmt), heads: make(map[uint64]schema.Head)}
	w.args = make([]driver.NamedValue, 10)
	for i := range w.args {
		w.args[i].Ordinal = i + 1
	}
	return w
}

// prepareHot prepares the hot statements; the tables have to be there.
func (w *writer) prepareHot(raw driver.Conn) error {
	for _, s := range []struct {
		into *driver.Stmt
		text string
	}{
		{&w.head, "SELECT seq, msg_id FROM inbox_head WHERE user_id = ?"},
		{&w.addRow, "INSERT INTO inbox (user_id, seq, msg_id, kind, from_id, peer_id, conv_id, client_id, body, ext) VALUES (?,?,?,?,?,?,?,?,?,?)"},
		{&w.addSent, "INSERT INTO sent (owner_id, sender_id, client_id, seq, peer_seq, msg_id) VALUES (?,?,?,?,?,?)"},
		{&w.setHead, "UPDATE inbox_head SET seq = ?, msg_id = ? WHERE user_id = ?"},
		{&w.dropHead, "DELETE FROM inbox_head WHERE user_id = ?"},
		{&w.setMark, "UPDATE commit_mark SET number = ?, used = ? WHERE writer = ?"},
	} {
		if *s.into != nil {
			continue
		}
		st, err := raw.Prepare(s.text)
		if err != nil {
			return err
		}
		*s.into = st
	}
	return nil
}

// hot runs f on the driver's connection with the hot statements prepared.
func (w *writer) hot(f func() error) error {
	return w.conn.Raw(func(c any) error {
		raw, ok := c.(driver.Conn)
		if !ok {
			return fmt.Errorf("sqlite: connection of type %T", c)
		}
		if w.setMark == nil {
			if err := w.prepareHot(raw); err != nil {
				return err
			}
		}
		return f()
	})
}

func (w *writer) exec(st driver.Stmt, n int) error {
	_, err := st.(driver.StmtExecContext).ExecContext(context.Background(), w.args[:n])
	return err
}

func (w *writer) close() error {
	for _, st := range []driver.Stmt{w.head, w.addRow, w.addSent, w.setHead, w.dropHead, w.setMark} {
		if st != nil {
			st.Close()
		}
	}
	for _, st := range w.stmts {
		st.Close()
	}
	return w.conn.Close()
}

// remember keeps a head as the file holds it.
func (w *writer) remember(h schema.Head) {
	if len(w.heads) >= maxHeads {
		clear(w.heads)
	}
	w.heads[h.User] = h
}
