package xmpptest

import (
	"context"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
)

type leaf struct {
	leaf  im.Leaf
	items []im.Item
}

// Leaves implements im.Items.
func (s *Core) Leaves(_ context.Context, owner im.UserID) ([]im.Leaf, error) {
	if err := s.cell.enter("Leaves", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	var out []im.Leaf
	if u := s.cell.users[owner]; u != nil {
		for _, l := range u.leaves {
			out = append(out, l.leaf)
		}
	}
	slices.SortFunc(out, func(a, b im.Leaf) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// LeafItems implements im.Items.
func (s *Core) LeafItems(_ context.Context, owner im.UserID, name string, q im.ItemQuery) (im.Leaf, []im.Item, error) {
	if err := s.cell.enter("LeafItems", false); err != nil {
		return im.Leaf{}, nil, err
	}
	defer s.cell.mu.Unlock()
	u := s.cell.users[owner]
	if u == nil || u.leaves[name] == nil {
		return im.Leaf{}, nil, im.Errorf(im.CodeNotFound, "there is no such leaf")
	}
	l := u.leaves[name]
	var out []im.Item
	for _, i := range l.items {
		if len(q.IDs) == 0 || slices.Contains(q.IDs, i.ID) {
			out = append(out, i)
		}
	}
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[len(out)-q.Limit:]
	}
	return l.leaf, slices.Clone(out), nil
}

// leavesAtOnce is how many leaves one answer of LeavesOf holds, so that tests meet
// answers that leave owners out.
const leavesAtOnce = 128

// LeavesOf implements im.Items.
func (s *Core) LeavesOf(_ context.Context, owners []im.UserID, names []string) (map[im.UserID][]im.LeafItem, error) {
	if err := s.cell.enter("LeavesOf", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	out := make(map[im.UserID][]im.LeafItem, len(owners))
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	n := 0
	for _, owner := range owners {
		if n >= leavesAtOnce {
			break
		}
		out[owner] = s.cell.users[owner].named(names)
		n += len(out[owner])
	}
	return out, nil
}

// named returns the leaves of u, who may be nobody, with one of names.
func (u *user) named(names []string) (out []im.LeafItem) {
	if u == nil {
		return nil
	}
	for _, name := range names {
		if l := u.leaves[name]; l != nil {
			x := im.LeafItem{Leaf: l.leaf}
			if n := len(l.items); n > 0 {
				newest := l.items[n-1]
				x.Newest = &newest
			}
			out = append(out, x)
		}
	}
	return out
}

// EditLeaf implements im.Items.
func (s *Core) EditLeaf(_ context.Context, owner im.UserID, name string, change func(im.Leaf, bool, []string) (im.LeafEdit, error)) error {
	if err := s.cell.enter("EditLeaf", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	u := s.cell.users[owner]
	if u == nil {
		return im.Errorf(im.CodeNotFound, "there is no such user")
	}
	l, exists := u.leaves[name]
	if !exists {
		l = &leaf{leaf: im.Leaf{Name: name}}
	}
	ids := make([]string, 0, len(l.items))
	for _, i := range l.items {
		ids = append(ids, i.ID)
	}
	e, err := change(l.leaf, exists, ids)
	if err != nil {
		return err
	}
	if e.Delete {
		delete(u.leaves, name)
		return nil
	}
	if exists || e.Config != nil || len(e.Put) > 0 {
		l.apply(e, s.cell)
		u.leaves[name] = l
	}
	return nil
}

func (l *leaf) apply(e im.LeafEdit, c *Cell) {
	if e.Config != nil {
		l.leaf.Config = e.Config
	}
	if e.Purge {
		l.items = nil
	}
	drop := func(id string) {
		l.items = slices.DeleteFunc(l.items, func(i im.Item) bool { return i.ID == id })
	}
	for _, id := range e.Remove {
		drop(id)
	}
	for _, i := range e.Put {
		drop(i.ID)
		if i.At.IsZero() {
			i.At = c.Clock
		}
		l.items = append(l.items, i)
	}
	if e.MaxItems > 0 && len(l.items) > e.MaxItems {
		l.items = slices.Clone(l.items[len(l.items)-e.MaxItems:])
	}
}
