package clienttest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// groupCall answers what concerns groups.
func (c *Conn) groupCall(m *cxxpb.Call) (*cxxpb.Reply, *im.Error) {
	r, x := &cxxpb.Reply{}, c.x
	switch op := m.Op.(type) {
	case *cxxpb.Call_Groups:
		c.follow = true
		r.Result = &cxxpb.Reply_Groups{Groups: c.listGroups(op.Groups.After)}
	case *cxxpb.Call_GroupGet:
		for _, g := range x.rooms {
			if uint64(g.ID) == op.GroupGet.Group || g.Addr.String() == op.GroupGet.Addr {
				r.Result = &cxxpb.Reply_Group{Group: c.state(g)}
				return r, nil
			}
		}
		return nil, im.Errorf(im.CodeNotFound, "there is no such group")
	case *cxxpb.Call_GroupCreate:
		return c.createGroup(op.GroupCreate)
	case *cxxpb.Call_GroupJoin:
		return c.join(op.GroupJoin)
	case *cxxpb.Call_GroupDirectory:
		list := &cxxpb.DirectoryResult{}
		for _, g := range x.rooms {
			if g.Public {
				list.Groups = append(list.Groups, proto.GroupToPB(&g.Group))
			}
		}
		r.Result = &cxxpb.Reply_Directory{Directory: list}
	default:
		return c.memberCall(m)
	}
	return r, nil
}

// listGroups is the page of the user's groups behind one of them, by id.
func (c *Conn) listGroups(after uint64) *cxxpb.GroupsResult {
	list := &cxxpb.GroupsResult{}
	for _, g := range slices.SortedFunc(maps.Values(c.x.rooms), func(a, b *group) int { return cmp.Compare(a.ID, b.ID) }) {
		m := g.members[c.user.id]
		if m == nil || m.Role == im.RoleOutcast || uint64(g.ID) <= after {
			continue
		}
		if n := len(list.Groups); c.x.GroupPage > 0 && n == c.x.GroupPage {
			list.Next = list.Groups[n-1].Group.Id
			break
		}
		if g.ID == c.x.Lost {
			lost := im.GroupState{Group: im.Group{ID: g.ID, Addr: g.Addr}, Me: im.Member{Role: m.Role}, Away: true}
			list.Groups = append(list.Groups, proto.GroupStateToPB(&lost))
			continue
		}
		list.Groups = append(list.Groups, c.state(g))
	}
	return list
}

func (c *Conn) state(g *group) *cxxpb.GroupState {
	st := im.GroupState{Group: g.Group, Membership: c.user.booked[g.ID], Head: uint64(len(g.timeline))}
	for _, m := range g.members {
		if m.Role.In() {
			st.Members++
		}
	}
	me := g.members[c.user.id]
	if me == nil {
		return proto.GroupStateToPB(&st)
	}
	st.Me = *me
	for _, e := range g.timeline {
		if e.Kind != im.KindMessage || e.From == c.user.id || e.Seq <= max(me.ReadTo, me.From) {
			continue
		}
		st.Unread++
		if e.Post.All || slices.Contains(e.Post.Mentions, c.user.id) {
			st.Mentions++
		}
	}
	return proto.GroupStateToPB(&st)
}

func (c *Conn) createGroup(op *cxxpb.GroupCreateCall) (*cxxpb.Reply, *im.Error) {
	settings := proto.GroupFromPB(op.Group)
	settings.Addr = im.Addr{Local: op.Group.Addr}
	for _, g := range c.x.rooms {
		if g.Addr.Local == settings.Addr.Local {
			return nil, im.Errorf(im.CodeNameTaken, "the name is taken")
		}
	}
	g := c.x.makeGroup(settings, c.user, op.Nick)
	for _, u := range op.Invite {
		c.invite(g, im.UserID(u), "", "")
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Group{Group: c.state(g)}}, nil
}

func (c *Conn) invite(g *group, u im.UserID, nick, reason string) {
	m := &im.Member{User: u, Addr: c.x.users[u].addr, Role: im.RoleInvited, Nick: nick, By: c.user.id}
	g.members[u] = m
	c.x.change(g, c.user, im.GroupInvited, m, reason)
}

func (c *Conn) join(op *cxxpb.GroupJoinCall) (*cxxpb.Reply, *im.Error) {
	g := c.x.rooms[im.GroupID(op.Group)]
	if g == nil {
		return nil, im.Errorf(im.CodeNotFound, "there is no such group")
	}
	m := g.members[c.user.id]
	switch {
	case m != nil && m.Role == im.RoleOutcast:
		return nil, im.Errorf(im.CodeBanned, "you were banned from the group")
	case m != nil && m.Role.In():
	case g.Join == im.JoinOpen, m != nil && m.Role == im.RoleInvited:
		m = c.x.admit(g, c.user, op.Nick)
	case g.Join == im.JoinInvite:
		return nil, im.Errorf(im.CodeMembersOnly, "one comes into this group by an invitation")
	default:
		m = &im.Member{User: c.user.id, Addr: c.user.addr, Role: im.RoleAsking, Note: op.Note}
		g.members[m.User] = m
		c.x.change(g, c.user, im.GroupAsked, m, op.Note)
		c.tellOwner(g, m, op.Note)
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Member{Member: proto.MemberToPB(m)}}, nil
}

// tellOwner lets the owner know who asks to be let in.
func (c *Conn) tellOwner(g *group, m *im.Member, note string) {
	shown, at := *m, c.x.users[g.Creator].booked[g.ID]
	at.Version = uint64(len(g.timeline))
	ev := &im.GroupEvent{What: im.GroupAsked, ID: g.ID, Member: &shown, Reason: note, Membership: &at}
	c.x.log(c.x.users[g.Creator], im.Entry{Kind: im.KindGroup, From: m.User, Peer: g.Creator, Group: ev}, nil)
}
