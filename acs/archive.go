package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Archive implements im.Messenger.
func (s *session) Archive(ctx context.Context, q im.ArchiveQuery) (im.ArchivePage, error) {
	q.Limit = min(max(q.Limit, 0), s.srv.cfg.SyncPage)
	page, err := s.srv.store.Archive(ctx, s.user, q)
	if err != nil {
		return im.ArchivePage{}, s.srv.public("archive", err)
	}
	for i := range page.Entries {
		s.srv.clock.Observe(page.Entries[i].MsgID)
	}
	kept := s.srv.clip(page.Entries)
	if q.Newest {
		kept = s.srv.clipFront(page.Entries)
	}
	page.More = page.More || len(kept) < len(page.Entries)
	page.Entries = kept
	return page, nil
}

// spread is how long an announcement may take to reach the peers and they to save
// the cursors that it asks for.
const spread = 100 * time.Millisecond

// Delivered implements im.Messenger. What the storage does not know yet counts
// as far as this node does. Where there are peers it waits until they have had the
// time to save what they know of the user.
func (s *session) Delivered(ctx context.Context) (uint64, error) {
	if young := spread - s.srv.now().Sub(s.opened); young > 0 && s.srv.peers.anyLinked() {
		pause(ctx, young)
	}
	mine := s.srv.cursors.of(s.user)
	for _, o := range s.srv.hub.of(s.user) {
		mine = max(mine, o.cursor.Load())
	}
	stored, err := s.srv.store.Delivered(ctx, s.user)
	if err != nil {
		return 0, s.srv.public("delivered", err)
	}
	return max(mine, stored), nil
}

// Leaves implements im.Items.
func (s *session) Leaves(ctx context.Context, owner im.UserID) ([]im.Leaf, error) {
	list, err := s.srv.store.Leaves(ctx, owner)
	return list, s.srv.public("leaves", err)
}

// LeafItems implements im.Items.
func (s *session) LeafItems(ctx context.Context, owner im.UserID, name string, q im.ItemQuery) (im.Leaf, []im.Item, error) {
	l, items, err := s.srv.store.LeafItems(ctx, owner, name, q)
	return l, items, s.srv.public("leaf items", err)
}

// LeavesOf implements im.Items.
func (s *session) LeavesOf(ctx context.Context, owners []im.UserID, names []string) (map[im.UserID][]im.LeafItem, error) {
	found, err := s.srv.store.LeavesOf(ctx, owners, names)
	return found, s.srv.public("leaves of many", err)
}

// EditLeaf implements im.Items. An error of change is the caller's own and comes
// back as it is.
func (s *session) EditLeaf(ctx context.Context, owner im.UserID, name string, change func(im.Leaf, bool, []string) (im.LeafEdit, error)) error {
	var own error
	err := s.srv.store.EditLeaf(ctx, owner, name, func(l im.Leaf, exists bool, ids []string) (edit im.LeafEdit, err error) {
		edit, own = change(l, exists, ids)
		return edit, own
	})
	if own != nil && err != nil {
		return own
	}
	return s.srv.public("leaf", err)
}
