package shard

import (
	"context"
	"database/sql"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const membershipColumns = "user_id, group_id, version, role, pinned, silent, domain, localpart, title, nick"

func membershipsWhere(ctx context.Context, q schema.Queryer, where string, args ...any) (out []im.Membership, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var m im.Membership
		err := rows.Scan(&m.User, &m.Group, &m.Version, &m.Role, &m.Pinned, &m.Silent, &m.Addr.Domain, &m.Addr.Local, &m.Title, &m.Nick)
		out = append(out, m)
		return err
	}, "SELECT "+membershipColumns+" FROM membership WHERE "+where, args...)
	return out, err
}

// Memberships returns the groups of a user; see acs.GroupStore.
func (s *Store) Memberships(ctx context.Context, u im.UserID) (out []im.Membership, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		out, err = membershipsWhere(ctx, q, "user_id = ? AND role > 0 ORDER BY group_id", int64(u))
		return err
	})
	return out, err
}

// PutMembership writes a membership and logs it; see acs.GroupStore.
func (s *Store) PutMembership(ctx context.Context, m im.Membership, e im.Entry) (logged *im.Entry, err error) {
	err = s.do(ctx, m.User, func(t *txn) error {
		logged = nil
		if t.head(uint64(m.User)) == nil {
			return nil // the account was deleted: nobody has to learn it
		}
		known, err := membershipsWhere(t.ctx, t, "user_id = ? AND group_id = ?", int64(m.User), int64(m.Group))
		if err != nil || len(known) > 0 && known[0].Version >= m.Version {
			return err
		}
		now := m
		if len(known) > 0 {
			now.Pinned, now.Silent = known[0].Pinned, known[0].Silent
		}
		if err := t.writeMembership(&now); err != nil {
			return err
		}
		entry := e
		if e.Group != nil {
			ev := *e.Group
			ev.Membership = &now
			entry.Group = &ev
		}
		list := []im.Entry{entry}
		if err := t.append(m.User, list); err != nil {
			return err
		}
		logged = &list[0]
		return nil
	})
	return logged, err
}

func (t *txn) writeMembership(m *im.Membership) error {
	if _, err := t.exec("DELETE FROM membership WHERE user_id = ? AND group_id = ?", int64(m.User), int64(m.Group)); err != nil {
		return err
	}
	_, err := t.exec("INSERT INTO membership ("+membershipColumns+") VALUES (?,?,?,?,?,?,?,?,?,?)", int64(m.User), int64(m.Group), signed(m.Version),
		int64(m.Role), flag(m.Pinned), flag(m.Silent), m.Addr.Domain, m.Addr.Local, m.Title, m.Nick)
	return err
}

// Book sets what a user's devices share about a group; see acs.GroupStore.
func (s *Store) Book(ctx context.Context, u im.UserID, g im.GroupID, pinned, silent bool, entry func(im.Membership) im.Entry) (logged im.Entry, err error) {
	err = s.do(ctx, u, func(t *txn) error {
		known, err := membershipsWhere(t.ctx, t, "user_id = ? AND group_id = ? AND role > 0", int64(u), int64(g))
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return im.Errorf(im.CodeNotFound, "you are not in the group")
		}
		m := known[0]
		m.Pinned, m.Silent = pinned, silent
		if err := t.writeMembership(&m); err != nil {
			return err
		}
		list := []im.Entry{entry(m)}
		err = t.append(u, list)
		logged = list[0]
		return err
	})
	return logged, err
}
