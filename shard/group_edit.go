package shard

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// EditGroup changes a group; see acs.GroupStore.
func (s *Store) EditGroup(ctx context.Context, g im.GroupID, users []im.UserID, change func(*im.GroupEdit) error) (logged []im.Entry, err error) {
	err = s.do(ctx, g.Log(), func(t *txn) error {
		head := t.head(uint64(g))
		if head == nil {
			return unknownGroup(g)
		}
		e, err := t.readEdit(g, users)
		if err != nil {
			return err
		}
		e.Head = head.Seq
		if err := change(e); err != nil {
			return err
		}
		logged = e.Log
		return t.writeEdit(e, false)
	})
	if err != nil {
		return nil, err
	}
	return logged, nil
}

// readEdit reads what a change gets.
func (t *txn) readEdit(g im.GroupID, users []im.UserID) (*im.GroupEdit, error) {
	found, err := group(t.ctx, t, "group_id = ?", int64(g))
	if err != nil {
		return nil, err
	}
	e := &im.GroupEdit{Group: found, Members: make(map[im.UserID]im.Member, len(users))}
	for part := range slices.Chunk(users, chunkUsers) {
		err := membersWhere(t.ctx, t, func(_ im.GroupID, m im.Member) { e.Members[m.User] = m },
			"group_id = ? AND user_id IN ("+idList(part)+")", int64(g))
		if err != nil {
			return nil, err
		}
	}
	e.Find = func(q im.MemberQuery) ([]im.Member, error) { return findMembers(t.ctx, t, g, q) }
	e.NickOwner = func(nick string) (im.UserID, error) {
		n, err := number(t.ctx, t, "SELECT COALESCE(MAX(user_id), 0) FROM group_member WHERE group_id = ? AND nick_key = ?", int64(g), im.NickKey(nick))
		return im.UserID(n), err
	}
	err = scanAll(t.ctx, t, func(rows *sql.Rows) error {
		var role im.Role
		var n int
		err := rows.Scan(&role, &n)
		e.Count.Add(role, n)
		return err
	}, "SELECT role, COUNT(*) FROM group_member WHERE group_id = ? AND passing = 0 GROUP BY role", int64(g))
	return e, err
}

// groupRows is what a change of a group writes, made before the first of it is
// written: a change that is refused, or panics, must not leave half of itself to the
// others of its transaction.
type groupRows struct {
	settings  string
	members   []any    // columns
	owed      []any    // columns
	retracted *im.Post // what is left of the message
}

func (t *txn) prepareEdit(e *im.GroupEdit, fresh bool) (*groupRows, error) {
	head := t.head(uint64(e.Group.ID)).Seq
	for i := range e.Log {
		e.Log[i].Seq = head + uint64(i) + 1 // as append will find
	}
	r := &groupRows{members: memberRows(e.Group.ID, e.Put)}
	if !fresh {
		if err := t.checkNicks(e); err != nil {
			return nil, err
		}
	}
	if e.Retract > 0 {
		p, err := t.post(e.Group.ID, e.Retract)
		if err != nil {
			return nil, err
		}
		r.retracted = &im.Post{Nick: p.Nick, Retracted: true}
	}
	text, err := json.Marshal(&e.Group)
	if err != nil {
		return nil, fmt.Errorf("shard: encode group %s: %w", e.Group.ID, err)
	}
	r.settings = string(text)
	if e.Owe == nil {
		return r, nil
	}
	r.owed, err = owedRows(e.Owe(e.Log))
	return r, err
}

// writeEdit writes a change.
func (t *txn) writeEdit(e *im.GroupEdit, fresh bool) error {
	r, err := t.prepareEdit(e, fresh)
	if err != nil {
		return err
	}
	id := e.Group.ID
	if r.retracted != nil {
		if err := t.retract(id, e.Retract, r.retracted); err != nil {
			return err
		}
	}
	if e.SetGroup && !e.Dissolve {
		if err := t.writeGroup(&e.Group, r.settings, fresh); err != nil {
			return err
		}
	}
	if err := t.writeMembers(e, r.members); err != nil {
		return err
	}
	if err := t.append(id.Log(), e.Log); err != nil {
		return err
	}
	if err := t.insert("group_owed (group_id, user_id, version, created, owed)", 5, r.owed); err != nil {
		return err
	}
	if e.Dissolve {
		if err := t.dissolve(id); err != nil {
			return err
		}
	}
	t.learn(e)
	return nil
}

func (t *txn) writeGroup(g *im.Group, settings string, fresh bool) error {
	query := "UPDATE chat_group SET listed = ?, keep_days = ?, settings = ?, password = ?, salt = ?, domain = ?, localpart = ? WHERE group_id = ?"
	if fresh {
		query = "INSERT INTO chat_group (listed, keep_days, settings, password, salt, domain, localpart, group_id) VALUES (?,?,?,?,?,?,?,?)"
	}
	salt := g.Salt
	if salt == nil {
		salt = []byte{} // the column is never NULL
	}
	_, err := t.exec(query, flag(g.Public && !g.Locked), int64(max(g.KeepDays, 0)), settings, g.Password, salt, g.Addr.Domain, g.Addr.Local, int64(g.ID))
	return err
}
