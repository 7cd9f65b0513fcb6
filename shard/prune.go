package shard

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// goneAfter is how long the timeline of a dissolved group stays, for nodes that have
// not read its end.
const goneAfter = time.Hour

// PruneGroups removes what is not kept any longer; see acs.GroupStore.
func (s *Store) PruneGroups(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	err = s.everyZone(func(mu *sync.Mutex, z *zone) error {
		n, err := s.pruneZone(ctx, z, now, limit)
		mu.Lock()
		defer mu.Unlock()
		removed += n
		return err
	})
	return removed, err
}

func (s *Store) pruneZone(ctx context.Context, z *zone, now time.Time, limit int) (removed int, err error) {
	due, err := z.prunable(ctx, now)
	for i := 0; i < len(due) && removed < limit && err == nil; i++ {
		d, n := due[i], 0
		if d.before == 0 {
			n, err = s.removeGone(ctx, d.group, limit-removed)
		} else {
			n, err = s.prune(ctx, d, limit-removed)
		}
		removed += n
	}
	return removed, err
}

// prunable is a group with something to remove: what is older than before, or all.
type prunable struct {
	group  im.GroupID
	before im.MsgID // zero: all
}

// prunable finds groups that were dissolved, and those whose oldest entry is kept no
// longer.
func (z *zone) prunable(ctx context.Context, now time.Time) (due []prunable, err error) {
	err = z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
		due = nil
		return scanAll(ctx, q, func(rows *sql.Rows) error {
			var g im.GroupID
			var days int
			var first, last im.MsgID
			err := rows.Scan(&g, &days, &first, &last)
			before := im.MakeMsgID(now.AddDate(0, 0, -days), 0, 0)
			switch {
			case days == gone && last < im.MakeMsgID(now.Add(-goneAfter), 0, 0):
				due = append(due, prunable{group: g})
			case days > 0 && first > 0 && first < before:
				due = append(due, prunable{g, before})
			}
			return err
		}, "SELECT g.group_id, g.keep_days, COALESCE((SELECT i.msg_id FROM inbox i WHERE i.user_id = g.group_id ORDER BY i.seq LIMIT 1), 0), h.msg_id"+
			" FROM chat_group g JOIN inbox_head h ON h.user_id = g.group_id WHERE g.keep_days <> 0")
	})
	return due, err
}

// prune removes the oldest entries of a timeline, some in each transaction.
func (s *Store) prune(ctx context.Context, d prunable, limit int) (removed int, err error) {
	for more := true; more && removed < limit; {
		n, most := 0, min(chunkDelete, limit-removed)
		err := s.do(ctx, d.group.Log(), func(t *txn) (err error) {
			n, err = t.prune(d, most)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed, more = removed+n, n == most
	}
	return removed, nil
}

// prune removes the oldest entries, at most limit and never the newest, with what
// they mention and what is kept of them against duplicates.
func (t *txn) prune(d prunable, limit int) (n int, err error) {
	head := t.head(uint64(d.group))
	if head == nil {
		return 0, nil
	}
	var last int64
	var sent []any
	over := false
	err = scanAll(t.ctx, t, func(rows *sql.Rows) error {
		var seq, from int64
		var id im.MsgID
		var client []byte
		err := rows.Scan(&seq, &id, &from, &client)
		if over = over || id >= d.before; over { // what stands behind it stays
			return err
		}
		n, last = n+1, seq
		if client != nil {
			sent = append(sent, int64(d.group), from, client)
		}
		return err
	}, "SELECT seq, msg_id, from_id, client_id FROM inbox WHERE user_id = ? AND seq < ? ORDER BY seq LIMIT ?", int64(d.group), signed(head.Seq), limit)
	if err != nil || n == 0 {
		return 0, err
	}
	for _, table := range []string{"inbox WHERE user_id", "mention WHERE group_id"} {
		if _, err := t.exec("DELETE FROM "+table+" = ? AND seq <= ?", int64(d.group), last); err != nil {
			return 0, err
		}
	}
	return n, t.forgetSent(sent)
}

// removeGone removes what is left of a group that was dissolved, and in the end the
// row by which it was found.
func (s *Store) removeGone(ctx context.Context, g im.GroupID, limit int) (removed int, err error) {
	removed, err = s.emptyLog(ctx, g.Log(), limit)
	if err != nil || removed >= limit {
		return removed, err
	}
	return removed, s.do(ctx, g.Log(), func(t *txn) error {
		if err := t.dissolve(g); err != nil { // somebody may have been at it still
			return err
		}
		return t.deleteOf(g.Log(), [][2]string{{"mention", "group_id"}, {"chat_group", "group_id"}})
	})
}
