package shard

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// MaxBlocks is how many addresses a block list has at most.
const MaxBlocks = 5000

const chunkBlocks = 50 // addresses in one statement

func blocks(ctx context.Context, q schema.Queryer, u im.UserID) (list []im.Addr, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var a im.Addr
		err := rows.Scan(&a.Local, &a.Domain, &a.Resource)
		list = append(list, a)
		return err
	}, "SELECT localpart, domain, resource FROM blocked WHERE owner_id = ?", int64(u))
	return list, err
}

// Blocks returns the addresses that u has blocked, in any order.
func (s *Store) Blocks(ctx context.Context, u im.UserID) (list []im.Addr, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		list, err = blocks(ctx, q, u)
		return err
	})
	return list, err
}

// BlockLists returns the block lists of users; see acs.BlockStore.
func (s *Store) BlockLists(ctx context.Context, users []im.UserID) (map[im.UserID][]im.Addr, error) {
	var mu sync.Mutex // guards out
	out := make(map[im.UserID][]im.Addr, len(users))
	err := s.perZone(users, func(z *zone, users []im.UserID) error {
		found := make(map[im.UserID][]im.Addr, len(users))
		err := z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			clear(found)
			for part := range slices.Chunk(users, chunkUsers) {
				if err := readBlockLists(ctx, q, part, found); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, u := range users {
			out[u] = found[u]
		}
		return nil
	})
	return out, err
}

func readBlockLists(ctx context.Context, q schema.Queryer, users []im.UserID, into map[im.UserID][]im.Addr) error {
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		var u im.UserID
		var a im.Addr
		err := rows.Scan(&u, &a.Local, &a.Domain, &a.Resource)
		into[u] = append(into[u], a)
		return err
	}, "SELECT owner_id, localpart, domain, resource FROM blocked WHERE owner_id IN ("+idList(users)+")")
}

// UpdateBlocks changes a block list; see acs.BlockStore. It removes before it
// adds. What is there is not added again, and what is not is not removed.
func (s *Store) UpdateBlocks(ctx context.Context, u im.UserID, change func([]im.Addr) (add, remove []im.Addr, log []im.Entry, err error)) (logged []im.Entry, err error) {
	err = s.do(ctx, u, func(t *txn) error {
		if t.head(uint64(u)) == nil {
			return unknownUser(u)
		}
		list, err := blocks(ctx, t, u)
		if err != nil {
			return err
		}
		add, remove, entries, err := change(slices.Clone(list))
		if err != nil {
			return err
		}
		if err := t.writeBlocks(u, list, add, remove); err != nil {
			return err
		}
		logged = entries
		return t.append(u, logged)
	})
	if err != nil {
		return nil, err
	}
	return logged, nil
}

func (t *txn) writeBlocks(u im.UserID, list, add, remove []im.Addr) error {
	have := make(map[im.Addr]bool, len(list))
	for _, a := range list {
		have[a] = true
	}
	var gone, fresh []im.Addr
	for _, a := range remove {
		if have[a] {
			delete(have, a)
			gone = append(gone, a)
		}
	}
	for _, a := range add {
		if !have[a] {
			have[a] = true
			fresh = append(fresh, a)
		}
	}
	if len(have) > MaxBlocks {
		return im.Errorf(im.CodeTooMany, "a block list has at most %d addresses; unblock some first", MaxBlocks)
	}
	for part := range parts(gone, chunkBlocks) {
		args := []any{int64(u)}
		for _, a := range part {
			args = append(args, digest(a))
		}
		if _, err := t.exec("DELETE FROM blocked WHERE owner_id = ? AND digest IN (?"+strings.Repeat(",?", len(part)-1)+")", args...); err != nil {
			return err
		}
	}
	for part := range parts(fresh, chunkBlocks) {
		var args []any
		for _, a := range part {
			args = append(args, int64(u), digest(a), a.Domain, a.Local, a.Resource)
		}
		if _, err := t.exec("INSERT INTO blocked (owner_id, digest, domain, localpart, resource) VALUES (?,?,?,?,?)"+strings.Repeat(",(?,?,?,?,?)", len(part)-1), args...); err != nil {
			return err
		}
	}
	return nil
}

// parts cuts a list in parts of n and of one, so that there are few different
// statements: the databases keep them.
func parts[T any](list []T, n int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			if len(list) < n {
				n = 1
			}
			if !yield(list[:n:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// digest is the key of an address.
func digest(a im.Addr) []byte {
	sum := sha256.Sum256([]byte(a.String()))
	return sum[:]
}
