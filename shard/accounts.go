package shard

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// Statements about many users take this many at a time.
const chunkUsers = 200

// Profiles returns the profiles of users that exist. When zones fail it
// returns those of the others, and the error.
func (s *Store) Profiles(ctx context.Context, users []im.UserID) (out []im.Profile, err error) {
	var mu sync.Mutex // guards out
	err = s.perZone(users, func(z *zone, users []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			for part := range slices.Chunk(users, chunkUsers) {
				err := scanAll(ctx, q, func(rows *sql.Rows) error {
					a, err := scanAccount(rows)
					mu.Lock()
					defer mu.Unlock()
					out = append(out, a.Profile)
					return err
				}, "SELECT "+accountColumns+" FROM account WHERE user_id IN ("+idList(part)+")")
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return out, err
}

// Accounts lists accounts of all zones in the order of ids, without verifiers.
func (s *Store) Accounts(ctx context.Context, after im.UserID, limit int) ([]im.Account, error) {
	var all []im.Account
	var mu sync.Mutex // guards all
	errs := make([]error, len(s.zones))
	var wg sync.WaitGroup
	for i, z := range s.zones {
		wg.Go(func() {
			errs[i] = z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
				return scanAll(ctx, q, func(rows *sql.Rows) error {
					a, err := scanAccount(rows)
					mu.Lock()
					defer mu.Unlock()
					all = append(all, a)
					return err
				}, "SELECT "+accountColumns+" FROM account WHERE user_id > ? ORDER BY user_id LIMIT ?", int64(after), limit)
			})
		})
	}
	wg.Wait()
	// A list with a zone left out would look complete: better none.
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b im.Account) int { return cmp.Compare(a.ID, b.ID) })
	return all[:min(limit, len(all))], nil
}

// TouchLastSeen records when users were last online; never back.
func (s *Store) TouchLastSeen(ctx context.Context, seen map[im.UserID]time.Time) error {
	users := make([]im.UserID, 0, len(seen))
	for u := range seen {
		users = append(users, u)
	}
	slices.Sort(users)
	return s.perZone(users, func(z *zone, users []im.UserID) error {
		for part := range slices.Chunk(users, chunkUsers) {
			err := s.doAt(ctx, z, part, func(t *txn) error { return t.touch(part, seen) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *txn) touch(users []im.UserID, seen map[im.UserID]time.Time) error {
	var q strings.Builder
	q.WriteString("UPDATE account SET last_seen = CASE")
	for _, u := range users {
		ms := millis(seen[u])
		fmt.Fprintf(&q, " WHEN user_id = %d AND last_seen < %d THEN %d", u, ms, ms)
	}
	q.WriteString(" ELSE last_seen END WHERE user_id IN (" + idList(users) + ")")
	_, err := t.exec(q.String())
	return err
}

// UseInvite takes one use of a code. Invitations are kept in the first zone.
func (s *Store) UseInvite(ctx context.Context, code string, now time.Time) error {
	return s.doAt(ctx, s.zones[0], nil, func(t *txn) error {
		n, err := t.exec("UPDATE invite SET uses = uses - 1 WHERE code = ? AND uses > 0 AND (expires = 0 OR expires > ?)", code, millis(now))
		if err == nil && n == 0 {
			return im.Errorf(im.CodeInviteInvalid, "the invitation code is unknown, used up or expired; ask for a new one")
		}
		return err
	})
}

// AddInvite makes a code good for a number of uses, until expires; the zero
// time means for ever. It answers im.CodeConflict when the code exists.
func (s *Store) AddInvite(ctx context.Context, code string, uses int, expires time.Time) error {
	return s.doAt(ctx, s.zones[0], nil, func(t *txn) error {
		n, err := number(ctx, t, "SELECT COUNT(*) FROM invite WHERE code = ?", code)
		if err != nil {
			return err
		}
		if n > 0 {
			return im.Errorf(im.CodeConflict, "this invitation code exists already; choose another one")
		}
		_, err = t.exec("INSERT INTO invite (code, uses, expires) VALUES (?, ?, ?)", code, uses, millis(expires))
		return err
	})
}
