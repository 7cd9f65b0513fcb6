package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// RoomEnter implements im.Rooms.
func (s *session) RoomEnter(ctx context.Context, e im.RoomEntry) (im.RoomState, error) {
	nick, err := im.PrepareNick(e.Nick)
	if err != nil {
		return im.RoomState{}, err
	}
	if err := s.pace(ctx); err != nil {
		return im.RoomState{}, err
	}
	out := im.RoomState{}
	g, err := s.srv.store.GroupByAddr(ctx, e.Addr.Bare())
	if im.CodeOf(err) == im.CodeNotFound {
		if e.Addr.Domain != s.srv.groupDomain(s.addr.Domain) {
			return im.RoomState{}, im.Errorf(im.CodeForbidden, "you can make rooms at %s only", s.srv.groupDomain(s.addr.Domain))
		}
		g, err = s.openRoom(ctx, e.Addr.Local, nick)
		out.Created = err == nil
		if im.CodeOf(err) == im.CodeNameTaken { // somebody was quicker
			g, err = s.srv.store.GroupByAddr(ctx, e.Addr.Bare())
		}
	}
	if err != nil {
		return im.RoomState{}, s.srv.public("enter room", err)
	}
	me, since, err := s.comeIn(ctx, &g, nick, e.Password)
	if err != nil {
		return im.RoomState{}, s.srv.public("enter room", err)
	}
	out.Renamed = me.Nick != nick
	return s.settleIn(ctx, im.Occupant{Group: g.ID, Presence: e.Presence, Member: me, Since: since}, out)
}

// openRoom makes the group that somebody enters who is the first.
func (s *session) openRoom(ctx context.Context, local, nick string) (im.Group, error) {
	return s.GroupCreate(ctx, im.Group{
		Addr: im.Addr{Local: local}, Title: local, Locked: true, Public: true,
		MentionAll: im.WhoAdmins, History: true,
	}, im.Member{Nick: nick}, nil)
}

// comeIn sees to it that the user is in the group, as whatever he can be, and says how
// far the timeline had come then, as far as that is known.
func (s *session) comeIn(ctx context.Context, g *im.Group, nick, password string) (me im.Member, since uint64, err error) {
	me, err = s.srv.store.Member(ctx, g.ID, s.user)
	if err != nil {
		return me, 0, err
	}
	if err := s.srv.admit(g, &me, password); err != nil {
		return me, 0, err
	}
	switch {
	case me.Role == im.RoleInvited || me.Role == im.RoleAsking: // into an open room: it was closed when he asked
		me, err = s.GroupJoin(ctx, g.ID, im.Joining{Nick: nick, Password: password})
	case !me.Role.In() || me.Passing:
		return s.visit(ctx, g.ID, nick)
	case me.Nick != nick:
		me, err = s.rename(ctx, g.ID, me, nick)
	}
	return me, 0, err
}

// admit is the doorkeeper (XEP-0045 section 7.2).
func (s *Server) admit(g *im.Group, me *im.Member, password string) error {
	switch {
	case me.Role == im.RoleOutcast:
		return im.Errorf(im.CodeBanned, "you were banned from this room")
	case g.Locked && me.Role < im.RoleOwner:
		return im.Errorf(im.CodeNotFound, "the room is not open yet; its owner configures it")
	case !opens(g, password) && !s.knows(g, me):
		return im.Errorf(im.CodePasswordNeeded, "this room asks for a password")
	case g.Join != im.JoinOpen && !me.Role.In() && me.Role != im.RoleInvited:
		return im.Errorf(im.CodeMembersOnly, "this room is for members; ask to join, or for an invitation")
	case g.MaxMembers > 0 && !me.Admin() && s.rooms.people(g.ID) >= g.MaxMembers && !s.entered(g.ID, me.User):
		return im.Errorf(im.CodeTooMany, "the room is full; at most %d may be there", g.MaxMembers)
	}
	return nil
}

// knows reports whether the group has let somebody in before, so that he needs no
// password: a member or who is invited, and who is inside already.
func (s *Server) knows(g *im.Group, me *im.Member) bool {
	return me.Role == im.RoleInvited || me.Role.In() && (!me.Passing || s.entered(g.ID, me.User))
}

// visit makes the user a passing visitor, or gives him another nickname as one. It
// is not logged: he comes and goes. since is how far the timeline had come.
func (s *session) visit(ctx context.Context, g im.GroupID, nick string) (me im.Member, since uint64, err error) {
	_, err = s.srv.store.EditGroup(ctx, g, []im.UserID{s.user}, func(e *im.GroupEdit) error {
		m, known := e.Members[s.user]
		switch {
		case m.Role == im.RoleOutcast:
			return im.Errorf(im.CodeBanned, "you were banned from this room")
		case !m.Role.In() && e.Group.Join != im.JoinOpen:
			return im.Errorf(im.CodeMembersOnly, "this room is for members")
		case m.Role.In() && !m.Passing: // he was let in just now
			me, since = m, e.Head
			return nil
		case m.Role == im.RoleInvited || m.Role == im.RoleAsking:
			return im.Errorf(im.CodeRetryLater, "you were invited just now; enter again")
		}
		if err := s.srv.freeNick(e, s.user, nick); err != nil {
			return err
		}
		if !known || !m.Role.In() || m.Passing && !s.srv.entered(g, s.user) {
			m = im.Member{User: s.user, Addr: s.addr.Bare(), Role: im.RoleVisitor, Passing: true}
			if !e.Group.History {
				m.From = e.Head
			}
		}
		m.Nick, m.Joined = nick, s.srv.now()
		e.Put = append(e.Put, m)
		me, since = m, e.Head
		return nil
	})
	return me, since, err
}

// settleIn gives the session its place in the room, as the occupant o.
func (s *session) settleIn(ctx context.Context, o im.Occupant, out im.RoomState) (im.RoomState, error) {
	me := o.Member
	r, err := s.srv.rooms.get(ctx, o.Group)
	if err != nil {
		return im.RoomState{}, s.srv.public("enter room", err)
	}
	defer s.srv.rooms.release(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone || s.closed.Load() {
		return im.RoomState{}, im.Errorf(im.CodeRetryLater, "the room is just being closed; try again")
	}
	if me.Passing || !r.members[s.user].Role.In() {
		r.members[s.user] = me // its event, if there is one, says the same
		s.srv.rooms.has(r, s.user)
	}
	o.User, o.Node, o.Session, o.Resource, o.Since = s.user, s.srv.node.ID, s.id, s.addr.Resource, max(o.Since, r.last)
	s.srv.rooms.up(o)
	now := r.completed(o)
	now.Member.Nick = me.Nick
	mine := r.subs[s]
	if mine == nil {
		mine = &sub{}
		s.srv.rooms.joined(s, r)
	}
	delete(r.subs, s) // he learns it from what is returned
	r.update(now, 0, nil)
	mine.inside, mine.behind = now, false
	r.subs[s] = mine
	out.Group, out.Me, out.Head = *r.group, me, r.last
	out.Occupants = r.occupantsFor(s)
	return out, nil
}
