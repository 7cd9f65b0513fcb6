package shard

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// What LeavesOf reads from a zone at once, beside maxPageBytes.
const (
	pageLeaves = 128
	maxLookups = 8192 // owners times names
)

// LeavesOf returns the leaves of many owners with their newest items; see im.Items.
func (s *Store) LeavesOf(ctx context.Context, owners []im.UserID, names []string) (map[im.UserID][]im.LeafItem, error) {
	var mu sync.Mutex // guards out
	out := make(map[im.UserID][]im.LeafItem, len(owners))
	owners, names = sortedSet(owners), sortedSet(names)
	owners = slices.DeleteFunc(owners, func(u im.UserID) bool {
		none := len(names) == 0 || !u.Valid()
		if none {
			out[u] = nil
		}
		return none
	})
	err := s.perZone(owners, func(z *zone, owners []im.UserID) error {
		p := leafPage{owners: owners[:min(len(owners), chunkUsers, max(1, maxLookups/len(names)))], names: names}
		if err := z.read(ctx, p.read); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, u := range p.owners {
			out[u] = p.found[u]
		}
		return nil
	})
	return out, err
}

func sortedSet[T ~uint64 | ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// leafPage is what one zone gives at once.
type leafPage struct {
	owners []im.UserID // ascending; those that had to be left out are cut off
	names  []string
	found  map[im.UserID][]im.LeafItem
}

// newestOf finds rows by their keys first and then reads each: the newest item of
// a long leaf costs no more than that of a short one, and no blob is sorted. Outer
// joins keep the order of the steps.
const newestOf = "SELECT d.owner_id, d.name, l.config, i.item_id, i.published, i.domain, i.localpart, i.resource, i.payload FROM (" +
	"SELECT owner_id, leaf_id, name," +
	" (SELECT place FROM leaf_item p WHERE p.owner_id = leaf.owner_id AND p.leaf_id = leaf.leaf_id ORDER BY place DESC LIMIT 1) AS newest" +
	" FROM leaf WHERE owner_id IN (<owners>) AND name IN (<names>) ORDER BY owner_id, name LIMIT ?) d" +
	" LEFT JOIN leaf l ON l.owner_id = d.owner_id AND l.leaf_id = d.leaf_id" +
	" LEFT JOIN leaf_item i ON i.owner_id = d.owner_id AND i.leaf_id = d.leaf_id AND i.place = d.newest ORDER BY d.owner_id, d.name"

func (p *leafPage) read(ctx context.Context, q schema.Queryer) error {
	p.found = make(map[im.UserID][]im.LeafItem)
	args := make([]any, 0, len(p.names)+1)
	for _, n := range p.names {
		args = append(args, n)
	}
	limit := pageLeaves + len(p.names) // one owner has not more than the names
	query := strings.NewReplacer("<owners>", idList(p.owners), "<names>", "?"+strings.Repeat(",?", len(p.names)-1)).Replace(newestOf)
	rows, err := q.Query(ctx, query, append(args, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var owner im.UserID // whose leaves are being read
	n, size := 0, 0
	for rows.Next() {
		last := owner
		l, err := scanLeafItem(rows, &owner)
		if err != nil {
			return sqlError{err}
		}
		if owner != last && (size >= maxPageBytes || n >= pageLeaves) {
			p.cut(owner)
			return nil
		}
		p.found[owner] = append(p.found[owner], l)
		n++
		size += len(l.Config) + 64
		if l.Newest != nil {
			size += len(l.Newest.Payload)
		}
	}
	if err := rows.Err(); err != nil {
		return sqlError{err}
	}
	if n == limit {
		p.cut(owner) // there may be more of his
	}
	return nil
}

// cut leaves out the owners from u on.
func (p *leafPage) cut(u im.UserID) {
	i, _ := slices.BinarySearch(p.owners, u)
	p.owners = p.owners[:i]
}

func scanLeafItem(rows *sql.Rows, owner *im.UserID) (l im.LeafItem, err error) {
	var id, domain, local, resource sql.NullString
	var at sql.NullInt64
	var payload []byte
	err = rows.Scan(owner, &l.Name, &l.Config, &id, &at, &domain, &local, &resource, &payload)
	if err == nil && id.Valid {
		l.Newest = &im.Item{
			ID: id.String, Payload: payload, At: moment(at.Int64),
			Publisher: im.Addr{Local: local.String, Domain: domain.String, Resource: resource.String},
		}
	}
	return l, err
}
