package proto

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// GroupToPB renders a group.
func GroupToPB(g *im.Group) *cxxpb.Group {
	return &cxxpb.Group{
		Id: uint64(g.ID), Addr: g.Addr.String(), Title: g.Title, About: g.About, Lang: g.Lang,
		Subject: g.Subject, SubjectNick: g.SubjectNick, SubjectAtMs: Millis(g.SubjectAt), Announcement: g.Announcement, Avatar: g.AvatarHash,
		Join: uint32(g.Join), Speak: uint32(g.Speak), Invite: uint32(g.Invite), Topic: uint32(g.Topic), MentionAll: uint32(g.MentionAll),
		Private: uint32(g.Private), List: uint32(g.ListMembers), Hidden: g.Hidden, History: g.History, Public: g.Public,
		Temporary: g.Temporary, Locked: g.Locked, MutedUntilMs: Millis(g.MutedUntil), MaxMembers: uint32(g.MaxMembers),
		KeepDays: uint32(g.KeepDays), CreatedMs: Millis(g.Created), Creator: uint64(g.Creator),
	}
}

// GroupFromPB is the reverse of GroupToPB; an address that does not parse is left
// empty.
func GroupFromPB(p *cxxpb.Group) im.Group {
	addr, _ := im.ParseAddr(p.Addr)
	return im.Group{
		ID: im.GroupID(p.Id), Addr: addr, Title: p.Title, About: p.About, Lang: p.Lang,
		Subject: p.Subject, SubjectNick: p.SubjectNick, SubjectAt: Time(p.SubjectAtMs), Announcement: p.Announcement, AvatarHash: p.Avatar,
		Join: im.JoinRule(narrow(p.Join)), Speak: im.Who(narrow(p.Speak)), Invite: im.Who(narrow(p.Invite)), Topic: im.Who(narrow(p.Topic)),
		MentionAll: im.Who(narrow(p.MentionAll)), Private: im.Who(narrow(p.Private)), ListMembers: im.Who(narrow(p.List)),
		Hidden: p.Hidden, History: p.History, Public: p.Public, Temporary: p.Temporary, Locked: p.Locked,
		MutedUntil: Time(p.MutedUntilMs), MaxMembers: int(int32(p.MaxMembers)), KeepDays: int(int32(p.KeepDays)),
		Created: Time(p.CreatedMs), Creator: im.UserID(p.Creator),
	}
}

// narrow keeps a number that is too large for a small one from becoming another.
func narrow(n uint32) uint8 { return uint8(min(n, 255)) }

// MemberToPB renders a member.
func MemberToPB(m *im.Member) *cxxpb.Member {
	p := &cxxpb.Member{
		User: uint64(m.User), Role: uint32(m.Role), Voice: uint32(m.Voice), MutedUntilMs: Millis(m.MutedUntil), Nick: m.Nick,
		Passing: m.Passing, From: m.From, JoinedMs: Millis(m.Joined), ReadTo: m.ReadTo, By: uint64(m.By), Note: m.Note,
	}
	if !m.Addr.IsZero() {
		p.Addr = m.Addr.String()
	}
	return p
}

// MemberFromPB is the reverse of MemberToPB.
func MemberFromPB(p *cxxpb.Member) im.Member {
	addr, _ := im.ParseAddr(p.Addr)
	return im.Member{
		User: im.UserID(p.User), Addr: addr, Role: im.Role(narrow(p.Role)), Voice: im.Voice(narrow(p.Voice)), MutedUntil: Time(p.MutedUntilMs),
		Nick: p.Nick, Passing: p.Passing, From: p.From, Joined: Time(p.JoinedMs), ReadTo: p.ReadTo, By: im.UserID(p.By), Note: p.Note,
	}
}

// MembershipToPB renders how a user stands to a group, for himself.
func MembershipToPB(m *im.Membership) *cxxpb.Membership {
	return &cxxpb.Membership{
		Group: uint64(m.Group), Addr: m.Addr.String(), Title: m.Title, Role: uint32(m.Role), Nick: m.Nick,
		Version: m.Version, Pinned: m.Pinned, Silent: m.Silent,
	}
}

// MembershipFromPB is the reverse of MembershipToPB.
func MembershipFromPB(p *cxxpb.Membership) im.Membership {
	addr, _ := im.ParseAddr(p.Addr)
	return im.Membership{
		Group: im.GroupID(p.Group), Addr: addr, Title: p.Title, Role: im.Role(narrow(p.Role)), Nick: p.Nick,
		Version: p.Version, Pinned: p.Pinned, Silent: p.Silent,
	}
}

// GroupStateToPB renders how a group stands.
func GroupStateToPB(s *im.GroupState) *cxxpb.GroupState {
	return &cxxpb.GroupState{
		Group: GroupToPB(&s.Group), Me: MemberToPB(&s.Me), Head: s.Head, HeadId: uint64(s.HeadID),
		Unread: uint32(s.Unread), Mentions: uint32(s.Mentions), Members: uint32(s.Members), Membership: MembershipToPB(&s.Membership),
		Away: s.Away,
	}
}

