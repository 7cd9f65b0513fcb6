package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callBlockList(ctx context.Context, c *conn, _ *cxxpb.BlockListCall) (*cxxpb.Reply, error) {
	list, err := c.session.BlockList(ctx)
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_BlockList{BlockList: &cxxpb.BlockListResult{Addrs: proto.AddrsToPB(list)}}}, nil
}

func callBlock(ctx context.Context, c *conn, op *cxxpb.BlockCall) (*cxxpb.Reply, error) {
	addrs, err := blockAddrs(op.Addrs)
	if err != nil {
		return nil, err
	}
	return done(c.session.Block(ctx, addrs))
}

func callUnblock(ctx context.Context, c *conn, op *cxxpb.UnblockCall) (*cxxpb.Reply, error) {
	addrs, err := blockAddrs(op.Addrs)
	if err != nil {
		return nil, err
	}
	return done(c.session.Unblock(ctx, addrs))
}

// maxBlockAddrs bounds what one request changes.
const maxBlockAddrs = 200

func blockAddrs(list []string) ([]im.Addr, error) {
	if len(list) > maxBlockAddrs {
		return nil, im.Errorf(im.CodeTooMany, "%d addresses in one request; send at most %d", len(list), maxBlockAddrs)
	}
	return proto.AddrsFromPB(list)
}
