package shard

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// maxPageBytes ends a page early; the first entry always fits.
const maxPageBytes = 256 << 10

// Append logs entries in one inbox; see acs.InboxStore.
func (s *Store) Append(ctx context.Context, u im.UserID, entries []im.Entry) ([]im.Entry, error) {
	entries = slices.Clone(entries)
	if err := s.do(ctx, u, func(t *txn) error { return t.append(u, entries) }); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e im.Entry) bool { return e.Seq == 0 }), nil
}

// Read returns a run of the inbox; see acs.InboxStore.
func (s *Store) Read(ctx context.Context, u im.UserID, after uint64, limit int) (page im.SyncPage, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		heads, err := readHeads(ctx, q, []im.UserID{u})
		if err != nil {
			return err
		}
		if len(heads) == 0 {
			return unknownUser(u)
		}
		page = im.SyncPage{Head: heads[0].Seq}
		page.Entries, err = readEntries(ctx, q, "inbox", limit, "user_id = ? AND seq > ? ORDER BY seq LIMIT ?", int64(u), int64(after), limit)
		if n := len(page.Entries); n > 0 {
			page.Head = max(page.Head, page.Entries[n-1].Seq)
		}
		return err
	})
	return page, err
}

// readEntries reads up to a page; what comes after is left unread.
func readEntries(ctx context.Context, q schema.Queryer, table string, limit int, where string, args ...any) ([]im.Entry, error) {
	out := make([]im.Entry, 0, min(max(limit, 0), 256))
	rows, err := q.Query(ctx, "SELECT "+entryColumns+" FROM "+table+" WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for size := 0; size < maxPageBytes && rows.Next(); {
		var e im.Entry
		if err := scanEntry(rows, &e); err != nil {
			return nil, err
		}
		out = append(out, e)
		size += len(e.Text) + len(e.Ext) + 64
	}
	return out, rows.Err()
}

// Heads returns the heads of users that exist, in any order. When zones fail
// it returns those of the others, and the error.
func (s *Store) Heads(ctx context.Context, users []im.UserID) (out []im.Head, err error) {
	var mu sync.Mutex // guards out
	err = s.perZone(users, func(z *zone, users []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			for part := range slices.Chunk(users, chunkUsers) {
				heads, err := readHeads(ctx, q, part)
				if err != nil {
					return err
				}
				mu.Lock()
				out = append(out, heads...)
				mu.Unlock()
			}
			return nil
		})
	})
	return out, err
}

func readHeads(ctx context.Context, q schema.Queryer, users []im.UserID) (out []im.Head, err error) {
	each := func(rows *sql.Rows) error {
		var h im.Head
		err := rows.Scan(&h.User, &h.Seq, &h.MsgID)
		out = append(out, h)
		return err
	}
	const query = "SELECT user_id, seq, msg_id FROM inbox_head WHERE user_id "
	if len(users) == 1 {
		err = scanAll(ctx, q, each, query+"= ?", int64(users[0]))
		return out, err
	}
	err = scanAll(ctx, q, each, query+"IN ("+idList(users)+")")
	return out, err
}

// maxParts is in how many statements MaxMsgID looks through a zone, so that
// none takes long.
const maxParts = 64

// MaxMsgID returns the latest id in any inbox of the cell; see acs.InboxStore.
func (s *Store) MaxMsgID(ctx context.Context) (newest im.MsgID, err error) {
	for _, z := range s.zones {
		for i := range maxParts {
			from, to := im.MakeUserID(im.Slots/maxParts*im.Slot(i), 0), im.MakeUserID(im.Slots/maxParts*im.Slot(i+1)-1, im.IDRandomMask)
			err := z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
				n, err := number(ctx, q, "SELECT COALESCE(MAX(msg_id), 0) FROM inbox_head WHERE user_id BETWEEN ? AND ?", int64(from), int64(to))
				newest = max(newest, im.MsgID(n))
				return err
			})
			if err != nil {
				return 0, err
			}
		}
	}
	return newest, nil
}

// History returns a page of one conversation, in ascending seq. Read together
// with Before or alone it is the newest page below; with only After the oldest
// above.
func (s *Store) History(ctx context.Context, u im.UserID, h im.HistoryQuery) (page im.HistoryPage, err error) {
	limit := max(h.Limit, 1)
	where, args := "user_id = ? AND conv_id = ? AND seq > ?", []any{int64(u), convID(h.Peer), signed(h.After)}
	if h.Before > 0 {
		where, args = where+" AND seq < ?", append(args, signed(h.Before))
	}
	newest := h.After == 0 || h.Before > 0
	if newest {
		where += " ORDER BY seq DESC LIMIT ?"
	} else {
		where += " ORDER BY seq LIMIT ?"
	}
	args = append(args, limit+1)
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		page.Entries, err = readEntries(ctx, q, s.zone(u).byConversation(), limit+1, where, args...)
		return err
	})
	if err != nil {
		return im.HistoryPage{}, err
	}
	page.More = len(page.Entries) > limit || size(page.Entries) >= maxPageBytes
	page.Entries = page.Entries[:min(limit, len(page.Entries))]
	if newest {
		slices.Reverse(page.Entries)
	}
	return page, nil
}

func size(entries []im.Entry) (n int) {
	for i := range entries {
		n += len(entries[i].Text) + len(entries[i].Ext) + 64
	}
	return n
}
