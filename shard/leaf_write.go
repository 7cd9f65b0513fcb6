package shard

import (
	"database/sql"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// writeLeaf writes the leaf's own row, when there is room for what it will hold.
func (e *leafEdit) writeLeaf(config []byte, stay []storedItem, put []im.Item) error {
	if config == nil {
		config = e.leaf.Config
	}
	if config == nil {
		config = []byte{} // the column is never NULL
	}
	bytes := int64(len(config))
	for _, it := range stay {
		bytes += it.bytes
	}
	for i := range put {
		bytes += itemBytes(&put[i])
	}
	if e.leaf.id != 0 && bytes == e.leaf.bytes && string(config) == string(e.leaf.Config) {
		return nil
	}
	count, newID, others, err := e.others()
	if err != nil {
		return err
	}
	if bytes > e.leaf.bytes && others+bytes > MaxOwnerBytes {
		return im.Errorf(im.CodeTooMany, "a user can keep at most %d bytes on the server; remove something first", MaxOwnerBytes)
	}
	if e.leaf.id != 0 {
		_, err := e.exec("UPDATE leaf SET config = ?, bytes = ? WHERE owner_id = ? AND leaf_id = ?", config, bytes, int64(e.owner), e.leaf.id)
		return err
	}
	if count >= MaxLeaves {
		return im.Errorf(im.CodeTooMany, "a user can keep things under at most %d names; remove some first", MaxLeaves)
	}
	e.leaf.id = newID
	_, err = e.exec("INSERT INTO leaf (owner_id, leaf_id, name, config, bytes) VALUES (?,?,?,?,?)", int64(e.owner), newID, e.leaf.Name, config, bytes)
	return err
}

// others is how many other leaves there are, what they hold, and a free id.
func (e *leafEdit) others() (count int, newID, bytes int64, err error) {
	err = scanAll(e.ctx, e, func(rows *sql.Rows) error { return rows.Scan(&count, &newID, &bytes) },
		"SELECT COUNT(*), COALESCE(MAX(leaf_id), 0) + 1, COALESCE(SUM(bytes), 0) FROM leaf WHERE owner_id = ? AND leaf_id <> ?",
		int64(e.owner), e.leaf.id)
	return count, newID, bytes, err
}

// itemBytes is what an item counts for: its row is not free either.
func itemBytes(it *im.Item) int64 {
	const row = 64
	return int64(len(it.ID) + len(it.Payload) + row)
}

func (e *leafEdit) drop(gone []storedItem) error {
	for part := range parts(gone, chunkIDs) {
		args := []any{int64(e.owner), e.leaf.id}
		for _, it := range part {
			args = append(args, it.place)
		}
		if _, err := e.exec("DELETE FROM leaf_item WHERE owner_id = ? AND leaf_id = ? AND place IN (?"+strings.Repeat(",?", len(part)-1)+")", args...); err != nil {
			return err
		}
	}
	return nil
}

func (e *leafEdit) put(items []im.Item) error {
	for i := range items {
		it := &items[i]
		e.next++
		_, err := e.exec("INSERT INTO leaf_item (owner_id, leaf_id, place, item_id, bytes, published, domain, localpart, resource, payload) VALUES (?,?,?,?,?,?,?,?,?,?)",
			int64(e.owner), e.leaf.id, e.next, it.ID, itemBytes(it), millis(it.At), it.Publisher.Domain, it.Publisher.Local, it.Publisher.Resource, it.Payload)
		if err != nil {
			return err
		}
	}
	return nil
}

// remove removes the leaf with its items.
func (e *leafEdit) remove() error {
	if e.leaf.id == 0 {
		return nil
	}
	for _, table := range []string{"leaf_item", "leaf"} {
		if _, err := e.exec("DELETE FROM "+table+" WHERE owner_id = ? AND leaf_id = ?", int64(e.owner), e.leaf.id); err != nil {
			return err
		}
	}
	return nil
}
