package pep

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// behalf is a session of a user that no client has.
type behalf struct {
	iq.Session // nil: nothing is sent to a client
	core       im.Session
}

// Core and Addr implement iq.Session.
func (b behalf) Core() im.Session { return b.core }
func (b behalf) Addr() im.Addr    { return b.core.Addr() }

// bookRounds is how often a bookmark is set right while its group changes.
const bookRounds = 3

// Booked keeps the bookmark of a group in step with the user's membership (XEP-0402):
// a member's clients enter the room by themselves. as acts for the user, m is news of
// the membership, which may be old. An error says that the storage is out of reach and
// that it has to be told again; others are logged. Any goroutine may call it.
func (v *Service) Booked(ctx context.Context, as im.Session, m im.Membership) error {
	if m.Role == im.RoleInvited || m.Role == im.RoleAsking {
		return nil // there is no bookmark before, and none is due
	}
	s := behalf{core: as}
	for range bookRounds { // until nothing has changed meanwhile
		changed, err := v.book(ctx, s, m)
		switch {
		case im.CodeOf(err).Passes():
			return err
		case err != nil || !changed:
			v.note(s, "a bookmark was not kept in step", err)
			return nil
		}
	}
	return nil
}

// book makes the bookmark of a group what it should be now. changed: it was not.
func (v *Service) book(ctx context.Context, s iq.Session, m im.Membership) (changed bool, err error) {
	st, err := s.Core().GroupGet(ctx, m.Group)
	if err != nil && im.CodeOf(err) != im.CodeNotFound {
		return false, err
	}
	room := m.Addr.Bare().String()
	_, list, err := fetch(ctx, s, nsBookmarks, im.ItemQuery{IDs: []string{room}})
	if err != nil {
		return false, err
	}
	var posts []post
	var gone []string
	old := payloadOf(find(list, room))
	if st.Me.Role.In() && !st.Me.Passing {
		if e := bookmark(old, &st); old == nil || !same(old, e) {
			posts = []post{newPost(room, e)}
		}
	} else if len(list) > 0 {
		gone = []string{room}
	}
	if len(posts)+len(gone) == 0 {
		return false, nil
	}
	if err := v.exchange(ctx, s, posts, gone); err != nil {
		return false, err
	}
	return true, v.bookmarksToLegacy(ctx, s)
}

// bookmark is the bookmark of a member. What a client has written stays, but for the
// nickname: with another one entering would change it in the group.
func bookmark(old *xmlstream.Element, st *im.GroupState) *xmlstream.Element {
	e := old.Copy()
	if !e.Is(nsBookmarks, "conference") {
		e = xmlstream.New(nsBookmarks, "conference").OptAttr("name", st.Group.Title).SetAttr("autojoin", "true")
	}
	if e.ChildText(nsBookmarks, "nick") == st.Me.Nick {
		return e
	}
	e.Remove(nsBookmarks, "nick")
	rest := e.Nodes
	e.Nodes = nil
	e.Add(xmlstream.NewText(nsBookmarks, "nick", st.Me.Nick))
	e.Nodes = append(e.Nodes, rest...)
	return e
}
