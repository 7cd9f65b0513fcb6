package acs

import (
	"context"
	"crypto/subtle"

	"github.com/cxx-im/cxx/im"
)

// adminsTold is how many admins learn of a request to join.
const adminsTold = 20

// GroupJoin implements im.Groups.
func (s *session) GroupJoin(ctx context.Context, g im.GroupID, how im.Joining) (me im.Member, err error) {
	if err := checkReason(how.Note); err != nil {
		return me, err
	}
	if err := s.srv.mayHaveMore(ctx, s.user); err != nil {
		return me, s.srv.public("join group", err)
	}
	chosen := how.Nick != ""
	if !chosen {
		how.Nick = s.srv.defaultNick(ctx, s.user, s.addr)
	}
	if how.Nick, err = im.PrepareNick(how.Nick); err != nil {
		return me, err
	}
	admins, err := s.srv.store.MembersOf(ctx, g, im.MemberQuery{Min: im.RoleAdmin, Max: im.RoleOwner, Limit: adminsTold})
	if err != nil {
		return me, s.srv.public("join group", err)
	}
	err = s.changeGroup(ctx, "join group", g, nil, func(c *groupChange) (err error) {
		me, err = c.join(how, chosen, admins)
		return err
	})
	return me, err
}

// join works out what a wish to join leads to. chosen: the nickname is the user's own
// choice.
func (c *groupChange) join(how im.Joining, chosen bool, admins []im.Member) (im.Member, error) {
	m, g := c.me, &c.Group
	waits := g.Join == im.JoinApproval && m.Role != im.RoleInvited && !m.Role.In()
	switch {
	case m.Role == im.RoleOutcast:
		return m, im.Errorf(im.CodeBanned, "you were banned from the group")
	case m.Role.In() && !m.Passing && m.Role != im.RoleVisitor:
		return m, nil
	case g.Locked:
		return m, im.Errorf(im.CodeNotFound, "there is no such group")
	case g.Join == im.JoinInvite && m.Role != im.RoleInvited:
		return m, im.Errorf(im.CodeMembersOnly, "one comes into this group by an invitation")
	case waits && m.Role == im.RoleAsking:
		return m, nil
	case !waits && m.Role != im.RoleInvited && !m.Role.In() && !opens(g, how.Password):
		return m, im.Errorf(im.CodePasswordNeeded, "this group asks for a password")
	}
	suggested := m.Role == im.RoleInvited && m.Nick != "" && !chosen
	if suggested {
		how.Nick = m.Nick
	}
	if !m.Role.In() {
		m.User, m.Addr = c.user, c.addr
	}
	if waits {
		return c.ask(m, how, admins)
	}
	if chosen {
		if err := c.free(m.User, how.Nick); err != nil {
			return m, err
		}
	}
	return c.admit(m, how.Nick, im.RoleMember)
}

// ask lets somebody wait for an admin to allow it.
func (c *groupChange) ask(m im.Member, how im.Joining, admins []im.Member) (im.Member, error) {
	if c.Count.Asking >= maxAsking {
		return m, im.Errorf(im.CodeTooMany, "too many have asked to join this group; try again later")
	}
	m.Role, m.Note, m.Nick = im.RoleAsking, how.Note, how.Nick
	c.member(im.GroupAsked, m, how.Note)
	for _, a := range admins {
		c.told = append(c.told, teller{len(c.Log) - 1, a.User, a})
	}
	return m, nil
}

// opens reports whether a password is the one that g asks for, if it does.
func opens(g *im.Group, password string) bool {
	return g.Password == "" || subtle.ConstantTimeCompare([]byte(g.Password), []byte(password)) == 1
}

// maxAsking is how many may wait for an answer, or hold an invitation.
const maxAsking = 1000

// admit lets somebody in as what he shall be.
func (c *groupChange) admit(m im.Member, nick string, role im.Role) (im.Member, error) {
	most := c.srv.cfg.MaxMembers
	if c.Group.MaxMembers > 0 {
		most = min(most, c.Group.MaxMembers)
	}
	if c.Count.Members >= most {
		return m, im.Errorf(im.CodeTooMany, "the group is full; it has %d members", most)
	}
	if !m.Role.In() && !c.Group.History {
		m.From = c.Head
	}
	if m.Nick == "" || !m.Role.In() {
		var err error
		if m.Nick, err = c.nick(m.User, nick); err != nil {
			return m, err
		}
	}
	m.Role, m.Passing, m.Voice, m.Note, m.Joined = role, false, im.VoiceByRole, "", c.srv.now().UTC()
	m.ReadTo = c.Head
	c.member(im.GroupJoined, m, "")
	return m, nil
}

// GroupDecline implements im.Groups.
func (s *session) GroupDecline(ctx context.Context, g im.GroupID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	me, err := s.srv.store.Member(ctx, g, s.user)
	if err != nil {
		return s.srv.public("decline", err)
	}
	return s.changeGroup(ctx, "decline", g, []im.UserID{me.By}, func(c *groupChange) error {
		m := c.me
		if m.Role != im.RoleInvited {
			return im.Errorf(im.CodeNotFound, "you are not invited to this group")
		}
		m.Role = im.RoleNone
		c.member(im.GroupDeclined, m, reason)
		if by, ok := c.Members[me.By]; ok && by.Role.In() {
			c.told = append(c.told, teller{len(c.Log) - 1, by.User, by})
		}
		return nil
	})
}

// GroupLeave implements im.Groups.
func (s *session) GroupLeave(ctx context.Context, g im.GroupID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.changeGroup(ctx, "leave group", g, nil, func(c *groupChange) error {
		m := c.me
		switch {
		case !m.Role.In() || m.Passing: // who is passing leaves the room
			return im.Errorf(im.CodeNotMember, "you are not in the group")
		case m.Role == im.RoleOwner && c.Count.Owners == 1 && c.Count.Members > 1:
			return im.Errorf(im.CodeLastOwner, "you are the last owner; hand the group over before you leave, or dissolve it")
		}
		return c.goes(im.GroupLeft, reason)
	})
}

// goes takes whoever makes the change out of the group, which ends with its last member.
func (c *groupChange) goes(what im.GroupVerb, reason string) error {
	m := c.me
	m.Role = im.RoleNone
	c.member(what, m, reason)
	if c.Count.Members == 0 {
		return c.dissolve("", reason)
	}
	return nil
}

// GroupNick implements im.Groups.
func (s *session) GroupNick(ctx context.Context, g im.GroupID, nick string) error {
	nick, err := im.PrepareNick(nick)
	if err != nil {
		return err
	}
	return s.changeGroup(ctx, "set nickname", g, nil, func(c *groupChange) error {
		m := c.me
		if !m.Role.In() {
			return im.Errorf(im.CodeNotMember, "you are not in the group")
		}
		if m.Nick == nick {
			return nil
		}
		if err := c.free(m.User, nick); err != nil {
			return err
		}
		m.Nick = nick
		if m.Passing {
			c.Put = append(c.Put, m)
			return nil
		}
		c.member(im.GroupNick, m, "")
		return nil
	})
}
