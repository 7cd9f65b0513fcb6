package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// maxActs is how many acts one request may have.
const maxActs = 200

// GroupAct implements im.Groups.
func (s *session) GroupAct(ctx context.Context, g im.GroupID, acts ...im.Act) error {
	if len(acts) > maxActs {
		return im.Errorf(im.CodeTooMany, "%d acts at once; at most %d are taken", len(acts), maxActs)
	}
	users := make([]im.UserID, len(acts))
	nicks := make(map[im.UserID]string)
	addrs := make(map[im.UserID]im.Addr)
	for i, a := range acts {
		if err := checkReason(a.Reason); err != nil {
			return err
		}
		users[i] = a.User
		addr, err := s.srv.addrs.get(ctx, a.User)
		if err != nil {
			return s.srv.public("act in group", err)
		}
		addrs[a.User] = addr
		if a.Do == im.ActAccept || a.Do == im.ActRole {
			nicks[a.User] = s.srv.defaultNick(ctx, a.User, addr)
		}
	}
	return s.changeGroup(ctx, "act in group", g, users, func(c *groupChange) error {
		for i := range acts {
			a := &acts[i]
			target, known := c.Members[a.User]
			if !known || target.User == 0 {
				target.User, target.Addr = a.User, addrs[a.User]
			}
			c.me = c.Members[s.user]
			if err := mayAct(&c.Group, &c.me, &target, a); err != nil {
				return err
			}
			if err := c.act(a, target, nicks[a.User]); err != nil {
				return err
			}
		}
		return nil
	})
}

// act carries out one act that is allowed.
func (c *groupChange) act(a *im.Act, m im.Member, nick string) error {
	switch a.Do {
	case im.ActInvite:
		return c.invite(a, m)
	case im.ActAccept:
		if m.Role != im.RoleAsking {
			return im.Errorf(im.CodeNotFound, "he has not asked to join")
		}
		if m.Nick != "" {
			nick = m.Nick
		}
		_, err := c.admit(m, nick)
		return err
	case im.ActRefuse:
		if m.Role != im.RoleAsking && m.Role != im.RoleInvited {
			return im.Errorf(im.CodeNotFound, "he has not asked to join, nor is he invited")
		}
		m.Role = im.RoleNone
		c.member(im.GroupRefused, m, a.Reason)
	case im.ActKick, im.ActEject:
		if a.Do == im.ActKick || m.Passing {
			if err := c.lastOwner(m); err != nil {
				return err
			}
			m.Role = im.RoleNone
		}
		c.member(im.GroupKicked, m, a.Reason)
	case im.ActRole:
		return c.give(a, m, nick)
	case im.ActTransfer:
		m.Role = im.RoleOwner
		c.member(im.GroupRole, m, a.Reason)
		me := c.me
		me.Role = im.RoleAdmin
		c.member(im.GroupRole, me, a.Reason)
	default:
		c.voice(a, m)
	}
	return nil
}

// invite lets somebody join. Who blocks the inviter learns nothing of it.
func (c *groupChange) invite(a *im.Act, m im.Member) error {
	switch {
	case m.Role.In() && !m.Passing, m.Role == im.RoleInvited && m.By == c.s.user:
		return nil
	case m.Role == im.RoleOutcast:
		return im.Errorf(im.CodeBanned, "he was banned from the group")
	case c.Count.Invited >= maxAsking:
		return im.Errorf(im.CodeTooMany, "too many invitations of this group wait for an answer")
	}
	if m.Role == im.RoleAsking && c.me.Role >= im.RoleAdmin {
		_, err := c.admit(m, m.Nick)
		return err
	}
	if m.Passing { // he is there already: now he may stay
		_, err := c.admit(m, m.Nick)
		return err
	}
	m.Role, m.By, m.Note, m.Nick = im.RoleInvited, c.s.user, a.Reason, a.Nick
	c.member(im.GroupInvited, m, a.Reason)
	c.Log[len(c.Log)-1].Group.Direct = a.Direct
	c.Count.Invited++
	return nil
}

// give sets a role.
func (c *groupChange) give(a *im.Act, m im.Member, nick string) error {
	if m.Role == a.Role && !m.Passing {
		return nil
	}
	if a.Role != im.RoleOwner {
		if err := c.lastOwner(m); err != nil {
			return err
		}
	}
	was := m.Role
	switch {
	case a.Role == im.RoleOutcast:
		m.Role, m.By, m.Note, m.Voice, m.Passing = a.Role, c.s.user, a.Reason, im.VoiceByRole, false
		c.member(im.GroupBanned, m, a.Reason)
	case was == im.RoleOutcast && a.Role == im.RoleNone:
		m.Role = a.Role
		c.member(im.GroupUnbanned, m, a.Reason)
	case a.Role == im.RoleNone:
		c.takeRole(m, a.Reason)
	case !was.In():
		joined, err := c.admit(m, nick)
		if err != nil || a.Role == im.RoleMember {
			return err
		}
		joined.Role = a.Role
		c.member(im.GroupRole, joined, a.Reason)
	default:
		m.Role, m.Passing = a.Role, false
		c.member(im.GroupRole, m, a.Reason)
	}
	return nil
}

// takeRole makes somebody nobody in particular: in an open group who is there by MUC
// may stay as a visitor.
func (c *groupChange) takeRole(m im.Member, reason string) {
	if c.Group.Join == im.JoinOpen && m.Role.In() && c.s.srv.entered(c.Group.ID, m.User) {
		if m.Passing {
			return
		}
		m.Role, m.Passing = im.RoleVisitor, true
		c.member(im.GroupRole, m, reason)
		return
	}
	was := m.Role
	m.Role = im.RoleNone
	if was.In() {
		c.member(im.GroupKicked, m, reason)
		return
	}
	c.member(im.GroupRefused, m, reason)
}

// lastOwner refuses to take the role of the last owner.
func (c *groupChange) lastOwner(m im.Member) error {
	owners := 0
	for _, x := range c.Members {
		if x.Role == im.RoleOwner && x.User != m.User {
			owners++
		}
	}
	if m.Role == im.RoleOwner && owners == 0 && c.Count.Owners <= 1 {
		return im.Errorf(im.CodeLastOwner, "a group needs an owner; make somebody else one before")
	}
	return nil
}

// voice changes who may speak or moderate.
func (c *groupChange) voice(a *im.Act, m im.Member) {
	was := m
	switch a.Do {
	case im.ActMute:
		m.MutedUntil = muteUntil(a)
	case im.ActUnmute:
		m.MutedUntil = im.Member{}.MutedUntil
	case im.ActVoice:
		m.Voice, m.MutedUntil = im.VoiceGranted, im.Member{}.MutedUntil
	case im.ActUnvoice:
		m.Voice = im.VoiceByRole
	case im.ActModerate:
		m.Voice = im.VoiceModerator
	}
	if m.Voice != was.Voice || !m.MutedUntil.Equal(was.MutedUntil) {
		c.member(im.GroupVoice, m, a.Reason)
	}
}
