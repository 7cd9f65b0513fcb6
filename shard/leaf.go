package shard

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// What users may keep on the server.
const (
	MaxLeaves     = 500       // of a user
	MaxLeafItems  = 2000      // in a leaf
	MaxLeafBytes  = 256 << 10 // payload of an item, or configuration of a leaf
	MaxOwnerBytes = 8 << 20   // payloads and configurations of a user
	maxLeafName   = 1023      // bytes of the name of a leaf and of an item's id: what their columns hold
)

// leaf is a stored leaf.
type leaf struct {
	im.Leaf
	id    int64 // zero: there is none
	bytes int64 // of its configuration and payloads
}

func leaves(ctx context.Context, q schema.Queryer, where string, args ...any) (all []leaf, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var l leaf
		err := rows.Scan(&l.id, &l.Name, &l.Config, &l.bytes)
		all = append(all, l)
		return err
	}, "SELECT leaf_id, name, config, bytes FROM leaf WHERE "+where, args...)
	return all, err
}

func oneLeaf(ctx context.Context, q schema.Queryer, owner im.UserID, name string) (leaf, error) {
	found, err := leaves(ctx, q, "owner_id = ? AND name = ?", int64(owner), name)
	if err != nil || len(found) == 0 {
		return leaf{Leaf: im.Leaf{Name: name}}, err
	}
	return found[0], nil
}

// Leaves returns what owner has, in the order of the names.
func (s *Store) Leaves(ctx context.Context, owner im.UserID) (out []im.Leaf, err error) {
	err = s.zone(owner).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		all, err := leaves(ctx, q, "owner_id = ?", int64(owner))
		out = make([]im.Leaf, len(all))
		for i, l := range all {
			out[i] = l.Leaf
		}
		return err
	})
	slices.SortFunc(out, func(a, b im.Leaf) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

// LeafItems returns a leaf and items of it, oldest first; see im.Items.
func (s *Store) LeafItems(ctx context.Context, owner im.UserID, name string, q im.ItemQuery) (out im.Leaf, items []im.Item, err error) {
	err = s.zone(owner).read(ctx, func(ctx context.Context, db schema.Queryer) error {
		l, err := oneLeaf(ctx, db, owner, name)
		if err != nil {
			return err
		}
		if l.id == 0 {
			return noLeaf(name)
		}
		out = l.Leaf
		items, err = leafItems(ctx, db, owner, &l, q)
		return err
	})
	if err != nil {
		return im.Leaf{}, nil, err
	}
	return out, items, nil
}

func noLeaf(name string) error {
	return im.Errorf(im.CodeNotFound, "the user keeps nothing under the name %q", name)
}

// placed is an item with its place.
type placed struct {
	im.Item
	place int64
}

// itemsOf looks at the name again: a leaf made after the removal of another may
// have its number.
const itemsOf = "SELECT place, item_id, published, domain, localpart, resource, payload FROM leaf_item WHERE owner_id = ? AND leaf_id = ?" +
	" AND EXISTS (SELECT 1 FROM leaf WHERE owner_id = ? AND leaf_id = ? AND name = ?)"

func leafItems(ctx context.Context, db schema.Queryer, owner im.UserID, l *leaf, q im.ItemQuery) ([]im.Item, error) {
	var found []placed
	each := func(rows *sql.Rows) error {
		var p placed
		var at int64
		err := rows.Scan(&p.place, &p.ID, &at, &p.Publisher.Domain, &p.Publisher.Local, &p.Publisher.Resource, &p.Payload)
		p.At = moment(at)
		found = append(found, p)
		return err
	}
	which := []any{int64(owner), l.id, int64(owner), l.id, l.Name}
	var err error
	if len(q.IDs) == 0 {
		limit := q.Limit
		if limit <= 0 {
			limit = MaxLeafItems
		}
		err = scanAll(ctx, db, each, itemsOf+" ORDER BY place DESC LIMIT ?", append(which, limit)...)
	}
	for part := range parts(distinct(q.IDs), chunkIDs) {
		args := slices.Clone(which)
		for _, one := range part {
			args = append(args, one)
		}
		err = errors.Join(err, scanAll(ctx, db, each, itemsOf+" AND item_id IN (?"+strings.Repeat(",?", len(part)-1)+")", args...))
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[len(found)-q.Limit:]
	}
	items := make([]im.Item, len(found))
	for i, p := range found {
		items[i] = p.Item
	}
	return items, nil
}

const chunkIDs = 20 // ids in one statement

func distinct[T cmp.Ordered](ids []T) []T {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
