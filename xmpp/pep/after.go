package pep

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
)

// published does what follows from new items in some nodes. The publisher has
// his answer whatever becomes of it.
func (v *Service) published(ctx context.Context, s iq.Session, node string, c config, posts []post) {
	var err error
	switch node {
	case nsMetadata:
		err = v.avatarToVCard(ctx, s, c, posts)
	case nsBookmarks:
		err = v.bookmarksToLegacy(ctx, s)
	case nsLegacy:
		err = v.legacyPosted(ctx, s, posts)
	case nsMDS:
		err = markRead(ctx, s, posts)
	}
	v.note(s, "what follows from an item failed", err)
}

// removed does what follows from items that are gone.
func (v *Service) removed(ctx context.Context, s iq.Session, node string, c config) {
	var err error
	switch node {
	case nsMetadata:
		err = v.avatarToVCard(ctx, s, c, nil)
	case nsBookmarks:
		err = v.bookmarksToLegacy(ctx, s)
	}
	v.note(s, "what follows from removed items failed", err)
}

// place publishes items of the service's own making to a node of the session's
// user, and tells who wants to know.
func (v *Service) place(ctx context.Context, s iq.Session, node string, fresh config, posts ...post) error {
	c, err := v.put(ctx, s, node, posts, func() (config, error) { return fresh, nil }, func(config) error { return nil })
	if err == nil {
		v.notify(ctx, s, node, c, c.items(node, posts, s.Addr().Bare()))
	}
	return err
}

// fetch returns the items of a node of the session's user; without the node there
// are none.
func fetch(ctx context.Context, s iq.Session, node string, q im.ItemQuery) (config, []im.Item, error) {
	leaf, items, err := s.Core().LeafItems(ctx, s.Core().User(), LeafName(node), q)
	if im.CodeOf(err) == im.CodeNotFound {
		return defaults(node), nil, nil
	}
	return load(leaf), items, err
}
