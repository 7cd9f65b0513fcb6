package acs

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// GroupList implements im.Groups.
func (s *session) GroupList(ctx context.Context) ([]im.GroupState, error) {
	if s.proto == im.ProtocolCXX {
		s.follows.Store(true) // before the list is read: what it has not got yet is noticed
	}
	list, err := s.srv.store.Memberships(ctx, s.user)
	if err != nil {
		return nil, s.srv.public("list groups", err)
	}
	of := make(map[im.GroupID]im.Membership, len(list))
	var all []im.GroupID
	for _, m := range list {
		of[m.Group] = m
		all = append(all, m.Group)
		if s.proto == im.ProtocolCXX && m.Role.In() {
			s.follow(ctx, m.Group, willRead)
		}
	}
	states, err := s.srv.store.GroupStates(ctx, s.user, all)
	if err != nil && im.CodeOf(err) != im.CodeZoneUnavailable {
		return nil, s.srv.public("list groups", err)
	}
	out := states[:0:0]
	if err != nil {
		out = away(states, list)
	}
	for i := range states {
		st := states[i]
		if st.Me.Role == im.RoleNone || st.Me.Role == im.RoleOutcast {
			continue // his own zone has not learnt it yet
		}
		st.Membership = of[st.Group.ID]
		out = append(out, s.shown(st))
	}
	return out, nil
}

// away is the groups that are not among those whose zones have answered.
func away(states []im.GroupState, list []im.Membership) (out []im.GroupState) {
	for _, m := range list {
		known := slices.ContainsFunc(states, func(st im.GroupState) bool { return st.Group.ID == m.Group })
		if known || m.Role == im.RoleOutcast {
			continue
		}
		out = append(out, im.GroupState{
			Group: im.Group{ID: m.Group, Addr: m.Addr, Title: m.Title}, Me: im.Member{User: m.User, Role: m.Role, Nick: m.Nick},
			Membership: m, Away: true,
		})
	}
	return out
}

// shown is a group's state as the user may see it.
func (s *session) shown(st im.GroupState) im.GroupState {
	s.srv.clock.Observe(st.HeadID)
	st.Group.Salt = nil
	st.Protected = st.Group.Password != ""
	if st.Me.Role < im.RoleOwner {
		st.Group.Password = ""
	}
	if !st.Me.Role.In() {
		st.Group = *brief(&st.Group)
		st.Unread, st.Mentions, st.Head, st.HeadID = 0, 0, 0, 0
	}
	return st
}

// GroupGet implements im.Groups.
func (s *session) GroupGet(ctx context.Context, g im.GroupID) (im.GroupState, error) {
	states, err := s.srv.store.GroupStates(ctx, s.user, []im.GroupID{g})
	if err != nil {
		return im.GroupState{}, s.srv.public("group", err)
	}
	none := im.Errorf(im.CodeNotFound, "there is no such group")
	if len(states) == 0 {
		return im.GroupState{}, none
	}
	st := states[0]
	open := (st.Group.Public || st.Group.Join != im.JoinInvite) && !st.Group.Locked && st.Me.Role != im.RoleOutcast
	if !open && st.Me.Role < im.RoleInvited {
		return im.GroupState{}, none
	}
	return s.shown(st), nil
}

// GroupFind implements im.Groups.
func (s *session) GroupFind(ctx context.Context, a im.Addr) (im.GroupState, error) {
	g, err := s.srv.store.GroupByAddr(ctx, a.Bare())
	if err != nil {
		return im.GroupState{}, s.srv.public("group", err)
	}
	return s.GroupGet(ctx, g.ID)
}

// GroupDirectory implements im.Groups.
func (s *session) GroupDirectory(ctx context.Context, after im.GroupID, limit int) (im.GroupDirectory, error) {
	limit = s.srv.pageLimit(limit)
	list, err := s.srv.store.PublicGroups(ctx, after, limit)
	if err != nil && (im.CodeOf(err) != im.CodeZoneUnavailable || len(list) == 0) {
		return im.GroupDirectory{}, s.srv.public("directory", err)
	}
	var out im.GroupDirectory
	for i := range list {
		out.Groups = append(out.Groups, *brief(&list[i]))
	}
	if len(list) == limit {
		out.Next = list[limit-1].ID
	}
	return out, nil
}

// standing reads a group and how the user stands to it; who is not in it gets an
// error.
func (s *session) standing(ctx context.Context, g im.GroupID) (im.Group, im.Member, error) {
	me, err := s.srv.store.Member(ctx, g, s.user)
	if err != nil {
		return im.Group{}, me, err
	}
	group, err := s.srv.store.GroupByID(ctx, g)
	if err == nil && !me.Role.In() {
		err = im.Errorf(im.CodeNotMember, "you are not in the group")
	}
	return group, me, err
}

// GroupMembers implements im.Groups.
func (s *session) GroupMembers(ctx context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, error) {
	group, me, err := s.standing(ctx, g)
	if err != nil {
		return nil, s.srv.public("members", err)
	}
	if !me.Within(group.ListMembers) {
		return nil, errNotAllowed("read the list of members")
	}
	everybody := q.Min == im.RoleNone && q.Max == im.RoleNone
	if everybody || !me.Admin() {
		q.Min = max(q.Min, im.RoleVisitor)
		if q.Max == 0 || q.Max < q.Min {
			q.Max = im.RoleOwner
		}
	}
	if q.Limit == 0 || q.Limit > maxMemberPage {
		q.Limit = maxMemberPage
	}
	q.ByNick = group.Hidden && !me.Admin()
	list, err := s.srv.store.MembersOf(ctx, g, q)
	if err != nil {
		return nil, s.srv.public("members", err)
	}
	return showMembers(&group, &me, list), nil
}

// maxMemberPage is how many members one page holds.
const maxMemberPage = 1000

// showMembers hides what me may not see of members.
func showMembers(g *im.Group, me *im.Member, list []im.Member) []im.Member {
	for i := range list {
		m := &list[i]
		if m.User == me.User {
			continue
		}
		m.ReadTo, m.From = 0, 0
		if g.Hidden && !me.Admin() {
			m.User, m.Addr, m.By, m.Note = 0, im.Addr{}, 0, ""
		}
	}
	return list
}

// GroupBook implements im.Groups.
func (s *session) GroupBook(ctx context.Context, g im.GroupID, pinned, silent bool) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	e, err := s.srv.store.Book(ctx, s.user, g, pinned, silent, func(m im.Membership) im.Entry {
		return im.Entry{MsgID: s.srv.clock.Next(), Kind: im.KindGroup, From: s.user, Peer: s.user, Group: &im.GroupEvent{What: im.GroupBooked, ID: g, Membership: &m}}
	})
	if err != nil {
		return s.srv.public("book group", err)
	}
	s.srv.Deliver(s.user, []im.Entry{e})
	return nil
}
