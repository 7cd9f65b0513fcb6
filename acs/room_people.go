package acs

import (
	"slices"

	"github.com/cxx-im/cxx/im"
)

// occupantKey names an occupant: a session, or a user who is there with C-XX.
type occupantKey struct {
	node    im.NodeID
	session im.SessionID
	user    im.UserID // with session zero
}

func keyOf(o *im.Occupant) occupantKey {
	if o.Session == 0 {
		return occupantKey{user: o.User}
	}
	return occupantKey{node: o.Node, session: o.Session}
}

// shows reports whether members who are online with C-XX are shown as occupants.
func (r *room) shows() bool { return len(r.members) <= r.srv.cfg.QuietGroup }

// completed fills in what a node does not announce of an occupant.
func (r *room) completed(o im.Occupant) *im.Occupant {
	if m, ok := r.members[o.User]; ok {
		o.Member = m
	}
	o.ID = occupantID(r.group, o.User)
	return &o
}

// online is the occupant that a member with C-XX sessions is; nil: he has none that
// may be seen.
func (r *room) online(u im.UserID) *im.Occupant {
	m, ok := r.members[u]
	if !ok || !m.Role.In() || m.Passing {
		return nil
	}
	p, seen := r.srv.seenByCXX(u)
	if !seen {
		return nil
	}
	return r.completed(im.Occupant{Group: r.id, User: u, Presence: p})
}

// seenByCXX is the presence that a user's C-XX devices have together; false: none of them
// may be seen.
func (s *Server) seenByCXX(u im.UserID) (best im.Presence, seen bool) {
	for _, e := range s.table.of(u) {
		if e.Protocol == im.ProtocolCXX && e.Presence.Show > best.Show {
			best = im.Presence{Show: e.Presence.Show, Status: e.Presence.Status}
		}
	}
	return best, best.Show > im.ShowInvisible
}

func (r *room) of(u im.UserID) (out []*im.Occupant) {
	for _, o := range r.there {
		if o.User == u {
			out = append(out, o)
		}
	}
	return out
}

// another is a session of somebody that is there, one in the room before one that is
// shown there; nil: none.
func (r *room) another(u im.UserID) (out *im.Occupant) {
	for _, o := range r.of(u) {
		if out == nil || out.Session == 0 {
			out = o
		}
	}
	return out
}

// rename gives all sessions of a user the nickname that one of them has now, and
// returns the one before.
func (r *room) rename(now *im.Occupant) (was string) {
	for _, o := range r.of(now.User) {
		if o.Member.Nick == now.Member.Nick {
			continue
		}
		was = o.Member.Nick
		renamed := *o
		renamed.Member.Nick = now.Member.Nick
		r.place(&renamed)
	}
	return was
}

// place puts an occupant in the place of what was known of him.
func (r *room) place(o *im.Occupant) {
	r.there[keyOf(o)] = o
	for _, sub := range r.subs {
		if sub.inside != nil && keyOf(sub.inside) == keyOf(o) {
			sub.inside = o
		}
	}
}

// update is place, and tells.
func (r *room) update(now *im.Occupant, why im.GroupVerb, ev *im.GroupEvent) {
	was := r.rename(now)
	r.place(now)
	c := &im.OccupantChange{Group: r.group, Occupant: *now, WasNick: was, Why: why}
	if ev != nil {
		c.ByNick, c.Reason = ev.ByNick, ev.Reason
	}
	r.tell(c)
}

// seen works out anew whether a member is there with C-XX.
func (r *room) seen(u im.UserID) {
	if !r.shows() {
		return
	}
	old, now := r.there[occupantKey{user: u}], r.online(u)
	switch {
	case now == nil && old == nil:
	case now == nil:
		left := *old
		left.Presence = im.Presence{}
		delete(r.there, keyOf(old))
		r.tell(&im.OccupantChange{Group: r.group, Occupant: left, Left: true, Rest: r.another(u)})
		r.emptied()
	case old == nil || old.Presence != now.Presence:
		r.update(now, 0, nil)
	}
}

// remote takes what a peer has announced of a session in the room.
func (r *room) remote(o im.Occupant) {
	if m, known := r.members[o.User]; o.Member.Passing && (!known || m.Passing) {
		r.members[o.User] = o.Member
	}
	if m := r.members[o.User]; !m.Role.In() {
		return // removed meanwhile; his node will say so
	}
	r.update(r.completed(o), 0, nil)
}

// leave takes an occupant out who went by himself, or with his node.
func (r *room) leave(k occupantKey, p im.Presence) {
	o := r.there[k]
	if o == nil {
		return
	}
	delete(r.there, k)
	left := *o
	left.Presence = p
	left.Presence.Show = im.ShowOffline
	r.tell(&im.OccupantChange{Group: r.group, Occupant: left, Left: true, Rest: r.another(o.User)})
	if m := r.members[o.User]; m.Passing && len(r.of(o.User)) == 0 {
		delete(r.members, o.User)
	}
}

// tell tells the sessions that are inside of a change, as far as they see it.
func (r *room) tell(c *im.OccupantChange) {
	for ss, sub := range r.subs {
		if sub.inside != nil && (r.visible(&c.Occupant) || c.Occupant.User == ss.user) {
			ss.sink.PushOccupant(c)
		}
	}
}

// visible reports whether others see somebody come and go: in a large group they
// see only who keeps order.
func (r *room) visible(o *im.Occupant) bool { return r.shows() || o.Member.Admin() }

// occupantsFor lists who is there as a session sees it, the user's own last and this
// session's very last.
func (r *room) occupantsFor(ss *session) []im.Occupant {
	var others, own, self []im.Occupant
	for k, o := range r.there {
		switch {
		case k.session == ss.id && k.node == r.srv.node.ID:
			self = append(self, *o)
		case o.User == ss.user:
			own = append(own, *o)
		case r.visible(o):
			others = append(others, *o)
		}
	}
	slices.SortFunc(others, func(a, b im.Occupant) int { return int(a.User>>1) - int(b.User>>1) })
	return slices.Concat(others, own, self)
}
