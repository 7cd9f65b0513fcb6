package shard

import (
	"context"
	"database/sql"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// EditLeaf changes a leaf under the lock of the owner's head; see im.Items. Items
// for a leaf that does not exist, and that the edit does not make, give
// im.CodeNotFound; to remove what is not there is no error.
func (s *Store) EditLeaf(ctx context.Context, owner im.UserID, name string, change func(l im.Leaf, exists bool, ids []string) (im.LeafEdit, error)) error {
	return s.do(ctx, owner, func(t *txn) error {
		if t.head(uint64(owner)) == nil {
			return unknownUser(owner)
		}
		l, err := oneLeaf(ctx, t, owner, name)
		if err != nil {
			return err
		}
		e := leafEdit{txn: t, owner: owner, leaf: l}
		if err := e.readItems(); err != nil {
			return err
		}
		ids := make([]string, len(e.items))
		for i, it := range e.items {
			ids[i] = it.id
		}
		edit, err := change(l.Leaf, l.id != 0, ids)
		if err != nil {
			return err
		}
		return e.apply(&edit)
	})
}

// leafEdit is a leaf while it is changed.
type leafEdit struct {
	*txn
	owner im.UserID
	leaf  leaf
	items []storedItem // oldest first
	next  int64        // the next place
}

// storedItem is what there is of an item without reading it.
type storedItem struct {
	id           string
	place, bytes int64
}

func (e *leafEdit) readItems() error {
	if e.leaf.id == 0 {
		return nil
	}
	return scanAll(e.ctx, e, func(rows *sql.Rows) error {
		var it storedItem
		err := rows.Scan(&it.id, &it.place, &it.bytes)
		e.items = append(e.items, it)
		e.next = it.place
		return err
	}, "SELECT item_id, place, bytes FROM leaf_item WHERE owner_id = ? AND leaf_id = ? ORDER BY place", int64(e.owner), e.leaf.id)
}

func (e *leafEdit) apply(edit *im.LeafEdit) error {
	if err := valid(e.leaf.Name, edit); err != nil {
		return err
	}
	if edit.Delete {
		return e.remove()
	}
	if e.leaf.id == 0 && edit.Config == nil {
		if len(edit.Put) > 0 {
			return noLeaf(e.leaf.Name)
		}
		return nil
	}
	put := newest(edit.Put, edit.MaxItems)
	stay, gone := e.sort(edit, put)
	if len(stay)+len(put) > MaxLeafItems {
		return im.Errorf(im.CodeTooMany, "at most %d items can be kept under one name", MaxLeafItems)
	}
	if err := e.writeLeaf(edit.Config, stay, put); err != nil {
		return err
	}
	if err := e.drop(gone); err != nil {
		return err
	}
	return e.put(put)
}

// valid looks at sizes before anything is written.
func valid(name string, edit *im.LeafEdit) error {
	if name == "" || len(name) > maxLeafName {
		return im.Errorf(im.CodeInvalid, "the name of what is kept has to have 1 to %d bytes", maxLeafName)
	}
	if len(edit.Config) > MaxLeafBytes {
		return im.Errorf(im.CodeTooLarge, "the configuration of %q is larger than %d bytes", name, MaxLeafBytes)
	}
	for i := range edit.Put {
		it := &edit.Put[i]
		if it.ID == "" || len(it.ID) > maxLeafName {
			return im.Errorf(im.CodeInvalid, "the id of an item has to have 1 to %d bytes", maxLeafName)
		}
		if len(it.Payload) > MaxLeafBytes {
			return im.Errorf(im.CodeTooLarge, "an item for %q is larger than %d bytes", name, MaxLeafBytes)
		}
	}
	return nil
}

// newest leaves of items with one id the last, and of all at most n.
func newest(items []im.Item, n int) []im.Item {
	seen := make(map[string]bool, len(items))
	var out []im.Item
	for i := len(items) - 1; i >= 0 && (n <= 0 || len(out) < n); i-- {
		if !seen[items[i].ID] {
			seen[items[i].ID] = true
			out = append(out, items[i])
		}
	}
	slices.Reverse(out)
	return out
}

// sort tells the stored items that stay from those that go.
func (e *leafEdit) sort(edit *im.LeafEdit, put []im.Item) (stay, gone []storedItem) {
	out := make(map[string]bool)
	for _, id := range edit.Remove {
		out[id] = true
	}
	for i := range put {
		out[put[i].ID] = true
	}
	for _, it := range e.items {
		if edit.Purge || out[it.id] {
			gone = append(gone, it)
		} else {
			stay = append(stay, it)
		}
	}
	if over := len(stay) + len(put) - edit.MaxItems; edit.MaxItems > 0 && over > 0 {
		gone, stay = append(gone, stay[:over]...), stay[over:]
	}
	return stay, gone
}
