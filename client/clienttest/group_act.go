package clienttest

import (
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func (c *Conn) edit(g *group, op *cxxpb.GroupEditCall) *im.Error {
	if g.members[c.user.id].Role < im.RoleAdmin && !slices.Equal(op.Fields, []uint32{6}) {
		return im.Errorf(im.CodeForbidden, "you may not change settings in this group")
	}
	if slices.Contains(op.Fields, 6) && len(op.Fields) > 1 {
		return im.Errorf(im.CodeInvalid, "the subject is set by a request of its own")
	}
	from, what := proto.GroupFromPB(op.Group), im.GroupChanged
	for _, n := range op.Fields {
		switch n {
		case 3:
			g.Title = from.Title
		case 6:
			g.Subject, g.SubjectNick, what = from.Subject, g.members[c.user.id].Nick, im.GroupSubject
		case 9:
			g.Announcement = from.Announcement
		case 11:
			g.Join = from.Join
		case 12:
			g.Speak = from.Speak
		case 19:
			g.History = from.History
		case 20:
			g.Public = from.Public
		case 23:
			g.MutedUntil = from.MutedUntil
		}
	}
	shown := g.Group
	c.x.post(g, im.Entry{Kind: im.KindGroup, From: c.user.id, Group: &im.GroupEvent{
		What: what, ID: g.ID, Group: &shown, ByNick: g.members[c.user.id].Nick,
	}})
	return nil
}

func (c *Conn) actOn(g *group, me *im.Member, a im.Act) *im.Error {
	if a.Do == im.ActInvite {
		c.invite(g, a.User, a.Nick, a.Reason)
		return nil
	}
	m := g.members[a.User]
	switch {
	case me.Role < im.RoleAdmin:
		return im.Errorf(im.CodeForbidden, "you may not do this in this group")
	case m == nil && a.Do != im.ActRole:
		return im.Errorf(im.CodeNotFound, "he is not in the group")
	case m == nil:
		m = &im.Member{User: a.User, Addr: c.x.users[a.User].addr}
		g.members[a.User] = m
	}
	switch a.Do {
	case im.ActAccept:
		c.x.admit(g, c.x.users[a.User], m.Nick)
	case im.ActRefuse:
		c.x.remove(g, c.user, im.GroupRefused, m, im.RoleNone, a.Reason)
	case im.ActKick, im.ActEject:
		c.x.remove(g, c.user, im.GroupKicked, m, im.RoleNone, a.Reason)
	case im.ActRole:
		what := im.GroupRole
		if a.Role == im.RoleOutcast {
			what = im.GroupBanned
		}
		c.x.remove(g, c.user, what, m, a.Role, a.Reason)
	case im.ActMute:
		m.MutedUntil = im.Forever
		if a.Until > 0 {
			m.MutedUntil = time.UnixMilli(a.Until).UTC()
		}
		c.x.change(g, c.user, im.GroupVoice, m, a.Reason)
	case im.ActUnmute:
		m.MutedUntil = time.Time{}
		c.x.change(g, c.user, im.GroupVoice, m, a.Reason)
	case im.ActTransfer:
		me.Role, m.Role = im.RoleAdmin, im.RoleOwner
		c.x.change(g, c.user, im.GroupRole, m, a.Reason)
		c.x.change(g, c.user, im.GroupRole, me, a.Reason)
	}
	return nil
}
