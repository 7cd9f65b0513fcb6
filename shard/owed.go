package shard

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// owedRows are the columns of what users have to learn.
func owedRows(list []im.Owed) (args []any, err error) {
	now := millis(time.Now())
	for i := range list {
		text, err := json.Marshal(&list[i])
		if err != nil {
			return nil, fmt.Errorf("shard: encode what is owed: %w", err)
		}
		m := &list[i].Membership
		args = append(args, int64(m.Group), int64(m.User), signed(m.Version), now, string(text))
	}
	return args, nil
}

// Owed returns what is not settled; see acs.GroupStore.
func (s *Store) Owed(ctx context.Context, before time.Time, limit int) (out []im.Owed, err error) {
	reachable := s.reachable("user_id")
	err = s.everyZone(func(mu *sync.Mutex, z *zone) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			return scanAll(ctx, q, func(rows *sql.Rows) error {
				var text string
				var o im.Owed
				if err := rows.Scan(&text); err != nil {
					return err
				}
				err := json.Unmarshal([]byte(text), &o)
				mu.Lock()
				defer mu.Unlock()
				out = append(out, o)
				return err
			}, "SELECT owed FROM group_owed WHERE created < ?"+reachable+" ORDER BY created, group_id, user_id, version LIMIT ?", millis(before), limit)
		})
	})
	return out, err
}

// reachable is a condition that leaves out users in zones that are down, so that
// what nobody can tell them now does not stand in the way of the others.
func (s *Store) reachable(column string) string {
	var b strings.Builder
	for from := 0; from < im.Slots; {
		z, to := s.bySlot[from], from
		for to < im.Slots && s.bySlot[to] == z {
			to++
		}
		if z.breaker.isOpen() {
			fmt.Fprintf(&b, " AND NOT (%s BETWEEN %d AND %d)", column, im.MakeUserID(im.Slot(from), 0), im.MakeUserID(im.Slot(to-1), im.IDRandomMask))
		}
		from = to
	}
	return b.String()
}

// Settle forgets what was owed; see acs.GroupStore.
func (s *Store) Settle(ctx context.Context, done []im.Owed) error {
	byGroup := make(map[im.UserID][]im.Membership)
	var logs []im.UserID
	for i := range done {
		m := done[i].Membership
		if byGroup[m.Group.Log()] == nil {
			logs = append(logs, m.Group.Log())
		}
		byGroup[m.Group.Log()] = append(byGroup[m.Group.Log()], m)
	}
	return s.perZone(logs, func(z *zone, logs []im.UserID) error {
		return s.doAt(ctx, z, nil, func(t *txn) error {
			for _, g := range logs {
				for _, m := range byGroup[g] {
					if _, err := t.exec("DELETE FROM group_owed WHERE group_id = ? AND user_id = ? AND version = ?", int64(g), int64(m.User), signed(m.Version)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}
