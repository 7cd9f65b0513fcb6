package shard

import (
	"github.com/cxx-im/cxx/im"
)

// post reads what a message of a timeline has beside its text.
func (t *txn) post(g im.GroupID, seq uint64) (*im.Post, error) {
	found, err := readEntries(t.ctx, t, "inbox", 1, "user_id = ? AND seq = ?", int64(g), signed(seq))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].Post == nil {
		return nil, im.Errorf(im.CodeNotFound, "there is no message %d in the group", seq)
	}
	return found[0].Post, nil
}

// retract empties a message in its place. What is kept against duplicates stays.
func (t *txn) retract(g im.GroupID, seq uint64, left *im.Post) error {
	if _, err := t.exec("UPDATE inbox SET body = '', ext = ? WHERE user_id = ? AND seq = ?", appendPost(nil, left, nil), int64(g), signed(seq)); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM mention WHERE group_id = ? AND seq = ?", int64(g), signed(seq))
	return err
}

// gone stands in keep_days of a group that was dissolved.
const gone = -1

// dissolve takes a group out of everybody's sight and frees its address. Its
// timeline can be long, and nodes may still be reading its end: PruneGroups removes
// it later, and by the row that is left it finds what to remove. The head stays for
// ever, so that the id is never used again.
func (t *txn) dissolve(g im.GroupID) error {
	_, err := t.exec("UPDATE chat_group SET listed = 0, keep_days = ?, domain = '', localpart = ?, settings = '', password = '', salt = ? WHERE group_id = ?",
		gone, g.String(), []byte{}, int64(g))
	if err != nil {
		return err
	}
	return t.deleteOf(g.Log(), [][2]string{{"group_member", "group_id"}, {"leaf", "owner_id"}, {"leaf_item", "owner_id"}})
}
