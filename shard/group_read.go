package shard

import (
	"context"
	"database/sql"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// maxUnread is how far unread messages are counted.
const maxUnread = 10_000

// GroupStates returns groups with how a user stands to them; see acs.GroupStore.
func (s *Store) GroupStates(ctx context.Context, u im.UserID, ids []im.GroupID) (out []im.GroupState, err error) {
	logs := make([]im.UserID, len(ids))
	for i, g := range ids {
		logs[i] = g.Log()
	}
	var mu sync.Mutex // guards out
	err = s.perZone(logs, func(z *zone, logs []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			states, err := groupStates(ctx, q, z, u, idList(logs))
			mu.Lock()
			defer mu.Unlock()
			out = append(out, states...)
			return err
		})
	})
	return out, err
}

func groupStates(ctx context.Context, q schema.Queryer, z *zone, u im.UserID, ids string) (out []im.GroupState, err error) {
	place := make(map[im.GroupID]int)
	err = groupsWhere(ctx, q, func(g *im.Group) {
		place[g.ID] = len(out)
		out = append(out, im.GroupState{Group: *g})
	}, "group_id IN ("+ids+")")
	if err != nil || len(out) == 0 {
		return nil, err
	}
	at := func(g im.GroupID) *im.GroupState {
		if i, ok := place[g]; ok {
			return &out[i]
		}
		return &im.GroupState{}
	}
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var g im.GroupID
		var seq, id uint64
		err := rows.Scan(&g, &seq, &id)
		at(g).Head, at(g).HeadID = seq, im.MsgID(id)
		return err
	}, "SELECT user_id, seq, msg_id FROM inbox_head WHERE user_id IN ("+ids+")")
	if err != nil {
		return nil, err
	}
	err = membersWhere(ctx, q, func(g im.GroupID, m im.Member) { at(g).Me = m }, "group_id IN ("+ids+") AND user_id = ?", int64(u))
	if err != nil {
		return nil, err
	}
	count := func(into func(*im.GroupState) *int, query string, args ...any) error {
		return scanAll(ctx, q, func(rows *sql.Rows) error {
			var g im.GroupID
			var n int
			err := rows.Scan(&g, &n)
			*into(at(g)) = min(n, maxUnread)
			return err
		}, query, args...)
	}
	err = count(func(s *im.GroupState) *int { return &s.Members },
		"SELECT group_id, COUNT(*) FROM group_member WHERE group_id IN ("+ids+") AND passing = 0 AND role >= ? GROUP BY group_id", int64(im.RoleVisitor))
	if err != nil {
		return nil, err
	}
	const mine = " JOIN group_member m ON m.user_id = ? AND m.role >= ? AND m.group_id = "
	err = count(func(s *im.GroupState) *int { return &s.Unread },
		"SELECT i.user_id, COUNT(*) FROM "+aliased(z.byConversation())+mine+"i.user_id"+
			" WHERE i.user_id IN ("+ids+") AND i.conv_id = ? AND i.seq > m.read_to AND i.seq > m.seen_from AND i.from_id <> ? GROUP BY i.user_id",
		int64(u), int64(im.RoleVisitor), int64(schema.TimelineBit), int64(u))
	if err != nil {
		return nil, err
	}
	err = count(func(s *im.GroupState) *int { return &s.Mentions },
		"SELECT n.group_id, COUNT(DISTINCT n.seq) FROM mention n"+mine+"n.group_id"+
			" JOIN inbox i ON i.user_id = n.group_id AND i.seq = n.seq"+
			" WHERE n.group_id IN ("+ids+") AND n.user_id IN (0, ?) AND n.seq > m.read_to AND n.seq > m.seen_from AND i.from_id <> ? GROUP BY n.group_id",
		int64(u), int64(im.RoleVisitor), int64(u), int64(u))
	return out, err
}

// aliased gives the table inbox with an index hint the name i.
func aliased(table string) string { return "inbox i" + table[len("inbox"):] }

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
