package pep

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	nsBookmarks = "urn:xmpp:bookmarks:1" // XEP-0402
	nsLegacy    = "storage:bookmarks"    // XEP-0048, in a node or in private storage
	legacyItem  = "current"
)

// Bookmarks returns the user's bookmarks as XEP-0048 has them, for private
// storage (XEP-0402 section 6.3). Of stored, which may be nil, everything but the
// rooms is kept: bookmarks of web pages have no other place.
func (v *Service) Bookmarks(ctx context.Context, s iq.Session, stored *xmlstream.Element) (*xmlstream.Element, error) {
	_, list, err := fetch(ctx, s, nsBookmarks, im.ItemQuery{})
	if err != nil {
		return nil, err
	}
	out := xmlstream.New(nsLegacy, "storage")
	for c := range stored.Children() {
		if !c.Is(nsLegacy, "conference") {
			out.Add(c)
		}
	}
	for i := range list {
		if e := payloadOf(&list[i]); e.Is(nsBookmarks, "conference") {
			out.Add(cast(e, nsBookmarks, nsLegacy).SetAttr("jid", list[i].ID))
		}
	}
	return out, nil
}

// SetBookmarks makes the rooms of storage, which a client has put in private
// storage, the user's bookmarks.
func (v *Service) SetBookmarks(ctx context.Context, s iq.Session, storage *xmlstream.Element) error {
	if err := v.rooms(ctx, s, storage); err != nil {
		return err
	}
	return v.bookmarksToLegacy(ctx, s)
}

// cast copies a conference from one namespace to the other. Elements of other
// namespaces stay as they are.
func cast(e *xmlstream.Element, from, to string) *xmlstream.Element {
	out := e.Copy()
	out.Walk(func(x *xmlstream.Element) bool {
		if x.Space == from {
			x.Space, x.Prefix = to, ""
		}
		return true
	})
	out.RemoveAttr("", "jid")
	return out
}

// rooms changes the node so that it has the rooms of storage. Only what differs
// is published or retracted, and what XEP-0048 does not know is kept.
func (v *Service) rooms(ctx context.Context, s iq.Session, storage *xmlstream.Element) error {
	_, list, err := fetch(ctx, s, nsBookmarks, im.ItemQuery{})
	if err != nil {
		return err
	}
	var posts []post
	var wanted []string
	for c := range storage.Children() {
		room, err := im.ParseAddr(c.Attr("jid"))
		if !c.Is(nsLegacy, "conference") || err != nil || slices.Contains(wanted, room.Bare().String()) {
			continue
		}
		if len(wanted) == maxItems {
			return fail(stanza.NotAllowed, "max-items-exceeded", "too many bookmarks")
		}
		id := room.Bare().String()
		wanted = append(wanted, id)
		now := payloadOf(find(list, id))
		if e := merged(now, cast(c, nsLegacy, nsBookmarks)); now == nil || !same(now, e) {
			posts = append(posts, newPost(id, e))
		}
	}
	var gone []string
	for i := range list {
		if !slices.Contains(wanted, list[i].ID) {
			gone = append(gone, list[i].ID)
		}
	}
	return v.exchange(ctx, s, posts, gone)
}

func find(list []im.Item, id string) *im.Item {
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return &im.Item{}
}

// merged gives a bookmark what the old one had beyond XEP-0048.
func merged(old, e *xmlstream.Element) *xmlstream.Element {
	if x := old.Child(nsBookmarks, "extensions"); x != nil && e.Child(nsBookmarks, "extensions") == nil {
		e.Add(x)
	}
	return e
}

// same reports whether two bookmarks say the same, however they are written.
func same(a, b *xmlstream.Element) bool {
	auto := func(e *xmlstream.Element) bool { on, _ := form.ParseBool(e.Attr("autojoin")); return on }
	text := func(e *xmlstream.Element, name string) string { return e.ChildText(nsBookmarks, name) }
	return a.Attr("name") == b.Attr("name") && auto(a) == auto(b) &&
		text(a, "nick") == text(b, "nick") && text(a, "password") == text(b, "password") &&
		a.Child(nsBookmarks, "extensions").Equal(b.Child(nsBookmarks, "extensions"))
}

// exchange publishes and retracts bookmarks and tells the user's clients.
func (v *Service) exchange(ctx context.Context, s iq.Session, posts []post, gone []string) error {
	for part := range slices.Chunk(posts, maxBatch) {
		if err := v.place(ctx, s, nsBookmarks, defaults(nsBookmarks), part...); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	var c config
	err := s.Core().EditLeaf(ctx, s.Core().User(), LeafName(nsBookmarks), func(l im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		if c = load(l); !exists {
			return im.LeafEdit{}, errNode
		}
		return im.LeafEdit{Remove: gone}, nil
	})
	if err == nil {
		v.notify(ctx, s, nsBookmarks, c, retracted(nsBookmarks, gone))
	}
	return err
}

// legacyPosted follows a client that keeps its bookmarks in a node as XEP-0048
// says.
func (v *Service) legacyPosted(ctx context.Context, s iq.Session, posts []post) error {
	if len(posts) == 0 || !posts[len(posts)-1].payload.Is(nsLegacy, "storage") {
		return nil
	}
	return v.rooms(ctx, s, posts[len(posts)-1].payload)
}

// bookmarksToLegacy writes the node of XEP-0048 anew, if the user has one.
func (v *Service) bookmarksToLegacy(ctx context.Context, s iq.Session) error {
	_, list, err := fetch(ctx, s, nsLegacy, im.ItemQuery{Limit: 1})
	if err != nil || len(list) == 0 {
		return err
	}
	old := payloadOf(&list[0])
	storage, err := v.Bookmarks(ctx, s, old)
	if err != nil || storage.Equal(old) {
		return err
	}
	return v.place(ctx, s, nsLegacy, defaults(nsLegacy), newPost(list[0].ID, storage))
}
