package shard

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// GroupStates returns groups with how a user stands to them; see acs.GroupStore.
func (s *Store) GroupStates(ctx context.Context, u im.UserID, ids []im.GroupID) (out []im.GroupState, err error) {
	logs := make([]im.UserID, len(ids))
	for i, g := range ids {
		logs[i] = g.Log()
	}
	var mu sync.Mutex // guards out
	err = s.perZone(logs, func(z *zone, logs []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			states, err := groupStates(ctx, q, u, idList(logs))
			if err == nil {
				err = countUnread(ctx, q, z.byConversation(), u, states)
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, states...)
			return err
		})
	})
	return out, err
}

// groupStates reads all but what is unread.
func groupStates(ctx context.Context, q schema.Queryer, u im.UserID, ids string) (out []im.GroupState, err error) {
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
		return &im.GroupState{} // it was made or dissolved meanwhile
	}
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var g im.GroupID
		var h im.Head
		err := rows.Scan(&g, &h.Seq, &h.MsgID)
		at(g).Head, at(g).HeadID = h.Seq, h.MsgID
		return err
	}, "SELECT user_id, seq, msg_id FROM inbox_head WHERE user_id IN ("+ids+")")
	if err != nil {
		return nil, err
	}
	err = membersWhere(ctx, q, func(g im.GroupID, m im.Member) { at(g).Me = m }, "group_id IN ("+ids+") AND user_id = ?", int64(u))
	if err != nil {
		return nil, err
	}
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var g im.GroupID
		var n int
		err := rows.Scan(&g, &n)
		at(g).Members = n
		return err
	}, "SELECT group_id, COUNT(*) FROM group_member WHERE group_id IN ("+ids+") AND passing = 0 AND role >= ? GROUP BY group_id", int64(im.RoleVisitor))
	return out, err
}

// maxUnread is how far unread messages are counted.
const maxUnread = 10_000

// countUnread counts, in those groups that the user is in, messages of others above
// his mark, and those that mention him. Each group is a part of the query with a
// bound of its own, so that no more is looked at than what he has not read.
func countUnread(ctx context.Context, q schema.Queryer, byConversation string, u im.UserID, states []im.GroupState) error {
	var behind []*im.GroupState
	for i := range states {
		s := &states[i]
		if s.Me.Role.In() && s.Head > readable(s) {
			behind = append(behind, s)
		}
	}
	unread := func(s *im.GroupState) string {
		return fmt.Sprintf("SELECT 1 AS one FROM %s WHERE user_id = %d AND conv_id = %d AND seq > %d AND from_id <> %d",
			byConversation, s.Group.ID, uint64(schema.TimelineBit), readable(s), u)
	}
	mentions := func(s *im.GroupState) string {
		return fmt.Sprintf("SELECT DISTINCT n.seq FROM mention n JOIN inbox i ON i.user_id = n.group_id AND i.seq = n.seq"+
			" WHERE n.group_id = %d AND n.user_id IN (%d,%d) AND n.seq > %d AND i.from_id <> %d", s.Group.ID, everybody, u, readable(s), u)
	}
	const together = 50 // parts of one query
	for part := range slices.Chunk(behind, together) {
		if err := countEach(ctx, q, part, unread, func(s *im.GroupState, n int) { s.Unread = n }); err != nil {
			return err
		}
		if err := countEach(ctx, q, part, mentions, func(s *im.GroupState, n int) { s.Mentions = n }); err != nil {
			return err
		}
	}
	return nil
}

// readable is the seq above which everything is unread.
func readable(s *im.GroupState) uint64 { return max(s.Me.ReadTo, s.Me.From) }

// countEach counts the rows of a query for each of some groups, in one statement. It
// has its numbers in its text: nearly every one is different.
func countEach(ctx context.Context, q schema.Queryer, states []*im.GroupState, rows func(*im.GroupState) string, set func(*im.GroupState, int)) error {
	parts := make([]string, len(states))
	for i, s := range states {
		parts[i] = fmt.Sprintf("SELECT %d, COUNT(*) FROM (%s LIMIT %d) AS found", i, rows(s), maxUnread)
	}
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		var i, n int
		err := rows.Scan(&i, &n)
		set(states[i], n)
		return err
	}, strings.Join(parts, " UNION ALL "))
}
