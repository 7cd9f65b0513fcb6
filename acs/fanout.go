package acs

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// posted takes committed entries of a timeline, in their order, to whoever follows
// the group: the sessions here, and one envelope for each node that wants it. It
// does not wait.
func (s *Server) posted(g im.GroupID, entries []im.Entry) {
	r := s.rooms.of(g)
	nodes := s.rooms.wantedBy(g)
	for i := range entries {
		e := &entries[i]
		if r != nil {
			r.offer(e, false)
		}
		for _, n := range nodes {
			if s.mesh.Forward(n, im.Envelope{Post: &im.GroupDeliver{Group: g, Entry: *e}}) {
				s.metrics.forwarded.Inc()
				continue
			}
			s.bells.ring(n, im.Bell{User: g.Log(), Seq: e.Seq}, reasonLinkDown)
		}
	}
}

// fanOut hands an entry to the sessions of the room. It runs with mu held.
func (r *room) fanOut(e *im.Entry, told bool) {
	if len(r.subs) == 0 {
		return
	}
	pull := r.busy()
	pushes := pushes{room: r, entry: e, told: told}
	for ss, sub := range r.subs {
		switch {
		case sub.behind:
			continue
		case pull && sub.inside == nil:
			continue
		}
		if ss.sink.PushPost(pushes.of(ss.user)) {
			r.srv.metrics.pushed.Inc()
			continue
		}
		sub.behind = true
		r.srv.metrics.behind.Inc()
	}
	if pull {
		r.moveLater()
	}
}

// pushes is what sessions get of an entry: one for all who see the same of it.
type pushes struct {
	room  *room
	entry *im.Entry
	told  bool

	full, masked *im.GroupPush
	named        map[im.UserID]*im.GroupPush // masked, for who is mentioned: his own name he sees
}

func (p *pushes) of(u im.UserID) *im.GroupPush {
	if !p.room.masksEntry(p.entry, u) {
		if p.full == nil {
			p.full = p.push(signed(p.room.group, *p.entry), false)
		}
		return p.full
	}
	if post := p.entry.Post; post == nil || !slices.Contains(post.Mentions, u) {
		if p.masked == nil {
			p.masked = p.push(maskEntry(p.room.group, p.entry, 0), true)
		}
		return p.masked
	}
	if p.named == nil {
		p.named = make(map[im.UserID]*im.GroupPush)
	}
	if p.named[u] == nil {
		p.named[u] = p.push(maskEntry(p.room.group, p.entry, u), true)
	}
	return p.named[u]
}

func (p *pushes) push(shown im.Entry, masked bool) *im.GroupPush {
	return &im.GroupPush{Group: p.room.group, Entry: &shown, Masked: masked, Told: p.told}
}

// masksEntry reports whether a user must not see all of an entry.
func (r *room) masksEntry(e *im.Entry, u im.UserID) bool {
	if !hides(r.group, e, u) {
		return false
	}
	m := r.members[u]
	return !m.Admin()
}

// masks reports whether a user must not learn who is behind a nickname.
func (r *room) masks(u im.UserID) bool {
	if !r.group.Hidden {
		return false
	}
	m := r.members[u]
	return !m.Admin()
}

// busyPosts is how many entries within a second make a group with very many followers
// busy.
const busyPosts = 5

// busy reports whether entries come faster than they are pushed to so many C-XX
// clients. What counts is who follows here: members who are not online cost nothing.
func (r *room) busy() bool {
	if len(r.subs) <= r.srv.cfg.PullGroup {
		return false
	}
	now := r.srv.now()
	r.posts = append(r.posts, now)
	if len(r.posts) > busyPosts {
		r.posts = r.posts[len(r.posts)-busyPosts-1:]
	}
	return len(r.posts) > busyPosts && now.Sub(r.posts[0]) < time.Second
}

// moveLater tells C-XX clients within a second how far the timeline has come.
func (r *room) moveLater() {
	if r.moved {
		return
	}
	r.moved = true
	r.srv.after(time.Second, func(context.Context) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.moved = false
		for ss, sub := range r.subs {
			if sub.inside == nil {
				ss.sink.PushMoved(r.id, r.last)
			}
		}
	})
}

