package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// room returns the room that the session has entered, with its mu held, or nil.
func (s *session) room(g im.GroupID) (*room, *sub) {
	r := s.srv.rooms.of(g)
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	if sub := r.subs[s]; sub != nil && sub.inside != nil {
		return r, sub
	}
	r.mu.Unlock()
	return nil, nil
}

func errNotInside() *im.Error {
	return im.Errorf(im.CodeNotMember, "you are not in this room; enter it first")
}

// RoomPresence implements im.Rooms.
func (s *session) RoomPresence(ctx context.Context, g im.GroupID, nick string, p im.Presence) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	r, sub := s.room(g)
	if r == nil {
		return errNotInside()
	}
	me := sub.inside.Member
	r.mu.Unlock()
	nick, err := im.PrepareNick(nick)
	if err != nil {
		return err
	}
	if nick != me.Nick {
		if me, err = s.rename(ctx, g, me, nick); err != nil {
			return err
		}
	}
	if r, sub = s.room(g); r == nil {
		return errNotInside()
	}
	defer r.mu.Unlock()
	now := *sub.inside
	now.Presence = p
	if me.Passing {
		now.Member = me
		r.members[s.user] = me
	}
	s.srv.rooms.up(now)
	r.update(r.completed(now), 0, nil)
	return nil
}

// rename changes the user's nickname in a group.
func (s *session) rename(ctx context.Context, g im.GroupID, me im.Member, nick string) (im.Member, error) {
	if !me.Passing {
		if err := s.GroupNick(ctx, g, nick); err != nil {
			return me, err
		}
		me.Nick = nick
		return me, nil
	}
	me, _, err := s.visit(ctx, g, nick)
	return me, err
}

// RoomLeave implements im.Rooms.
func (s *session) RoomLeave(_ context.Context, g im.GroupID, p im.Presence) {
	if r := s.srv.rooms.of(g); r != nil {
		s.leaveRoom(r, p)
	}
}

// leaveRoom ends what the session has to do with a room.
func (s *session) leaveRoom(r *room, p im.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sub := r.subs[s]
	if sub == nil {
		return
	}
	delete(r.subs, s)
	if o := sub.inside; o != nil {
		passing := o.Member.Passing && len(r.of(s.user)) == 1
		s.srv.rooms.down(im.OccupantGone{Group: r.id, User: s.user, Session: s.id, Presence: p})
		r.leave(keyOf(o), p)
		if passing {
			s.srv.after(0, func(ctx context.Context) { s.srv.passed(ctx, r.id, s.user) })
		}
		if r.group.Locked {
			s.srv.after(0, func(ctx context.Context) { s.srv.endEmpty(ctx, r.id) })
		}
		r.emptied()
	}
	s.srv.rooms.left(r, s, sub, 0)
}

// RoomOccupants implements im.Rooms.
func (s *session) RoomOccupants(_ context.Context, g im.GroupID) ([]im.Occupant, error) {
	r, _ := s.room(g)
	if r == nil {
		return nil, errNotInside()
	}
	defer r.mu.Unlock()
	return r.occupantsFor(s), nil
}

// RoomOccupant implements im.Rooms.
func (s *session) RoomOccupant(g im.GroupID, nick string) (out []im.Occupant) {
	r, _ := s.room(g)
	if r == nil {
		return nil
	}
	defer r.mu.Unlock()
	for _, o := range r.there {
		if o.Member.Nick == nick {
			out = append(out, *o)
		}
	}
	return out
}

// Inside implements im.Rooms.
func (s *session) Inside(g im.GroupID) (nick string, ok bool) {
	r, sub := s.room(g)
	if r == nil {
		return "", false
	}
	defer r.mu.Unlock()
	return sub.inside.Member.Nick, true
}
