package acs

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// LeaveAll takes a user whose account is to be deleted out of all his groups. A group
// that he is the last owner of goes to whoever is highest in it, of those to who has
// been in it longest; one in which he is alone is dissolved. After an error, which says
// that a zone is out of reach, it can be called again.
func (s *Server) LeaveAll(ctx context.Context, u im.UserID) error {
	list, err := s.store.Memberships(ctx, u)
	if err != nil {
		return s.public("leave groups", err)
	}
	var errs []error
	for _, m := range list {
		err := s.changeGroup(ctx, m.Group, []im.UserID{u}, func(c *groupChange) error {
			c.user, c.me = u, c.Members[u]
			return c.leaveForGood()
		})
		if err != nil && im.CodeOf(err) != im.CodeNotFound {
			errs = append(errs, s.public("leave groups", err))
		}
	}
	return errors.Join(errs...)
}

// leaveForGood takes whoever makes the change out of the group. That he was banned stays
// known.
func (c *groupChange) leaveForGood() error {
	m := c.me
	switch {
	case m.Role <= im.RoleOutcast:
		return nil
	case m.Passing:
		c.Drop = append(c.Drop, m.User)
		return nil
	case m.Role == im.RoleOwner && c.Count.Owners == 1 && c.Count.Members > 1:
		if err := c.inherit(); err != nil {
			return err
		}
	}
	if !m.Role.In() {
		return c.goes(im.GroupDeclined, "")
	}
	return c.goes(im.GroupLeft, "")
}

// inherit makes somebody else the owner.
func (c *groupChange) inherit() error {
	for _, least := range []im.Role{im.RoleAdmin, im.RoleVisitor} {
		list, err := c.Find(im.MemberQuery{Min: least, Max: im.RoleOwner})
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(m im.Member) bool { return m.User == c.user })
		if len(list) == 0 {
			continue
		}
		heir := slices.MinFunc(list, func(a, b im.Member) int {
			return cmp.Or(cmp.Compare(b.Role, a.Role), a.Joined.Compare(b.Joined), cmp.Compare(a.User, b.User))
		})
		c.Members[heir.User] = heir
		heir.Role = im.RoleOwner
		c.member(im.GroupRole, heir, "")
		return nil
	}
	return nil // changeGroup refuses
}