// caughtUp tells that a session has read a timeline up to seq: what comes next is
// pushed again, unless more has come meanwhile.
func (s *Server) caughtUp(ss *session, g im.GroupID, seq uint64) {
	r := s.rooms.of(g)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sub := r.subs[ss]
	if sub == nil || !sub.behind {
		return
	}
	if seq >= r.last {
		sub.behind = false
		return
	}
	ss.sink.PushMoved(g, r.last)
}

// willRead is what a client knows who is given the head afterwards.
const willRead = math.MaxUint64

// follow lets a C-XX session get what is written in a group of its user from now on.
// Its client knows of what stands up to known, or will read it; when there is more by
// then, nothing else tells it.
func (s *session) follow(ctx context.Context, g im.GroupID, known uint64) {
	r, err := s.srv.rooms.get(ctx, g)
	if err != nil {
		s.srv.log.Debug("group cannot be followed now", "group", g, "session", s.id, "err", err)
		if im.CodeOf(err) != im.CodeNotFound {
			s.srv.after(time.Second, func(ctx context.Context) {
				if !s.closed.Load() {
					s.follow(ctx, g, 0)
				}
			})
		}
		return
	}
	r.mu.Lock()
	m := r.members[s.user]
	if m.Role.In() && r.subs[s] == nil && !s.closed.Load() && !r.gone {
		r.subs[s] = &sub{}
		s.srv.rooms.joined(s, r)
		if r.last > known {
			s.sink.PushMoved(g, r.last)
		}
	}
	r.mu.Unlock()
	s.srv.rooms.release(r)
}

// followAgain follows what the user's inbox has told of while the session was behind.
func (s *session) followAgain(ctx context.Context) {
	list, err := s.srv.store.Memberships(ctx, s.user)
	if err != nil {
		s.srv.log.Debug("groups cannot be followed now", "session", s.id, "err", err)
		return
	}
	for _, m := range list {
		if m.Role.In() {
			s.follow(ctx, m.Group, m.Version)
		}
	}
}

// groupSignal passes a signal on to whoever is there in a group.
func (s *Server) groupSignal(sig im.Signal) {
	s.signalHere(&sig)
	for _, n := range s.rooms.wantedBy(sig.Group) {
		if !s.mesh.Forward(n, im.Envelope{Signal: &sig}) {
			s.metrics.dropped.WithLabelValues(reasonLinkDown).Inc()
		}
	}
}

func (s *Server) signalHere(sig *im.Signal) {
	r := s.rooms.of(sig.Group)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.group == nil {
		return
	}
	id := occupantID(r.group, sig.From)
	for ss, sub := range r.subs {
		if sig.Kind == im.SignalStanza && sub.inside == nil {
			continue
		}
		if ss.id == sig.Session && sig.Session != 0 && sub.inside == nil {
			continue // his own C-XX session knows
		}
		out := *sig
		out.Session, out.Node, out.Occupant = 0, 0, id
		if ss.user != sig.From && r.masks(ss.user) {
			out.From = 0
		}
		ss.sink.PushSignal(out)
	}
}

// signalGroup is Signal for everybody in a group: of somebody who is there.
func (s *session) signalGroup(sig im.Signal) bool {
	r := s.srv.rooms.of(sig.Group)
	if r == nil {
		return false
	}
	r.mu.Lock()
	sub, m := r.subs[s], r.members[s.user]
	ok := sub != nil && m.Role.In() && (len(r.members) <= s.srv.cfg.SmallGroup || sig.Kind == im.SignalStanza)
	ok = ok && im.MaySpeak(r.group, &m, s.srv.now()) == nil
	r.mu.Unlock()
	if !ok {
		return false
	}
	sig.From, sig.Nick, sig.Session = s.user, m.Nick, s.id
	s.srv.groupSignal(sig)
	return true
}
