package shard

import (
	"context"
	"database/sql"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// MarkGroupRead moves a read mark; see acs.GroupStore.
func (s *Store) MarkGroupRead(ctx context.Context, g im.GroupID, u im.UserID, upTo uint64) (at uint64, moved bool, err error) {
	err = s.do(ctx, g.Log(), func(t *txn) error {
		at, moved = 0, false
		head := t.head(uint64(g))
		if head == nil {
			return unknownGroup(g)
		}
		var me im.Member
		err := membersWhere(t.ctx, t, func(_ im.GroupID, m im.Member) { me = m }, "group_id = ? AND user_id = ?", int64(g), int64(u))
		if err != nil {
			return err
		}
		if !me.Role.In() {
			return im.Errorf(im.CodeNotMember, "you are not in the group")
		}
		at = max(me.ReadTo, min(upTo, head.Seq))
		if moved = at > me.ReadTo; !moved {
			return nil
		}
		_, err = t.exec("UPDATE group_member SET read_to = ? WHERE group_id = ? AND user_id = ?", signed(at), int64(g), int64(u))
		return err
	})
	return at, moved, err
}

// GroupReaders says who has read a message; see acs.GroupStore.
func (s *Store) GroupReaders(ctx context.Context, g im.GroupID, seq uint64, except im.UserID, limit int) (r im.Readers, err error) {
	const could = "group_id = ? AND passing = 0 AND role >= ? AND seen_from < ? AND user_id <> ?"
	args := []any{int64(g), int64(im.RoleVisitor), signed(seq), int64(except)}
	err = s.zone(g.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		err := scanAll(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&r.Of, &r.Read) },
			"SELECT COUNT(*), COALESCE(SUM(CASE WHEN read_to >= ? THEN 1 ELSE 0 END), 0) FROM group_member WHERE "+could, append([]any{signed(seq)}, args...)...)
		if err != nil || limit == 0 {
			return err
		}
		return membersWhere(ctx, q, func(_ im.GroupID, m im.Member) { r.Members = append(r.Members, m) },
			could+" AND read_to >= ? ORDER BY user_id LIMIT ?", append(args, signed(seq), limit)...)
	})
	return r, err
}
