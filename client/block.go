package client

import (
	"context"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// BlockList returns the addresses that the user exchanges nothing with.
func (c *Client) BlockList(ctx context.Context) ([]im.Addr, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_BlockList{BlockList: &cxxpb.BlockListCall{}}})
	if err != nil {
		return nil, err
	}
	return proto.AddrsFromPB(r.GetBlockList().GetAddrs())
}

// Block puts addresses on the block list: of users, of single devices of theirs,
// or of whole domains. Nothing goes to them and nothing comes from them any more.
func (c *Client) Block(ctx context.Context, addrs ...im.Addr) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: proto.AddrsToPB(addrs)}}})
}

// Unblock takes addresses off the block list; none given: everybody.
func (c *Client) Unblock(ctx context.Context, addrs ...im.Addr) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{Addrs: proto.AddrsToPB(addrs)}}})
}

// BlockAddr reads what a person types to name whom to block: a name is taken in
// the domain of the account, and what begins with @ is a whole domain.
func (c *Client) BlockAddr(who string) (im.Addr, error) {
	if domain, ok := strings.CutPrefix(who, "@"); ok {
		return im.ParseAddr(domain)
	}
	if name, device, _ := strings.Cut(who, "/"); !strings.Contains(name, "@") {
		who = name + "@" + c.addr.Domain
		if device != "" {
			who += "/" + device
		}
	}
	return im.ParseAddr(who)
}
