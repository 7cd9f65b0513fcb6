package shard

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

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
