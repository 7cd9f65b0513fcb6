package edge

import (
	"cmp"
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Most of repeated fields in requests about groups.
const (
	maxInvited   = 200
	maxGroupActs = 100
)

// PushPost implements im.Sink. A client that does not keep up is told once how far
// the timeline has come; the core pushes no more of it until it has synced.
func (s *sink) PushPost(p *im.GroupPush) bool {
	data := p.Encoded("cxx", func() []byte { return proto.AppendPost(nil, p.Group.ID, p.Entry) })
	c := s.c
	wake, taken, told := c.out.pushPost(int(c.srv.cfg.SoftOutbound), p.Group.ID, p.Entry.Seq, data)
	if wake {
		c.tr.wake()
	}
	switch {
	case taken:
		c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_POST)
	case told:
		c.srv.metrics.syncRequired.Inc()
		c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_MOVED)
	}
	return taken
}

// PushMoved implements im.Sink. It is never dropped: the core may push nothing of
// the group before the client has synced it.
func (s *sink) PushMoved(g im.GroupID, head uint64) {
	wake, told := s.c.out.pushMoved(g, head)
	if wake {
		s.c.tr.wake()
	}
	if told {
		s.c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_MOVED)
	}
}

// PushOccupant implements im.Sink; occupants are for XMPP clients.
func (s *sink) PushOccupant(*im.OccupantChange) bool { return true }

func callGroups(ctx context.Context, c *conn, op *cxxpb.GroupsCall) (*cxxpb.Reply, error) {
	list, err := c.session.GroupList(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s im.GroupState) bool { return uint64(s.Group.ID) <= op.After })
	slices.SortFunc(list, func(a, b im.GroupState) int { return cmp.Compare(a.Group.ID, b.Group.ID) })
	all := proto.Convert(list, proto.GroupStateToPB)
	out := &cxxpb.GroupsResult{Groups: fit(all, int(c.srv.cfg.MaxFrame), false)}
	if n := len(out.Groups); n < len(all) {
		out.Next = out.Groups[n-1].Group.Id
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Groups{Groups: out}}, nil
}

func callGroupGet(ctx context.Context, c *conn, op *cxxpb.GroupGetCall) (*cxxpb.Reply, error) {
	if op.Group != 0 {
		return groupReply(c.session.GroupGet(ctx, im.GroupID(op.Group)))
	}
	addr, err := im.ParseAddr(op.Addr)
	if err != nil {
		return nil, im.Errorf(im.CodeInvalid, "the address %q of a group cannot be read: %v", clip(op.Addr, 64), err)
	}
	return groupReply(c.session.GroupFind(ctx, addr))
}

func groupReply(s im.GroupState, err error) (*cxxpb.Reply, error) {
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Group{Group: proto.GroupStateToPB(&s)}}, nil
}

func callGroupCreate(ctx context.Context, c *conn, op *cxxpb.GroupCreateCall) (*cxxpb.Reply, error) {
	if len(op.Invite) > maxInvited {
		return nil, im.Errorf(im.CodeTooMany, "%d users are invited at once; at most %d can be", len(op.Invite), maxInvited)
	}
	g := im.Group{}
	if op.Group != nil {
		g = proto.GroupFromPB(op.Group)
		if g.Addr.Local == "" { // a name alone is no address with a local part
			g.Addr = im.Addr{Local: op.Group.Addr}
		}
	}
	g.Locked = false
	made, err := c.session.GroupCreate(ctx, g, im.Member{Nick: op.Nick}, proto.UserIDs(op.Invite))
	if err != nil {
		return nil, err
	}
	return groupReply(c.session.GroupGet(ctx, made.ID))
}