// GroupStateFromPB is the reverse of GroupStateToPB.
func GroupStateFromPB(p *cxxpb.GroupState) im.GroupState {
	s := im.GroupState{Head: p.Head, HeadID: im.MsgID(p.HeadId), Unread: int(p.Unread), Mentions: int(p.Mentions), Members: int(p.Members), Away: p.Away}
	if p.Group != nil {
		s.Group = GroupFromPB(p.Group)
	}
	if p.Me != nil {
		s.Me = MemberFromPB(p.Me)
	}
	if p.Membership != nil {
		s.Membership = MembershipFromPB(p.Membership)
	}
	return s
}

// GroupEventToPB renders a change of a group.
func GroupEventToPB(e *im.GroupEvent) *cxxpb.GroupEvent {
	p := &cxxpb.GroupEvent{
		What: uint32(e.What), Id: uint64(e.ID), WasNick: e.WasNick, ByNick: e.ByNick, Reason: e.Reason, Ref: e.Ref, Alternate: e.Alternate,
	}
	if e.Group != nil {
		p.Group = GroupToPB(e.Group)
	}
	if e.Member != nil {
		p.Member = MemberToPB(e.Member)
	}
	if e.Membership != nil {
		p.Membership = MembershipToPB(e.Membership)
	}
	return p
}

// GroupEventFromPB is the reverse of GroupEventToPB.
func GroupEventFromPB(p *cxxpb.GroupEvent) *im.GroupEvent {
	e := &im.GroupEvent{
		What: im.GroupVerb(narrow(p.What)), ID: im.GroupID(p.Id), WasNick: p.WasNick, ByNick: p.ByNick, Reason: p.Reason, Ref: p.Ref, Alternate: p.Alternate,
	}
	if p.Group != nil {
		g := GroupFromPB(p.Group)
		e.Group = &g
	}
	if p.Member != nil {
		m := MemberFromPB(p.Member)
		e.Member = &m
	}
	if p.Membership != nil {
		m := MembershipFromPB(p.Membership)
		e.Membership = &m
	}
	return e
}

// PostToPB renders what a message in a timeline has beside the rest.
func PostToPB(p *im.Post) *cxxpb.Post {
	return &cxxpb.Post{
		Nick: p.Nick, Occupant: p.Occupant, Mentions: Convert(p.Mentions, func(u *im.UserID) uint64 { return uint64(*u) }),
		All: p.All, Retracted: p.Retracted,
	}
}

// PostFromPB is the reverse of PostToPB.
func PostFromPB(p *cxxpb.Post) *im.Post {
	return &im.Post{
		Nick: p.Nick, Occupant: p.Occupant, Mentions: UserIDs(p.Mentions), All: p.All, Retracted: p.Retracted,
	}
}

// UserIDs converts ids of users; none gives nil.
func UserIDs(list []uint64) []im.UserID {
	if len(list) == 0 {
		return nil
	}
	return Convert(list, func(u *uint64) im.UserID { return im.UserID(*u) })
}

// ActFromPB reads what shall be done to a member.
func ActFromPB(p *cxxpb.Act) im.Act {
	return im.Act{
		Do: im.ActVerb(narrow(p.Verb)), User: im.UserID(p.User), Role: im.Role(narrow(p.Role)),
		Until: int64(min(p.UntilMs, 1<<62)), Nick: p.Nick, Reason: p.Reason,
	}
}

// ActToPB is the reverse of ActFromPB.
func ActToPB(a *im.Act) *cxxpb.Act {
	return &cxxpb.Act{Verb: uint32(a.Do), User: uint64(a.User), Role: uint32(a.Role), UntilMs: uint64(a.Until), Nick: a.Nick, Reason: a.Reason}
}

// TimelineEntryToPB renders an entry of a timeline, the same for everybody who may
// see it: its sender is told by from, or in a hidden group by his occupant id only.
func TimelineEntryToPB(e *im.Entry) *cxxpb.Entry {
	p := EntryToPB(e, 0)
	p.Peer, p.From = 0, uint64(e.From)
	if !e.ClientID.IsZero() {
		p.ClientId = e.ClientID[:]
	}
	return p
}

// TimelineEntryFromPB is the reverse of TimelineEntryToPB.
func TimelineEntryFromPB(p *cxxpb.Entry) im.Entry {
	e := EntryFromPB(p, 0)
	e.Peer = 0
	return e
}

// AppendPost appends a push of one entry of a timeline.
func AppendPost(dst []byte, g im.GroupID, e *im.Entry) []byte {
	return AppendFrame(dst, cxxpb.FrameType_FRAME_POST, 0, &cxxpb.PostPush{Group: uint64(g), Entries: []*cxxpb.Entry{TimelineEntryToPB(e)}})
}
