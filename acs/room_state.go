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
	best := im.Presence{}
	for _, e := range r.srv.table.of(u) {
		if e.Protocol == im.ProtocolCXX && e.Presence.Show > best.Show {
			best = im.Presence{Show: e.Presence.Show, Status: e.Presence.Status}
		}
	}
	if best.Show <= im.ShowInvisible {
		return nil
	}
	return r.completed(im.Occupant{Group: r.id, User: u, Presence: best})
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
