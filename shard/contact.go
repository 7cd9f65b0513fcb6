package shard

import (
	"context"
	"database/sql"
	"encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const contactColumns = "peer_id, domain, localpart, sub, listed, name, contact_groups, note, ext"

func contacts(ctx context.Context, q schema.Queryer, where string, args ...any) (all []im.Contact, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		c, err := scanContact(rows)
		all = append(all, c)
		return err
	}, "SELECT "+contactColumns+" FROM contact WHERE "+where, args...)
	return all, err
}

// scanContact reads contactColumns, and what stands behind them into more.
func scanContact(rows *sql.Rows, more ...any) (c im.Contact, err error) {
	var groups []byte
	err = rows.Scan(append([]any{&c.User, &c.Addr.Domain, &c.Addr.Local, &c.Sub, &c.Listed, &c.Name, &groups, &c.Note, &c.Ext}, more...)...)
	if err == nil {
		err = json.Unmarshal(groups, &c.Groups)
	}
	return c, err
}

// Contacts returns the whole list of u with pending requests, in the order of
// the peers' ids.
func (s *Store) Contacts(ctx context.Context, u im.UserID) (all []im.Contact, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		all, err = contacts(ctx, q, "owner_id = ? ORDER BY peer_id", int64(u))
		return err
	})
	return all, err
}

// Contact returns owner's entry for peer; see acs.ContactStore.
func (s *Store) Contact(ctx context.Context, owner, peer im.UserID) (im.Contact, error) {
	var found []im.Contact
	err := s.zone(owner).read(ctx, func(ctx context.Context, q schema.Queryer) (err error) {
		found, err = contacts(ctx, q, "owner_id = ? AND peer_id = ?", int64(owner), int64(peer))
		return err
	})
	if err != nil || len(found) == 0 {
		return im.Contact{}, err
	}
	return found[0], nil
}

// ContactsOf returns the entries that owners have for peer; see acs.ContactStore.
func (s *Store) ContactsOf(ctx context.Context, owners []im.UserID, peer im.UserID) (map[im.UserID]im.Contact, error) {
	var mu sync.Mutex // guards out
	out := make(map[im.UserID]im.Contact, len(owners))
	err := s.perZone(owners, func(z *zone, owners []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			for part := range slices.Chunk(owners, chunkUsers) {
				err := scanAll(ctx, q, func(rows *sql.Rows) error {
					var owner im.UserID
					c, err := scanContact(rows, &owner)
					mu.Lock()
					defer mu.Unlock()
					out[owner] = c
					return err
				}, "SELECT "+contactColumns+", owner_id FROM contact WHERE owner_id IN ("+idList(part)+") AND peer_id = ?", int64(peer))
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return out, err
}

// UpdateContact changes owner's entry for peer; see acs.ContactStore.
func (s *Store) UpdateContact(ctx context.Context, owner, peer im.UserID, change func(*im.Contact, im.ContactCount) ([]im.Entry, error)) (logged []im.Entry, err error) {
	err = s.do(ctx, owner, func(t *txn) error {
		if t.head(uint64(owner)) == nil {
			return unknownUser(owner)
		}
		found, err := contacts(ctx, t, "owner_id = ? AND peer_id = ?", int64(owner), int64(peer))
		if err != nil {
			return err
		}
		count, err := t.countContacts(owner, peer)
		if err != nil {
			return err
		}
		old := im.Contact{User: peer}
		if len(found) > 0 {
			old = found[0]
		}
		c := old
		c.Groups, c.Ext = slices.Clone(old.Groups), slices.Clone(old.Ext)
		if logged, err = change(&c, count); err != nil {
			return err
		}
		c.User = peer
		if err := t.writeContact(owner, &old, &c, len(found) > 0); err != nil {
			return err
		}
		return t.append(owner, logged)
	})
	if err != nil {
		return nil, err
	}
	return logged, nil
}

// countContacts counts the owner's other entries.
func (t *txn) countContacts(owner, peer im.UserID) (n im.ContactCount, err error) {
	err = scanAll(t.ctx, t, func(rows *sql.Rows) error { return rows.Scan(&n.Listed, &n.PendingIn) },
		"SELECT COALESCE(SUM(listed), 0), COALESCE(SUM(CASE WHEN sub & ? <> 0 THEN 1 ELSE 0 END), 0) FROM contact WHERE owner_id = ? AND peer_id <> ?",
		int64(im.SubPendingIn), int64(owner), int64(peer))
	return n, err
}

// writeContact stores c but for what is of the log entry alone.
func (t *txn) writeContact(owner im.UserID, old, changed *im.Contact, known bool) error {
	c := *changed
	c.Said = nil
	if !c.Sub.Has(im.SubPendingIn) || len(c.Ext) == 0 {
		c.Ext = nil
	}
	if !c.Listed && c.Sub == im.SubNone {
		if !known {
			return nil
		}
		_, err := t.exec("DELETE FROM contact WHERE owner_id = ? AND peer_id = ?", int64(owner), int64(c.User))
		return err
	}
	if known && reflect.DeepEqual(*old, c) {
		return nil
	}
	groups, err := json.Marshal(c.Groups)
	if err != nil {
		return err
	}
	query := "INSERT INTO contact (domain, localpart, sub, listed, name, contact_groups, note, ext, owner_id, peer_id) VALUES (?,?,?,?,?,?,?,?,?,?)"
	if known {
		query = "UPDATE contact SET domain = ?, localpart = ?, sub = ?, listed = ?, name = ?, contact_groups = ?, note = ?, ext = ? WHERE owner_id = ? AND peer_id = ?"
	}
	_, err = t.exec(query, c.Addr.Domain, c.Addr.Local, int64(c.Sub), flag(c.Listed), c.Name, string(groups), c.Note, c.Ext, int64(owner), int64(c.User))
	return err
}
