package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callProfileSet(ctx context.Context, c *conn, op *cxxpb.ProfileSetCall) (*cxxpb.Reply, error) {
	if op.Profile == nil {
		return nil, im.Errorf(im.CodeInvalid, "the request holds no profile")
	}
	if op.Profile.LastSeen > uint32(im.ToEveryone) {
		return nil, im.Errorf(im.CodeInvalid, "last_seen %d is not one of 0 to %d", op.Profile.LastSeen, im.ToEveryone)
	}
	return done(c.session.ProfileSet(ctx, *proto.ProfileFromPB(op.Profile)))
}

// maxProfiles bounds what one request makes the zones read.
const maxProfiles = 200

func callProfiles(ctx context.Context, c *conn, op *cxxpb.ProfilesCall) (*cxxpb.Reply, error) {
	if len(op.Users) > maxProfiles {
		return nil, im.Errorf(im.CodeTooMany, "%d profiles in one request; ask for at most %d", len(op.Users), maxProfiles)
	}
	users := make([]im.UserID, len(op.Users))
	for i, u := range op.Users {
		users[i] = im.UserID(u)
	}
	list, err := c.session.ProfileGet(ctx, users)
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Profiles{Profiles: &cxxpb.ProfilesResult{
		Profiles: proto.Convert(list, proto.ProfileToPB),
	}}}, nil
}

func callResolve(ctx context.Context, c *conn, op *cxxpb.ResolveCall) (*cxxpb.Reply, error) {
	addr, err := im.ParseAddr(op.Addr)
	if err != nil {
		return nil, err
	}
	user, err := c.session.Resolve(ctx, addr.Bare())
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Resolve{Resolve: &cxxpb.ResolveResult{User: uint64(user)}}}, nil
}
