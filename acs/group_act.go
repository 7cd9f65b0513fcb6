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
	targets := make(map[im.UserID]*target, len(acts))
	for i := range acts {
		a := &acts[i]
		if err := checkReason(a.Reason); err != nil {
			return err
		}
		t, err := s.aim(ctx, a, targets[a.User])
		if err != nil {
			return s.srv.public("act in group", err)
		}
		users[i], targets[a.User] = a.User, t
	}
	return s.changeGroup(ctx, "act in group", g, users, func(c *groupChange) error {
		for i := range acts {
			a := &acts[i]
			t := targets[a.User]
			m, known := c.Members[a.User]
			if !known || m.User == 0 {
				m.User, m.Addr = a.User, t.addr
			}
			c.me = c.Members[s.user]
			if err := mayAct(&c.Group, &c.me, &m, a); err != nil {
				return err
			}
			if err := c.act(a, m, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// target is what has to be known, before the lock is taken, of a user on whom somebody
// acts.
type target struct {
	addr im.Addr
	nick string // what he is called when he has chosen nothing
	away bool   // he blocks who acts, or is blocked by him
	full error  // why he cannot be in one more group
}

// aim reads what an act has to know; before is what was read for an act before.
func (s *session) aim(ctx context.Context, a *im.Act, before *target) (t *target, err error) {
	if t = before; t == nil {
		t = &target{}
		if t.addr, err = s.srv.addrs.get(ctx, a.User); err != nil {
			return nil, err
		}
	}
	brings := a.Do == im.ActInvite || a.Do == im.ActAccept || a.Do == im.ActRole && a.Role.In()
	if !brings || t.nick != "" {
		return t, nil
	}
	t.nick = s.srv.defaultNick(ctx, a.User, t.addr)
	if t.away, err = s.apart(ctx, a.User, t.addr); err != nil {
		return nil, err
	}
	if t.full = s.srv.mayHaveMore(ctx, a.User); t.full != nil && im.CodeOf(t.full) != im.CodeTooMany {
		return nil, t.full
	}
	return t, nil
}

// apart reports whether the user and another one have blocked each other, one way or
// the other.
func (s *session) apart(ctx context.Context, u im.UserID, addr im.Addr) (bool, error) {
	if u == s.user {
		return false, nil
	}
	blocked, err := s.srv.blocks.blocked(ctx, u, s.addr)
	if err != nil || blocked {
		return blocked, err
	}
	return s.srv.blocks.blocked(ctx, s.user, addr)
}

// act carries out one act that is allowed.
func (c *groupChange) act(a *im.Act, m im.Member, t *target) error {
	switch a.Do {
	case im.ActInvite:
		return c.invite(a, m, t)
	case im.ActAccept:
		if m.Role != im.RoleAsking {
			return im.Errorf(im.CodeNotFound, "he has not asked to join")
		}
		return c.bring(m, t, im.RoleMember)
	case im.ActRefuse:
		if m.Role != im.RoleAsking && m.Role != im.RoleInvited {
			return im.Errorf(im.CodeNotFound, "he has not asked to join, nor is he invited")
		}
		m.Role = im.RoleNone
		c.member(im.GroupRefused, m, a.Reason)
	case im.ActKick, im.ActEject:
		if a.Do == im.ActKick || m.Passing {
			m.Role = im.RoleNone
		}
		c.member(im.GroupKicked, m, a.Reason)
	case im.ActRole:
		return c.give(a, m, t)
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

// invite lets somebody join. Who is apart from the inviter is not invited, and neither
// of them learns anything of it.
func (c *groupChange) invite(a *im.Act, m im.Member, t *target) error {
	switch {
	case m.Role.In() && !m.Passing, m.Role == im.RoleInvited && m.By == c.user, t.away:
		return nil
	case m.Passing && c.Group.Join == im.JoinOpen: // no invitation makes a member there (XEP-0045 section 9.5)
		return nil
	case m.Role == im.RoleOutcast:
		return im.Errorf(im.CodeBanned, "he was banned from the group")
	case m.Role == im.RoleAsking && c.me.Role >= im.RoleAdmin, m.Passing: // he is there already: now he may stay
		return c.bring(m, t, im.RoleMember)
	case c.Count.Invited >= maxAsking:
		return im.Errorf(im.CodeTooMany, "too many invitations of this group wait for an answer")
	}
	m.Role, m.By, m.Note, m.Nick = im.RoleInvited, c.user, a.Reason, ""
	if nick, err := im.PrepareNick(a.Nick); err == nil {
		m.Nick = nick
	}
	c.member(im.GroupInvited, m, a.Reason)
	c.Log[len(c.Log)-1].Group.Direct = a.Direct
	return nil
}

// bring lets somebody in who does not come by himself.
func (c *groupChange) bring(m im.Member, t *target, role im.Role) error {
	if t.full != nil {
		return im.Errorf(im.CodeTooMany, "he is in as many groups as one may be")
	}
	nick := m.Nick
	if nick == "" {
		nick = t.nick
	}
	_, err := c.admit(m, nick, role)
	return err
}

// give sets a role.
func (c *groupChange) give(a *im.Act, m im.Member, t *target) error {
	if m.Role == a.Role && !m.Passing {
		return nil
	}
	was := m.Role
	switch {
	case a.Role == im.RoleOutcast:
		if !was.In() { // those who are in it never knew him
			m.Nick = ""
		}
		m.Role, m.By, m.Note, m.Voice, m.Passing = a.Role, c.user, a.Reason, im.VoiceByRole, false
		c.member(im.GroupBanned, m, a.Reason)
	case was == im.RoleOutcast && a.Role == im.RoleNone:
		m.Role = a.Role
		c.member(im.GroupUnbanned, m, a.Reason)
	case a.Role == im.RoleNone:
		c.takeRole(m, a.Reason)
	case !was.In() && t.away:
		return nil // as with an invitation
	case !was.In() || m.Passing:
		return c.bring(m, t, a.Role)
	default:
		m.Role = a.Role
		c.member(im.GroupRole, m, a.Reason)
	}
	return nil
}

// takeRole makes somebody nobody in particular: in an open group who is there by MUC
// may stay as a visitor.
func (c *groupChange) takeRole(m im.Member, reason string) {
	if c.Group.Join == im.JoinOpen && m.Role.In() && c.srv.entered(c.Group.ID, m.User) {
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