// settings says how a field of a Group is set, by its number.
var settings = map[uint32]func(to, from *im.Group){
	3:  func(to, from *im.Group) { to.Title = from.Title },
	4:  func(to, from *im.Group) { to.About = from.About },
	5:  func(to, from *im.Group) { to.Lang = from.Lang },
	9:  func(to, from *im.Group) { to.Announcement = from.Announcement },
	11: func(to, from *im.Group) { to.Join = from.Join },
	12: func(to, from *im.Group) { to.Speak = from.Speak },
	13: func(to, from *im.Group) { to.Invite = from.Invite },
	14: func(to, from *im.Group) { to.Topic = from.Topic },
	15: func(to, from *im.Group) { to.MentionAll = from.MentionAll },
	16: func(to, from *im.Group) { to.Private = from.Private },
	17: func(to, from *im.Group) { to.ListMembers = from.ListMembers },
	18: func(to, from *im.Group) { to.Hidden = from.Hidden },
	19: func(to, from *im.Group) { to.History = from.History },
	20: func(to, from *im.Group) { to.Public = from.Public },
	21: func(to, from *im.Group) { to.Temporary = from.Temporary },
	23: func(to, from *im.Group) { to.MutedUntil = from.MutedUntil },
	24: func(to, from *im.Group) { to.MaxMembers = from.MaxMembers },
	25: func(to, from *im.Group) { to.KeepDays = from.KeepDays },
}

// subjectField is the number of Group.subject, which is no setting: it is set by a
// request of its own, so that a request is carried out as a whole or not at all.
const subjectField = 6

func callGroupEdit(ctx context.Context, c *conn, op *cxxpb.GroupEditCall) (*cxxpb.Reply, error) {
	if op.Group == nil {
		return nil, im.Errorf(im.CodeInvalid, "the request has no group")
	}
	from := proto.GroupFromPB(op.Group)
	if slices.Equal(op.Fields, []uint32{subjectField}) {
		return done(c.session.GroupSubject(ctx, from.ID, from.Subject))
	}
	if err := checkFields(op.Fields); err != nil {
		return nil, err
	}
	return done(c.session.GroupEdit(ctx, from.ID, func(to *im.Group) error {
		for _, n := range op.Fields {
			settings[n](to, &from)
		}
		return nil
	}))
}

func checkFields(fields []uint32) error {
	if len(fields) > len(settings) {
		return im.Errorf(im.CodeTooMany, "%d fields are set at once; a group has %d", len(fields), len(settings))
	}
	for _, n := range fields {
		switch {
		case n == subjectField:
			return im.Errorf(im.CodeInvalid, "field %d of a group, the subject, is set by a request of its own", n)
		case settings[n] == nil:
			return im.Errorf(im.CodeInvalid, "field %d of a group cannot be set", n)
		}
	}
	return nil
}

func callGroupDissolve(ctx context.Context, c *conn, op *cxxpb.GroupDissolveCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupDissolve(ctx, im.GroupID(op.Group), op.Alternate, op.Reason))
}

func callGroupBook(ctx context.Context, c *conn, op *cxxpb.GroupBookCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupBook(ctx, im.GroupID(op.Group), op.Pinned, op.Silent))
}

func callGroupAvatar(ctx context.Context, c *conn, op *cxxpb.GroupAvatarCall) (*cxxpb.Reply, error) {
	a, err := c.session.GroupAvatar(ctx, im.GroupID(op.Group))
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Avatar{Avatar: &cxxpb.AvatarResult{Type: a.Type, Data: a.Data}}}, nil
}

func callGroupSetAvatar(ctx context.Context, c *conn, op *cxxpb.GroupSetAvatarCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupSetAvatar(ctx, im.GroupID(op.Group), im.Avatar{Type: op.Type, Data: op.Data}))
}

func callGroupDirectory(ctx context.Context, c *conn, op *cxxpb.GroupDirectoryCall) (*cxxpb.Reply, error) {
	d, err := c.session.GroupDirectory(ctx, im.GroupID(op.After), int(op.Limit))
	if err != nil {
		return nil, err
	}
	all := proto.Convert(d.Groups, proto.GroupToPB)
	out := &cxxpb.DirectoryResult{Groups: fit(all, int(c.srv.cfg.MaxFrame), false), Next: uint64(d.Next)}
	if n := len(out.Groups); n < len(all) {
		out.Next = out.Groups[n-1].Id
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Directory{Directory: out}}, nil
}
