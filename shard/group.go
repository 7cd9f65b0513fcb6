package shard

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// groupsWhere reads rows of groups.
func groupsWhere(ctx context.Context, q schema.Queryer, each func(*im.Group), where string, args ...any) error {
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		g, err := scanGroup(rows)
		each(g)
		return err
	}, "SELECT settings, password, salt FROM chat_group WHERE "+where, args...)
}

func scanGroup(rows *sql.Rows) (*im.Group, error) {
	g := &im.Group{}
	var settings, password string
	var salt []byte
	err := rows.Scan(&settings, &password, &salt)
	if err == nil {
		err = json.Unmarshal([]byte(settings), g)
	}
	g.Password, g.Salt = password, salt
	return g, err
}

// group reads one group.
func group(ctx context.Context, q schema.Queryer, where string, args ...any) (g im.Group, err error) {
	err = groupsWhere(ctx, q, func(found *im.Group) { g = *found }, where, args...)
	if err == nil && g.ID == 0 {
		err = im.Errorf(im.CodeNotFound, "there is no such group")
	}
	return g, err
}

// GroupByAddr finds a group by its address; see acs.GroupStore.
func (s *Store) GroupByAddr(ctx context.Context, a im.Addr) (g im.Group, err error) {
	err = s.bySlot[a.Slot()].read(ctx, func(ctx context.Context, q schema.Queryer) error {
		g, err = group(ctx, q, "domain = ? AND localpart = ?", a.Domain, a.Local)
		return err
	})
	return g, err
}

// GroupByID finds a group; see acs.GroupStore.
func (s *Store) GroupByID(ctx context.Context, id im.GroupID) (g im.Group, err error) {
	err = s.zone(id.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		g, err = group(ctx, q, "group_id = ?", int64(id))
		return err
	})
	return g, err
}

// PublicGroups lists public groups of all zones; see acs.GroupStore.
func (s *Store) PublicGroups(ctx context.Context, after im.GroupID, limit int) ([]im.Group, error) {
	var all []im.Group
	err := s.everyZone(func(mu *sync.Mutex, z *zone) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			return groupsWhere(ctx, q, func(g *im.Group) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, *g)
			}, "listed = 1 AND group_id > ? ORDER BY group_id LIMIT ?", int64(after), limit)
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b im.Group) int { return cmp.Compare(a.ID, b.ID) })
	return all[:min(limit, len(all))], nil
}

