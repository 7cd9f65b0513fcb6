package client

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Groups returns the user's groups and those he is invited to, with their heads and
// what he has not read.
func (c *Client) Groups(ctx context.Context) ([]im.GroupState, error) {
	return c.allGroups(ctx, c.call)
}

// allGroups asks for the list of groups, page by page to its end.
func (c *Client) allGroups(ctx context.Context, ask func(context.Context, *cxxpb.Call) (*cxxpb.Reply, error)) (list []im.GroupState, err error) {
	for after := uint64(0); ; {
		r, err := ask(ctx, &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{After: after}}})
		if err != nil {
			return nil, err
		}
		page := r.GetGroups()
		list = append(list, proto.Convert(page.GetGroups(), func(p **cxxpb.GroupState) im.GroupState { return c.groupState(*p) })...)
		next := page.GetNext()
		if next == 0 {
			return list, nil
		}
		if next <= after {
			return nil, im.Errorf(im.CodeMalformed, "the list of groups goes on with %d after %d", next, after)
		}
		after = next
	}
}

func (c *Client) groupState(p *cxxpb.GroupState) im.GroupState {
	st := proto.GroupStateFromPB(p)
	c.names.putGroup(st.Group.ID, GroupLabel{st.Group.Addr, st.Group.Title})
	return st
}

// Group returns one group as the user may see it.
func (c *Client) Group(ctx context.Context, g im.GroupID) (im.GroupState, error) {
	return c.groupGet(ctx, &cxxpb.GroupGetCall{Group: uint64(g)})
}

func (c *Client) groupGet(ctx context.Context, ask *cxxpb.GroupGetCall) (im.GroupState, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupGet{GroupGet: ask}})
	return c.oneGroup(r, err)
}

func (c *Client) oneGroup(r *cxxpb.Reply, err error) (im.GroupState, error) {
	if err == nil && r.GetGroup().GetGroup() == nil {
		err = im.Errorf(im.CodeMalformed, "the answer holds no group")
	}
	if err != nil {
		return im.GroupState{}, err
	}
	return c.groupState(r.GetGroup()), nil
}

// Directory returns a page of the public groups; after is Next of the page before,
// zero for the first one.
func (c *Client) Directory(ctx context.Context, after im.GroupID, limit int) (im.GroupDirectory, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupDirectory{GroupDirectory: &cxxpb.GroupDirectoryCall{
		After: uint64(after), Limit: uint32(max(limit, 0)),
	}}})
	if err != nil {
		return im.GroupDirectory{}, err
	}
	d := r.GetDirectory()
	return im.GroupDirectory{
		Groups: proto.Convert(d.GetGroups(), func(p **cxxpb.Group) im.Group { return proto.GroupFromPB(*p) }),
		Next:   im.GroupID(d.GetNext()),
	}, nil
}

// GroupMembers returns a page of the members of a group, as the user may see them, and
// whether there are more: go on with q.Behind the last one. Of q Min, Max, After,
// AfterNick and Limit count; with no Min and no Max it is everybody who is in it.
func (c *Client) GroupMembers(ctx context.Context, g im.GroupID, q im.MemberQuery) (list []im.Member, more bool, err error) {
	if q.Min == 0 && q.Max == 0 {
		q.Min, q.Max = im.RoleVisitor, im.RoleOwner
	}
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupMembers{GroupMembers: &cxxpb.GroupMembersCall{
		Group: uint64(g), MinRole: uint32(q.Min), MaxRole: uint32(q.Max), After: uint64(q.After), AfterNick: q.AfterNick, Limit: uint32(max(q.Limit, 0)),
	}}})
	if err != nil {
		return nil, false, err
	}
	list = c.members(r.GetMembers().GetMembers())
	return list, r.GetMembers().GetMore(), nil
}

func (c *Client) members(in []*cxxpb.Member) []im.Member {
	list := proto.Convert(in, func(p **cxxpb.Member) im.Member { return proto.MemberFromPB(*p) })
	for i := range list {
		c.names.put(list[i].User, list[i].Addr)
	}
	return list
}

// GroupHistory returns messages of a group, in ascending seq; of q Before, After and
// Limit count, as in Client.History.
func (c *Client) GroupHistory(ctx context.Context, g im.GroupID, q im.HistoryQuery) (im.HistoryPage, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupHistory{GroupHistory: &cxxpb.GroupHistoryCall{
		Group: uint64(g), Before: q.Before, After: q.After, Limit: uint32(max(q.Limit, 0)),
	}}})
	if err != nil {
		return im.HistoryPage{}, err
	}
	h := r.GetHistory()
	return im.HistoryPage{Entries: timeline(h.GetEntries()), More: h.GetMore()}, nil
}

// GroupReaders says who has read a message of a group, and how many have.
func (c *Client) GroupReaders(ctx context.Context, g im.GroupID, seq uint64, limit int) (im.Readers, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupReaders{GroupReaders: &cxxpb.GroupReadersCall{
		Group: uint64(g), Seq: seq, Limit: uint32(max(limit, 0)),
	}}})
	if err != nil {
		return im.Readers{}, err
	}
	p := r.GetReaders()
	return im.Readers{Members: c.members(p.GetMembers()), Read: int(p.GetRead()), Of: int(p.GetOf())}, nil
}

// GroupAvatar returns the picture of a group; CodeNotFound: it has none.
func (c *Client) GroupAvatar(ctx context.Context, g im.GroupID) (im.Avatar, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupAvatar{GroupAvatar: &cxxpb.GroupAvatarCall{Group: uint64(g)}}})
	if err != nil {
		return im.Avatar{}, err
	}
	return im.Avatar{Type: r.GetAvatar().GetType(), Data: r.GetAvatar().GetData()}, nil
}

func userIDs(list []im.UserID) []uint64 {
	if len(list) == 0 {
		return nil
	}
	return proto.Convert(list, func(u *im.UserID) uint64 { return uint64(*u) })
}
