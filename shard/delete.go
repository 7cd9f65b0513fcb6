package shard

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

// ofUser is the tables that DeleteAccount empties at once, each with the column
// that holds the user. The inbox and what was sent can be long: they come after.
var ofUser = [][2]string{
	{"verifier", "user_id"},
	{"device", "user_id"},
	{"contact", "owner_id"},
	{"read_mark", "owner_id"},
	{"blocked", "owner_id"},
	{"leaf", "owner_id"},
	{"leaf_item", "owner_id"},
	{"membership", "user_id"},
}

// DeleteAccount removes an account; see acs.AccountStore. With the head of its
// inbox the user is unknown to every call but those that find an account. A
// long inbox is removed in many transactions: when the call fails in between, the
// next one goes on.
func (s *Store) DeleteAccount(ctx context.Context, u im.UserID) error {
	if err := s.do(ctx, u, func(t *txn) error { return t.deleteAccount(u) }); err != nil {
		return err
	}
	_, err := s.emptyLog(ctx, u, math.MaxInt)
	return err
}

// emptyLog removes what is in a log, and what is kept against duplicates, in many
// transactions. It stops when it has removed most, or a little more.
func (s *Store) emptyLog(ctx context.Context, u im.UserID, most int) (removed int, err error) {
	for _, part := range []func(*txn, im.UserID) (int64, error){(*txn).deleteEntries, (*txn).deleteSent} {
		for n := int64(1); n > 0 && removed < most; removed += int(n) {
			err := s.do(ctx, u, func(t *txn) (err error) {
				n, err = part(t, u)
				return err
			})
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func (t *txn) deleteAccount(u im.UserID) error {
	a, err := account(t.ctx, t, "user_id = ?", int64(u))
	if err != nil {
		return err
	}
	old := a
	a.Disabled, a.Verifiers = true, nil
	a.Profile, a.LastSeen = im.Profile{LastSeen: im.ToNobody}, time.Time{}
	if err := t.updateAccount(&old, &a); err != nil {
		return err
	}
	if err := t.deleteOf(u, ofUser); err != nil {
		return err
	}
	t.removeHead(uint64(u))
	return nil
}

// deleteOf empties tables of what is of one owner.
func (t *txn) deleteOf(owner im.UserID, tables [][2]string) error {
	for _, c := range tables {
		if _, err := t.exec("DELETE FROM "+c[0]+" WHERE "+c[1]+" = ?", int64(owner)); err != nil {
			return err
		}
	}
	return nil
}

// removeHead makes a locked head disappear at the commit, and for what follows
// in the transaction.
func (t *txn) removeHead(u uint64) {
	i, ok := t.heads[u]
	if !ok {
		return
	}
	t.touched[i] = false
	delete(t.heads, u)
	t.batch.Gone = append(t.batch.Gone, u)
}

// chunkDelete is how many rows of a log one transaction removes, so that others
// get their turn.
const chunkDelete = 512

func (t *txn) deleteEntries(u im.UserID) (int64, error) {
	first, err := number(t.ctx, t, "SELECT COALESCE(MIN(seq), 0) FROM inbox WHERE user_id = ?", int64(u))
	if err != nil || first == 0 {
		return 0, err
	}
	return t.exec("DELETE FROM inbox WHERE user_id = ? AND seq < ?", int64(u), first+chunkDelete)
}

func (t *txn) deleteSent(u im.UserID) (int64, error) {
	var keys []any // three for each row
	err := scanAll(t.ctx, t, func(rows *sql.Rows) error {
		var sender int64
		var client []byte
		err := rows.Scan(&sender, &client)
		keys = append(keys, int64(u), sender, client)
		return err
	}, "SELECT sender_id, client_id FROM sent WHERE owner_id = ? LIMIT ?", int64(u), chunkDelete)
	if err != nil {
		return 0, err
	}
	return int64(len(keys) / 3), t.forgetSent(keys)
}

// forgetSent removes sends by their keys, of which each has three columns.
func (t *txn) forgetSent(keys []any) error {
	const one = "(owner_id = ? AND sender_id = ? AND client_id = ?)"
	for len(keys) > 0 {
		n := 1
		if len(keys) >= 32*3 {
			n = 32
		}
		if _, err := t.exec("DELETE FROM sent WHERE "+one+strings.Repeat(" OR "+one, n-1), keys[:3*n]...); err != nil {
			return err
		}
		keys = keys[3*n:]
	}
	return nil
}
