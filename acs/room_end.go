package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// passed forgets a passing visitor whose last session has left.
func (s *Server) passed(ctx context.Context, g im.GroupID, u im.UserID) {
	left := s.now()
	if s.entered(g, u) {
		return
	}
	_, err := s.store.EditGroup(ctx, g, []im.UserID{u}, func(e *im.GroupEdit) error {
		if m := e.Members[u]; m.Passing && !m.Joined.After(left) {
			e.Drop = append(e.Drop, u)
		}
		return nil
	})
	if err != nil {
		s.log.Debug("visitor was not forgotten", "group", g, "user", u, "err", err)
	}
}

// emptied ends a temporary room when nobody is there any more. It runs with mu held.
func (r *room) emptied() {
	if r.group.Temporary && len(r.there) == 0 {
		r.srv.after(0, func(ctx context.Context) { r.srv.endEmpty(ctx, r.id) })
	}
}

// endEmpty dissolves a room that ends when nobody is there: a temporary one, and one
// that its maker has left without opening it (XEP-0045 section 10.1.3).
func (s *Server) endEmpty(ctx context.Context, g im.GroupID) {
	if s.rooms.someone(g, func(*im.Occupant) bool { return true }) {
		return
	}
	if group, err := s.store.GroupByID(ctx, g); err != nil || !group.Temporary && !group.Locked {
		return
	}
	err := s.changeGroup(ctx, g, nil, func(c *groupChange) error {
		if !c.Group.Locked && !c.Group.Temporary {
			return nil
		}
		if !c.Group.Locked {
			if here, err := c.someoneHere(); err != nil || here {
				return err
			}
		}
		return c.dissolve("", "")
	})
	if err != nil {
		s.log.Debug("empty room was not dissolved", "group", g, "err", err)
	}
}

// someoneHere reports whether a member is there with C-XX.
func (c *groupChange) someoneHere() (bool, error) {
	list, err := c.Find(im.MemberQuery{Min: im.RoleVisitor, Max: im.RoleOwner})
	for _, m := range list {
		if _, seen := c.srv.seenByCXX(m.User); seen {
			return true, nil
		}
	}
	return false, err
}

// lostOccupants cleans up behind sessions that were in rooms through a node that is dead
// or was started again: nobody else does. All that are left do it; it is no harm.
func (s *Server) lostOccupants(gone []occupancy) {
	if len(gone) == 0 {
		return
	}
	s.after(0, func(ctx context.Context) {
		for _, what := range gone {
			if what.was.Member.Passing {
				s.passed(ctx, what.group, what.was.User)
			}
			s.endEmpty(ctx, what.group)
		}
	})
}

// ghostAfter is how long a passing visitor has been known before he can be a ghost: who
// is just coming in is not announced yet.
const ghostAfter = time.Minute

// freeNick refuses a nickname that somebody else has. One whom nobody has forgotten,
// because the whole cell has ended while he was there, does not count.
func (s *Server) freeNick(e *im.GroupEdit, u im.UserID, nick string) error {
	owner, err := e.NickOwner(nick)
	if err != nil || owner == 0 || owner == u {
		return err
	}
	list, err := e.Find(im.MemberQuery{Min: im.RoleVisitor, Users: []im.UserID{owner}, Passing: true})
	if err != nil {
		return err
	}
	if len(list) == 1 && list[0].Passing && s.now().Sub(list[0].Joined) > ghostAfter && !s.entered(e.Group.ID, owner) {
		e.Drop = append(e.Drop, owner)
		return nil
	}
	return im.Errorf(im.CodeNickTaken, "somebody in the group has this nickname, or one that looks like it")
}
