package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callGroupAct(ctx context.Context, c *conn, op *cxxpb.GroupActCall) (*cxxpb.Reply, error) {
	if len(op.Acts) > maxGroupActs {
		return nil, im.Errorf(im.CodeTooMany, "%d acts at once; at most %d are taken", len(op.Acts), maxGroupActs)
	}
	acts := make([]im.Act, len(op.Acts))
	for i, a := range op.Acts {
		acts[i] = proto.ActFromPB(a)
	}
	return done(c.session.GroupAct(ctx, im.GroupID(op.Group), acts...))
}

func callGroupJoin(ctx context.Context, c *conn, op *cxxpb.GroupJoinCall) (*cxxpb.Reply, error) {
	me, err := c.session.GroupJoin(ctx, im.GroupID(op.Group), im.Joining{Nick: op.Nick, Note: op.Note, Password: op.Password})
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Member{Member: proto.MemberToPB(&me)}}, nil
}

func callGroupDecline(ctx context.Context, c *conn, op *cxxpb.GroupDeclineCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupDecline(ctx, im.GroupID(op.Group), op.Reason))
}

func callGroupLeave(ctx context.Context, c *conn, op *cxxpb.GroupLeaveCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupLeave(ctx, im.GroupID(op.Group), op.Reason))
}

func callGroupNick(ctx context.Context, c *conn, op *cxxpb.GroupNickCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupNick(ctx, im.GroupID(op.Group), op.Nick))
}

func callGroupMembers(ctx context.Context, c *conn, op *cxxpb.GroupMembersCall) (*cxxpb.Reply, error) {
	const most = 500
	limit := int(op.Limit)
	if limit <= 0 || limit > most {
		limit = most
	}
	q := im.MemberQuery{Min: im.Role(min(op.MinRole, uint32(im.RoleOwner))), Max: im.Role(min(op.MaxRole, uint32(im.RoleOwner))), After: im.UserID(op.After), AfterNick: op.AfterNick, Passing: true, Limit: limit}
	list, err := c.session.GroupMembers(ctx, im.GroupID(op.Group), q)
	if err != nil {
		return nil, err
	}
	some := fit(proto.Convert(list, proto.MemberToPB), int(c.srv.cfg.MaxFrame), false)
	return &cxxpb.Reply{Result: &cxxpb.Reply_Members{Members: &cxxpb.MembersResult{
		Members: some, More: len(list) == limit || len(some) < len(list),
	}}}, nil
}
