package acs

import (
	"context"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// room is a group that this node follows: its timeline as far as it was handed out,
// its members as they were there, and who is there by MUC. All of it but the sets
// of sessions is the outcome of the snapshot and the events behind it, so every
// node has the same. The feed's mu guards everything.
type room struct {
	feed // of the timeline

	id      im.GroupID
	ready   chan struct{} // closed when the snapshot is there, or failed
	failed  error         // set before ready is closed
	group   *im.Group     // replaced, never changed
	members map[im.UserID]im.Member
	subs    map[*session]*sub // sessions here
	there   map[occupantKey]*im.Occupant
	gone    bool // dissolved, or nobody here follows any more
	posts   []time.Time

	muteEnds time.Time // the end of a mute that is waited for; zero: none
	moved    bool      // a PushMoved is due
}

// sub is a session that follows a group.
type sub struct {
	inside *im.Occupant // the session has entered the room; nil: it follows as a C-XX client
	behind bool         // it did not take an entry, and has to read the timeline
}

func newRoom(srv *Server, g im.GroupID) *room {
	r := &room{
		id: g, ready: make(chan struct{}), members: make(map[im.UserID]im.Member),
		subs: make(map[*session]*sub), there: make(map[occupantKey]*im.Occupant),
	}
	r.lead(srv, g.Log(), r)
	return r
}

// load reads the snapshot and lets the feed begin behind it.
func (r *room) load(ctx context.Context) error {
	g, members, head, err := r.srv.store.GroupSnapshot(ctx, r.id)
	if err != nil {
		return err
	}
	r.srv.clock.Observe(head.MsgID)
	r.mu.Lock()
	r.group = &g
	for _, m := range members {
		r.members[m.User] = m
	}
	for _, o := range r.srv.rooms.occupants(r.id) {
		r.there[keyOf(&o)] = r.completed(o)
	}
	if r.shows() {
		for u := range r.members {
			if o := r.online(u); o != nil {
				r.there[keyOf(o)] = o
			}
		}
	}
	r.awaitVoices()
	r.mu.Unlock()
	r.start(head.Seq)
	return nil
}

// push implements feedOut: the next entry of the timeline takes effect here and
// goes to the sessions.
func (r *room) push(e *im.Entry, _ bool) bool {
	told := false
	if e.Kind == im.KindGroup && e.Group != nil {
		told = r.apply(e)
	}
	r.fanOut(e, told)
	return true
}

// apply carries out an event and reports whether it was told of an occupant.
func (r *room) apply(e *im.Entry) (told bool) {
	ev := e.Group
	if ev.Group != nil {
		before, g := r.group, *ev.Group
		g.Salt, g.Password = before.Salt, before.Password
		r.group = &g
		r.revoiced(before, r.srv.now(), im.GroupChanged)
		r.awaitVoice(g.MutedUntil)
	}
	if ev.What == im.GroupDissolved {
		r.dissolve(e)
		return true
	}
	if ev.Member == nil || ev.Member.User == 0 {
		return false
	}
	m := *ev.Member
	told = len(r.of(m.User)) > 0
	was, known := r.members[m.User]
	if m.Role.In() {
		m.ReadTo = was.ReadTo
		r.members[m.User] = m
		r.awaitVoice(m.MutedUntil)
	} else if !slices.ContainsFunc(r.of(m.User), func(o *im.Occupant) bool { return o.Since >= e.Seq }) {
		delete(r.members, m.User)
	}
	ejected := ev.What == im.GroupKicked && m.Role.In()
	switch {
	case !m.Role.In() || ejected:
		r.expel(e, m, ejected)
	case !known || !was.Role.In():
		r.welcome(m.User)
	default:
		r.changed(ev, m)
	}
	return told || len(r.of(m.User)) > 0
}

// expel takes somebody's occupants out, and his sessions off the group.
func (r *room) expel(e *im.Entry, m im.Member, ejected bool) {
	ev := e.Group
	stays := func(o *im.Occupant) bool { return ejected && o.Session == 0 || o.Since >= e.Seq }
	for _, o := range r.of(m.User) {
		if stays(o) {
			continue
		}
		left := *o
		left.Member = m
		if left.Member.Nick == "" {
			left.Member.Nick = o.Member.Nick
		}
		left.Presence = im.Presence{}
		delete(r.there, keyOf(o))
		r.tell(&im.OccupantChange{
			Group: r.group, Occupant: left, Left: true, Rest: r.another(m.User),
			Why: ev.What, ByNick: ev.ByNick, Reason: ev.Reason,
		})
	}
	for ss, sub := range r.subs {
		switch {
		case ss.user != m.User, sub.inside == nil && ejected, sub.inside != nil && stays(sub.inside):
			continue
		}
		delete(r.subs, ss)
		r.srv.rooms.left(r, ss, sub, e.Seq)
	}
}

// welcome lets the sessions here of a new member follow.
func (r *room) welcome(u im.UserID) {
	for _, ss := range r.srv.hub.of(u) {
		if ss.proto == im.ProtocolCXX && ss.follows.Load() && r.subs[ss] == nil && !ss.closed.Load() {
			r.subs[ss] = &sub{}
			r.srv.rooms.joined(ss, r)
		}
	}
	r.srv.rooms.has(r, u)
	r.seen(u)
	for _, o := range r.of(u) {
		if o.Session != 0 { // he was there as a visitor
			r.update(r.completed(*o), im.GroupRole, nil)
		}
	}
}

// changed tells that somebody's role, voice or nickname is another one.
func (r *room) changed(ev *im.GroupEvent, m im.Member) {
	for _, o := range r.of(m.User) {
		r.update(r.completed(*o), ev.What, ev)
	}
}

// dissolve sends everybody away.
func (r *room) dissolve(e *im.Entry) {
	ev := e.Group
	for ss, sub := range r.subs {
		if sub.inside != nil {
			ss.sink.PushOccupant(&im.OccupantChange{
				Group: r.group, Occupant: *sub.inside, Left: true, Why: im.GroupDissolved,
				ByNick: ev.ByNick, Reason: ev.Reason, Alternate: ev.Alternate,
			})
		}
		delete(r.subs, ss)
		r.srv.rooms.left(r, ss, sub, e.Seq)
	}
	clear(r.there)
	clear(r.members)
	r.gone = true
}
