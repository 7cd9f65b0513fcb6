package shard

import (
	"context"
	"database/sql"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const memberColumns = "group_id, user_id, domain, localpart, role, voice, muted_until, nick, passing, seen_from, joined, read_to, invited_by, note"

// membersWhere reads rows of members.
func membersWhere(ctx context.Context, q schema.Queryer, each func(im.GroupID, im.Member), where string, args ...any) error {
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		var g im.GroupID
		var m im.Member
		var muted, joined int64
		err := rows.Scan(&g, &m.User, &m.Addr.Domain, &m.Addr.Local, &m.Role, &m.Voice, &muted, &m.Nick, &m.Passing, &m.From, &joined, &m.ReadTo, &m.By, &m.Note)
		m.MutedUntil, m.Joined = moment(muted), moment(joined)
		each(g, m)
		return err
	}, "SELECT "+memberColumns+" FROM group_member WHERE "+where, args...)
}

// Member returns how a user stands to a group; see acs.GroupStore.
func (s *Store) Member(ctx context.Context, g im.GroupID, u im.UserID) (m im.Member, err error) {
	err = s.zone(g.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		return membersWhere(ctx, q, func(_ im.GroupID, found im.Member) { m = found }, "group_id = ? AND user_id = ?", int64(g), int64(u))
	})
	return m, err
}

// MembersOf lists members; see acs.GroupStore.
func (s *Store) MembersOf(ctx context.Context, g im.GroupID, mq im.MemberQuery) (out []im.Member, err error) {
	err = s.zone(g.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		out, err = findMembers(ctx, q, g, mq)
		return err
	})
	return out, err
}

func findMembers(ctx context.Context, q schema.Queryer, g im.GroupID, mq im.MemberQuery) (out []im.Member, err error) {
	most := mq.Max
	if most == 0 {
		most = mq.Min
	}
	by, after := "user_id", any(int64(mq.After))
	if mq.ByNick {
		by, after = "nick_key", im.NickKey(mq.AfterNick)
	}
	where, args := "group_id = ? AND role >= ? AND role <= ? AND "+by+" > ?", []any{int64(g), int64(mq.Min), int64(most), after}
	if len(mq.Users) > 0 {
		where += " AND user_id IN (" + idList(mq.Users) + ")"
	}
	if !mq.Passing {
		where += " AND passing = 0"
	}
	where += " ORDER BY " + by
	if mq.Limit > 0 {
		where, args = where+" LIMIT ?", append(args, mq.Limit)
	}
	err = membersWhere(ctx, q, func(_ im.GroupID, m im.Member) { out = append(out, m) }, where, args...)
	return out, err
}

// errUnsettled says that a snapshot has to be read again.
var errUnsettled = errors.New("shard: the group has changed meanwhile")

// GroupSnapshot returns a group with who is in it; see acs.GroupStore. It reads the
// head before and after, until nothing came in between that changes members.
func (s *Store) GroupSnapshot(ctx context.Context, id im.GroupID) (g im.Group, members []im.Member, head im.Head, err error) {
	const tries = 20
	for range tries {
		err = s.zone(id.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
			g, members, head, err = snapshot(ctx, q, id)
			return err
		})
		if !errors.Is(err, errUnsettled) {
			return g, members, head, err
		}
	}
	return g, nil, head, im.Errorf(im.CodeRetryLater, "the group changes too fast to be read; try again")
}

func snapshot(ctx context.Context, q schema.Queryer, id im.GroupID) (g im.Group, members []im.Member, head im.Head, err error) {
	heads, err := readHeads(ctx, q, []im.UserID{id.Log()})
	if err != nil {
		return g, nil, head, err
	}
	if len(heads) == 0 {
		return g, nil, head, unknownGroup(id)
	}
	head = heads[0]
	if g, err = group(ctx, q, "group_id = ?", int64(id)); err != nil {
		return g, nil, head, err
	}
	err = membersWhere(ctx, q, func(_ im.GroupID, m im.Member) { members = append(members, m) },
		"group_id = ? AND role >= ?", int64(id), int64(im.RoleVisitor))
	if err != nil {
		return g, nil, head, err
	}
	changed, err := number(ctx, q, "SELECT COUNT(*) FROM inbox WHERE user_id = ? AND seq > ? AND kind = ?", int64(id), signed(head.Seq), int64(im.KindGroup))
	if err == nil && changed > 0 {
		err = errUnsettled
	}
	return g, members, head, err
}
