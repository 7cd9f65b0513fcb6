package shard

import (
	"database/sql"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// nickKey is what of a member has to be unique in his group; empty: nothing.
func nickKey(m *im.Member) string {
	if m.Nick == "" || !m.Role.In() {
		return ""
	}
	return im.NickKey(m.Nick)
}

// checkNicks refuses a change after which two would have nicknames that look alike.
func (t *txn) checkNicks(e *im.GroupEdit) error {
	owner := make(map[string]im.UserID, len(e.Put))
	var keys []any
	for i := range e.Put {
		m := &e.Put[i]
		key := nickKey(m)
		if key == "" {
			continue
		}
		if other := owner[key]; other != 0 && other != m.User {
			return nickTaken(m.Nick)
		}
		owner[key] = m.User
		keys = append(keys, key)
	}
	replaced := make(map[im.UserID]bool, len(e.Put))
	for _, u := range leaving(e) {
		replaced[u] = true
	}
	for part := range slices.Chunk(keys, chunkIDs) {
		taken := ""
		err := scanAll(t.ctx, t, func(rows *sql.Rows) error {
			var u im.UserID
			var nick string
			err := rows.Scan(&u, &nick)
			if !replaced[u] {
				taken = nick
			}
			return err
		}, "SELECT user_id, nick FROM group_member WHERE group_id = ? AND nick_key IN (?"+strings.Repeat(",?", len(part)-1)+")",
			append([]any{int64(e.Group.ID)}, part...)...)
		if err != nil {
			return err
		}
		if taken != "" {
			return nickTaken(taken)
		}
	}
	return nil
}

func nickTaken(nick string) error {
	return im.Errorf(im.CodeNickTaken, "somebody in the group is called %q already; choose another nickname", nick)
}

// leaving is whose rows a change takes away or puts others in their place.
func leaving(e *im.GroupEdit) []im.UserID {
	users := slices.Clone(e.Drop)
	for i := range e.Put {
		users = append(users, e.Put[i].User)
	}
	return users
}

// memberRows are the columns of members; of one who is there twice the last counts.
func memberRows(g im.GroupID, members []im.Member) (args []any) {
	last := make(map[im.UserID]int, len(members))
	for i := range members {
		last[members[i].User] = i
	}
	for i := range members {
		m := &members[i]
		if last[m.User] != i {
			continue
		}
		var key any // NULL is no key
		if k := nickKey(m); k != "" {
			key = k
		}
		args = append(args, int64(g), int64(m.User), m.Addr.Domain, m.Addr.Local, int64(m.Role), int64(m.Voice), millis(m.MutedUntil), m.Nick,
			flag(m.Passing), signed(m.From), millis(m.Joined), signed(m.ReadTo), int64(m.By), m.Note, key)
	}
	return args
}

// writeMembers takes away all that leave before it puts anybody there, so that two
// can change their nicknames for each other's.
func (t *txn) writeMembers(e *im.GroupEdit, rows []any) error {
	for part := range slices.Chunk(leaving(e), chunkUsers) {
		if _, err := t.exec("DELETE FROM group_member WHERE group_id = ? AND user_id IN ("+idList(part)+")", int64(e.Group.ID)); err != nil {
			return err
		}
	}
	return t.insert("group_member ("+memberColumns+", nick_key)", 15, rows)
}
