package clienttest

import (
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// memberCall answers what only members may ask.
func (c *Conn) memberCall(m *cxxpb.Call) (*cxxpb.Reply, *im.Error) {
	switch op := m.Op.(type) {
	case *cxxpb.Call_GroupSync:
		return c.withGroup(op.GroupSync.Group, func(g *group, me *im.Member, r *cxxpb.Reply) *im.Error {
			after := max(op.GroupSync.Cursor, me.From)
			res := &cxxpb.SyncResult{Head: uint64(len(g.timeline))}
			for _, e := range g.timeline[min(after, res.Head):] {
				if len(res.Entries) < page {
					res.Entries = append(res.Entries, proto.TimelineEntryToPB(&e))
				}
			}
			r.Result = &cxxpb.Reply_Sync{Sync: res}
			return nil
		})
	case *cxxpb.Call_GroupHistory:
		return c.withGroup(op.GroupHistory.Group, func(g *group, me *im.Member, r *cxxpb.Reply) *im.Error {
			r.Result = &cxxpb.Reply_History{History: g.history(me, op.GroupHistory)}
			return nil
		})
	case *cxxpb.Call_GroupMembers:
		return c.withGroup(op.GroupMembers.Group, func(g *group, _ *im.Member, r *cxxpb.Reply) *im.Error {
			list := &cxxpb.MembersResult{}
			for _, m := range g.members {
				if uint32(m.Role) >= op.GroupMembers.MinRole && uint32(m.Role) <= max(op.GroupMembers.MaxRole, op.GroupMembers.MinRole) {
					list.Members = append(list.Members, proto.MemberToPB(m))
				}
			}
			slices.SortFunc(list.Members, func(a, b *cxxpb.Member) int { return int(int64(a.User) - int64(b.User)) })
			r.Result = &cxxpb.Reply_Members{Members: list}
			return nil
		})
	case *cxxpb.Call_GroupReaders:
		return c.withGroup(op.GroupReaders.Group, func(g *group, me *im.Member, r *cxxpb.Reply) *im.Error {
			e, err := g.at(op.GroupReaders.Seq)
			if err != nil {
				return err
			}
			list := &cxxpb.ReadersResult{}
			for _, m := range g.members {
				if m.User == e.From || !m.Role.In() {
					continue
				}
				if list.Of++; m.ReadTo >= op.GroupReaders.Seq {
					list.Read++
					list.Members = append(list.Members, proto.MemberToPB(m))
				}
			}
			r.Result = &cxxpb.Reply_Readers{Readers: list}
			return nil
		})
	case *cxxpb.Call_GroupEdit:
		return c.withGroup(op.GroupEdit.Group.GetId(), func(g *group, _ *im.Member, _ *cxxpb.Reply) *im.Error {
			return c.edit(g, op.GroupEdit)
		})
	case *cxxpb.Call_GroupAct:
		return c.withGroup(op.GroupAct.Group, func(g *group, me *im.Member, _ *cxxpb.Reply) *im.Error {
			for _, a := range op.GroupAct.Acts {
				if e := c.actOn(g, me, proto.ActFromPB(a)); e != nil {
					return e
				}
			}
			return nil
		})
	}
	return c.ownCall(m)
}

// ownCall answers what a member does for himself.
func (c *Conn) ownCall(m *cxxpb.Call) (*cxxpb.Reply, *im.Error) {
	x := c.x
	switch op := m.Op.(type) {
	case *cxxpb.Call_GroupLeave:
		return c.withGroup(op.GroupLeave.Group, func(g *group, me *im.Member, _ *cxxpb.Reply) *im.Error {
			if me.Role == im.RoleOwner && len(g.members) > 1 {
				return im.Errorf(im.CodeLastOwner, "you are the last owner; hand the group over before you leave")
			}
			x.remove(g, c.user, im.GroupLeft, me, im.RoleNone, op.GroupLeave.Reason)
			return nil
		})
	case *cxxpb.Call_GroupDecline:
		g := x.rooms[im.GroupID(op.GroupDecline.Group)]
		if g == nil || g.members[c.user.id] == nil || g.members[c.user.id].Role != im.RoleInvited {
			return nil, im.Errorf(im.CodeNotFound, "you are not invited to this group")
		}
		x.remove(g, c.user, im.GroupDeclined, g.members[c.user.id], im.RoleNone, op.GroupDecline.Reason)
	case *cxxpb.Call_GroupDissolve:
		return c.withGroup(op.GroupDissolve.Group, func(g *group, _ *im.Member, _ *cxxpb.Reply) *im.Error {
			for _, m := range g.members {
				x.remove(g, c.user, im.GroupDissolved, m, im.RoleNone, op.GroupDissolve.Reason)
			}
			delete(x.rooms, g.ID)
			return nil
		})
	case *cxxpb.Call_GroupRead:
		return c.withGroup(op.GroupRead.Group, func(g *group, me *im.Member, _ *cxxpb.Reply) *im.Error {
			if op.GroupRead.UpTo > me.ReadTo {
				me.ReadTo = op.GroupRead.UpTo
				x.log(c.user, im.Entry{Kind: im.KindGroupRead, From: c.user.id, Peer: g.ID.Log(), UpTo: im.MsgID(me.ReadTo)}, nil)
				c.signalPost(g, &cxxpb.Signal{Kind: uint32(im.SignalRead), UpTo: me.ReadTo})
			}
			return nil
		})
	case *cxxpb.Call_GroupRetract:
		return c.withGroup(op.GroupRetract.Group, func(g *group, me *im.Member, _ *cxxpb.Reply) *im.Error {
			e, err := g.at(op.GroupRetract.Seq)
			if err != nil {
				return err
			}
			if e.From != c.user.id && !me.Admin() {
				return im.Errorf(im.CodeForbidden, "you may not take back what others have written in this group")
			}
			e.Text, e.Post = "", &im.Post{Nick: e.Post.Nick, Retracted: true}
			x.post(g, im.Entry{Kind: im.KindGroup, From: c.user.id, Group: &im.GroupEvent{
				What: im.GroupRetracted, ID: g.ID, Ref: e.Seq, ByNick: me.Nick, Reason: op.GroupRetract.Reason,
			}})
			return nil
		})
	case *cxxpb.Call_GroupNick:
		return c.withGroup(op.GroupNick.Group, func(g *group, me *im.Member, _ *cxxpb.Reply) *im.Error {
			for _, m := range g.members {
				if m != me && m.Nick == op.GroupNick.Nick {
					return im.Errorf(im.CodeNickTaken, "somebody in the group has this nickname")
				}
			}
			me.Nick = op.GroupNick.Nick
			x.change(g, c.user, im.GroupNick, me, "")
			return nil
		})
	case *cxxpb.Call_GroupBook:
		at := c.user.booked[im.GroupID(op.GroupBook.Group)]
		at.Pinned, at.Silent = op.GroupBook.Pinned, op.GroupBook.Silent
		c.user.booked[at.Group] = at
		x.log(c.user, im.Entry{Kind: im.KindGroup, From: c.user.id, Peer: c.user.id, Group: &im.GroupEvent{What: im.GroupBooked, ID: at.Group, Membership: &at}}, nil)
	}
	return &cxxpb.Reply{}, nil
}

// withGroup runs f for a member of a group.
func (c *Conn) withGroup(id uint64, f func(g *group, me *im.Member, r *cxxpb.Reply) *im.Error) (*cxxpb.Reply, *im.Error) {
	g := c.x.rooms[im.GroupID(id)]
	switch {
	case g == nil:
		return nil, im.Errorf(im.CodeNotFound, "there is no such group")
	case !g.in(c.user.id):
		return nil, im.Errorf(im.CodeNotMember, "you are not in the group")
	}
	r := &cxxpb.Reply{}
	if e := f(g, g.members[c.user.id], r); e != nil {
		return nil, e
	}
	return r, nil
}

func (g *group) history(me *im.Member, q *cxxpb.GroupHistoryCall) *cxxpb.HistoryResult {
	var all []*cxxpb.Entry
	for _, e := range g.timeline {
		if e.Kind == im.KindMessage && e.Seq > max(q.After, me.From) && (q.Before == 0 || e.Seq < q.Before) {
			all = append(all, proto.TimelineEntryToPB(&e))
		}
	}
	limit := int(q.Limit)
	if limit == 0 || limit > page {
		limit = page
	}
	more := len(all) > limit
	if more && q.After > 0 && q.Before == 0 {
		all = all[:limit]
	} else if more {
		all = all[len(all)-limit:]
	}
	return &cxxpb.HistoryResult{Entries: all, More: more}
}