// everyZone calls f for each zone at the same time; mu guards what the calls share.
func (s *Store) everyZone(f func(mu *sync.Mutex, z *zone) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, len(s.zones))
	for i, z := range s.zones {
		wg.Go(func() { errs[i] = f(&mu, z) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// CreateGroup stores a group under a new id; see acs.GroupStore.
func (s *Store) CreateGroup(ctx context.Context, g im.Group, members []im.Member, log []im.Entry, owe func(im.Group, []im.Entry) []im.Owed) (im.Group, []im.Entry, error) {
	g.Addr = g.Addr.Bare()
	slot := g.Addr.Slot()
	var logged []im.Entry
	err := s.doAt(ctx, s.bySlot[slot], nil, func(t *txn) error {
		taken, err := number(ctx, t, "SELECT COUNT(*) FROM chat_group WHERE domain = ? AND localpart = ?", g.Addr.Domain, g.Addr.Local)
		if err != nil {
			return err
		}
		if taken > 0 {
			return im.Errorf(im.CodeNameTaken, "the group %s exists already; choose another name", g.Addr)
		}
		id, err := t.freeID(slot)
		if err != nil {
			return err
		}
		g.ID = im.GroupID(id)
		if err := t.openLog(id); err != nil {
			return err
		}
		logged = cloneEvents(log, g)
		e := &im.GroupEdit{Group: g, SetGroup: true, Put: members, Log: logged}
		if owe != nil {
			e.Owe = func(logged []im.Entry) []im.Owed { return owe(g, logged) }
		}
		return t.writeEdit(e, true)
	})
	if err != nil {
		return im.Group{}, nil, err
	}
	return g, logged, nil
}

// cloneEvents copies entries and their events, and gives them the group's id, which
// was not known before.
func cloneEvents(log []im.Entry, g im.Group) []im.Entry {
	log = slices.Clone(log)
	for i := range log {
		if log[i].Group == nil {
			continue
		}
		ev := *log[i].Group
		ev.ID = g.ID
		if ev.Group != nil {
			named := *ev.Group
			named.ID = g.ID
			ev.Group = &named
		}
		log[i].Group = &ev
	}
	return log
}

// openLog makes the head of a new log, and locks it.
func (t *txn) openLog(id im.UserID) error {
	if _, err := t.exec("INSERT INTO inbox_head (user_id, seq, msg_id) VALUES (?, 0, 0)", int64(id)); err != nil {
		return err
	}
	t.heads[uint64(id)] = int32(len(t.locked))
	t.locked = append(t.locked, schema.Head{User: uint64(id)})
	t.touched = append(t.touched, false)
	return nil
}

// EditGroup changes a group; see acs.GroupStore.
func (s *Store) EditGroup(ctx context.Context, g im.GroupID, users []im.UserID, change func(*im.GroupEdit) error) (logged []im.Entry, err error) {
	gone := false
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
		logged, gone = e.Log, e.Dissolve
		if err := t.writeEdit(e, false); err != nil {
			return err
		}
		t.learn(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if gone {
		s.removeTimeline(ctx, g)
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

// writeEdit writes a change.
func (t *txn) writeEdit(e *im.GroupEdit, fresh bool) error {
	g := &e.Group
	if e.Retract > 0 {
		if err := t.retract(g.ID, e.Retract); err != nil {
			return err
		}
	}
	if e.SetGroup && !e.Dissolve {
		if err := t.writeGroup(g, fresh); err != nil {
			return err
		}
	}
	for _, u := range e.Drop {
		if _, err := t.exec("DELETE FROM group_member WHERE group_id = ? AND user_id = ?", int64(g.ID), int64(u)); err != nil {
			return err
		}
	}
	for i := range e.Put {
		if err := t.writeMember(g.ID, &e.Put[i]); err != nil {
			return err
		}
	}
	if err := t.append(g.ID.Log(), e.Log); err != nil {
		return err
	}
	if e.Owe != nil {
		if err := t.owe(e.Owe(e.Log)); err != nil {
			return err
		}
	}
	if e.Dissolve {
		return t.dissolve(g.ID)
	}
	return nil
}

func (t *txn) writeGroup(g *im.Group, fresh bool) error {
	settings, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("shard: encode group %s: %w", g.ID, err)
	}
	query := "UPDATE chat_group SET listed = ?, keep_days = ?, settings = ?, password = ?, salt = ?, domain = ?, localpart = ? WHERE group_id = ?"
	if fresh {
		query = "INSERT INTO chat_group (listed, keep_days, settings, password, salt, domain, localpart, group_id) VALUES (?,?,?,?,?,?,?,?)"
	}
	salt := g.Salt
	if salt == nil {
		salt = []byte{} // the column is never NULL
	}
	_, err = t.exec(query, flag(g.Public && !g.Locked), int64(g.KeepDays), string(settings), g.Password, salt, g.Addr.Domain, g.Addr.Local, int64(g.ID))
	return err
}

// writeMember puts a row in the place of what was there.
func (t *txn) writeMember(g im.GroupID, m *im.Member) error {
	if _, err := t.exec("DELETE FROM group_member WHERE group_id = ? AND user_id = ?", int64(g), int64(m.User)); err != nil {
		return err
	}
	var key any
	if m.Nick != "" && m.Role.In() {
		key = im.NickKey(m.Nick)
	}
	_, err := t.exec("INSERT INTO group_member ("+memberColumns+", nick_key) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		int64(g), int64(m.User), m.Addr.Domain, m.Addr.Local, int64(m.Role), int64(m.Voice), millis(m.MutedUntil), m.Nick, flag(m.Passing),
		signed(m.From), millis(m.Joined), signed(m.ReadTo), int64(m.By), m.Note, key)
	return err
}

// retract empties a message in its place.
func (t *txn) retract(g im.GroupID, seq uint64) error {
	found, err := readEntries(t.ctx, t, "inbox", 1, "user_id = ? AND seq = ?", int64(g), signed(seq))
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].Post == nil {
		return im.Errorf(im.CodeNotFound, "there is no message %d in the group", seq)
	}
	p := im.Post{Nick: found[0].Post.Nick, Retracted: true}
	if _, err := t.exec("UPDATE inbox SET body = '', ext = ? WHERE user_id = ? AND seq = ?", appendPost(nil, &p, nil), int64(g), signed(seq)); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM mention WHERE group_id = ? AND seq = ?", int64(g), signed(seq))
	return err
}

// dissolve removes all of a group but the timeline, which can be long.
func (t *txn) dissolve(g im.GroupID) error {
	for _, c := range [][2]string{
		{"chat_group", "group_id"}, {"group_member", "group_id"}, {"mention", "group_id"}, {"leaf", "owner_id"}, {"leaf_item", "owner_id"},
	} {
		if _, err := t.exec("DELETE FROM "+c[0]+" WHERE "+c[1]+" = ?", int64(g)); err != nil {
			return err
		}
	}
	return nil
}

// removeTimeline removes the timeline of a group that was dissolved. The head stays,
// so that the id is never used again. What is left when it fails is of no harm:
// nobody can read it.
func (s *Store) removeTimeline(ctx context.Context, g im.GroupID) {
	for _, part := range []func(*txn, im.UserID) (bool, error){(*txn).deleteEntries, (*txn).deleteSent} {
		for more := true; more; {
			err := s.do(ctx, g.Log(), func(t *txn) (err error) {
				more, err = part(t, g.Log())
				return err
			})
			if err != nil {
				s.log.Warn("timeline of a dissolved group was not removed", "group", g, "err", err)
				return
			}
		}
	}
}
