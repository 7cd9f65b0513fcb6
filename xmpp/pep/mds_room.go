package pep

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
)

// Read marks of rooms (XEP-0490 section 4.1): the ids in them are the room's own, which
// are places in its timeline.

// markRoom moves the mark of a room of ours. What is no such room, or one that the user
// is not in, is the client's own affair.
func markRoom(ctx context.Context, core im.Session, room im.Addr, seq uint64) error {
	st, err := core.GroupFind(ctx, room)
	if im.CodeOf(err) == im.CodeNotFound || err == nil && !st.Me.Role.In() {
		return nil
	}
	if err != nil {
		return err
	}
	return core.GroupMarkRead(ctx, st.Group.ID, seq)
}

// roomRead brings the mark of a room that the user has moved elsewhere into the node.
func (v *Service) roomRead(ctx context.Context, s iq.Session, e *im.Entry) error {
	st, err := s.Core().GroupGet(ctx, im.GroupID(e.Peer))
	if im.CodeOf(err) == im.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	room := st.Group.Addr.Bare()
	_, list, err := fetch(ctx, s, nsMDS, im.ItemQuery{IDs: []string{room.String()}})
	seq := uint64(e.UpTo)
	if err != nil || markedSeq(payloadOf(find(list, room.String())), room) >= seq {
		return err
	}
	return v.place(ctx, s, nsMDS, defaults(nsMDS), mark(room, room, seq))
}

// roomMarks are the marks of rooms that list, which is the node, does not have yet.
func roomMarks(ctx context.Context, core im.Session, list []im.Item) (posts []post, err error) {
	states, err := core.GroupList(ctx)
	for i := range states {
		st := &states[i]
		room := st.Group.Addr.Bare()
		if st.Me.Role.In() && st.Me.ReadTo > markedSeq(payloadOf(find(list, room.String())), room) {
			posts = append(posts, mark(room, room, st.Me.ReadTo))
		}
	}
	return posts, err
}
