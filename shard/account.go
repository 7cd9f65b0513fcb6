package shard

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const accountColumns = "user_id, domain, localpart, created, disabled, revoked_at, last_seen, profile"

func scanAccount(rows *sql.Rows) (a im.Account, err error) {
	var created, revoked, seen int64
	var profile string
	if err := rows.Scan(&a.ID, &a.Addr.Domain, &a.Addr.Local, &created, &a.Disabled, &revoked, &seen, &profile); err != nil {
		return a, err
	}
	a.Created, a.RevokedAt, a.LastSeen = moment(created), moment(revoked), moment(seen)
	if err := json.Unmarshal([]byte(profile), &a.Profile); err != nil {
		return a, fmt.Errorf("shard: profile of user %s: %w", a.ID, err)
	}
	a.Profile.User, a.Profile.Addr = a.ID, a.Addr
	return a, nil
}

// account reads one account with its verifiers.
func account(ctx context.Context, q schema.Queryer, where string, args ...any) (im.Account, error) {
	var a im.Account
	err := scanAll(ctx, q, func(rows *sql.Rows) (err error) {
		a, err = scanAccount(rows)
		return err
	}, "SELECT "+accountColumns+" FROM account WHERE "+where, args...)
	if err != nil {
		return a, err
	}
	if a.ID == 0 {
		return a, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var v im.Verifier
		err := rows.Scan(&v.Mechanism, &v.Sealed)
		a.Verifiers = append(a.Verifiers, v)
		return err
	}, "SELECT mechanism, sealed FROM verifier WHERE user_id = ? ORDER BY mechanism", int64(a.ID))
	return a, err
}

// CreateAccount stores a under a new id in the slot of its address.
func (s *Store) CreateAccount(ctx context.Context, a im.Account) (im.UserID, error) {
	a.Addr = a.Addr.Bare()
	slot := a.Addr.Slot()
	var id im.UserID
	err := s.doAt(ctx, s.bySlot[slot], nil, func(t *txn) error {
		taken, err := number(ctx, t, "SELECT COUNT(*) FROM account WHERE domain = ? AND localpart = ?", a.Addr.Domain, a.Addr.Local)
		if err != nil {
			return err
		}
		if taken > 0 {
			return im.Errorf(im.CodeNameTaken, "the name %s is taken; choose another one", a.Addr)
		}
		if id, err = t.freeID(slot); err != nil {
			return err
		}
		a.ID = id
		return t.insertAccount(&a)
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// freeID draws ids until one is new: 38 random bits seldom need two.
func (t *txn) freeID(slot im.Slot) (im.UserID, error) {
	for {
		var b [8]byte
		rand.Read(b[:])
		id := im.MakeUserID(slot, binary.BigEndian.Uint64(b[:]))
		n, err := number(t.ctx, t, "SELECT (SELECT COUNT(*) FROM account WHERE user_id = ?) + (SELECT COUNT(*) FROM inbox_head WHERE user_id = ?)", int64(id), int64(id))
		if err != nil {
			return 0, err
		}
		if n == 0 && id.Valid() {
			return id, nil
		}
	}
}

func (t *txn) insertAccount(a *im.Account) error {
	profile, err := profileText(a)
	if err != nil {
		return err
	}
	_, err1 := t.exec("INSERT INTO account ("+accountColumns+") VALUES (?,?,?,?,?,?,?,?)", int64(a.ID), a.Addr.Domain, a.Addr.Local,
		millis(a.Created), flag(a.Disabled), millis(a.RevokedAt), millis(a.LastSeen), profile)
	_, err2 := t.exec("INSERT INTO inbox_head (user_id, seq, msg_id) VALUES (?, 0, 0)", int64(a.ID))
	return errors.Join(err1, err2, t.writeVerifiers(a))
}

func profileText(a *im.Account) (string, error) {
	p := a.Profile
	p.User, p.Addr = a.ID, a.Addr
	b, err := json.Marshal(p)
	return string(b), err
}

func (t *txn) writeVerifiers(a *im.Account) error {
	for _, v := range a.Verifiers {
		if _, err := t.exec("INSERT INTO verifier (user_id, mechanism, sealed) VALUES (?, ?, ?)", int64(a.ID), v.Mechanism, v.Sealed); err != nil {
			return err
		}
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// AccountByAddr finds an account by its bare address.
func (s *Store) AccountByAddr(ctx context.Context, a im.Addr) (acct im.Account, err error) {
	err = s.bySlot[a.Slot()].read(ctx, func(ctx context.Context, q schema.Queryer) error {
		acct, err = account(ctx, q, "domain = ? AND localpart = ?", a.Domain, a.Local)
		return err
	})
	return acct, err
}

// AccountByID finds an account by its id.
func (s *Store) AccountByID(ctx context.Context, u im.UserID) (acct im.Account, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		acct, err = account(ctx, q, "user_id = ?", int64(u))
		return err
	})
	return acct, err
}

// UpdateAccount changes an account; see acs.AccountStore.
func (s *Store) UpdateAccount(ctx context.Context, u im.UserID, change func(*im.Account) ([]im.Entry, error)) (logged []im.Entry, err error) {
	err = s.do(ctx, u, func(t *txn) error {
		if t.head(uint64(u)) == nil { // the account was removed; the row keeps its address
			return unknownUser(u)
		}
		old, err := account(ctx, t, "user_id = ?", int64(u))
		if err != nil {
			return err
		}
		a := old
		a.Verifiers = slices.Clone(old.Verifiers)
		if logged, err = change(&a); err != nil {
			return err
		}
		a.ID, a.Addr = old.ID, old.Addr
		if err := t.updateAccount(&old, &a); err != nil {
			return err
		}
		return t.append(u, logged)
	})
	if err != nil {
		return nil, err
	}
	return logged, nil
}

func (t *txn) updateAccount(old, a *im.Account) error {
	profile, err := profileText(a)
	if err != nil {
		return err
	}
	_, err = t.exec("UPDATE account SET disabled = ?, revoked_at = ?, last_seen = ?, profile = ? WHERE user_id = ?",
		flag(a.Disabled), millis(a.RevokedAt), millis(a.LastSeen), profile, int64(a.ID))
	if err != nil || slices.EqualFunc(old.Verifiers, a.Verifiers, sameVerifier) {
		return err
	}
	if _, err := t.exec("DELETE FROM verifier WHERE user_id = ?", int64(a.ID)); err != nil {
		return err
	}
	return t.writeVerifiers(a)
}

func sameVerifier(a, b im.Verifier) bool {
	return a.Mechanism == b.Mechanism && string(a.Sealed) == string(b.Sealed)
}

// idList renders ids for an IN list; numbers need no quoting.
func idList[T ~uint64](ids []T) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", id)
	}
	return b.String()
}
