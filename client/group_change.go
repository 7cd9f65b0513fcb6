package client

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// What changes a group. The change reaches this client, as all others, by the group's
// timeline and the inboxes of those whom it concerns. Calls that would mean something
// else when they are made twice answer CodeUnknownOutcome when the connection ends
// before the answer.

// CreateGroup makes a group whose owner is the user, and invites others. Of g its
// settings count, and of Addr the local part: empty, the server finds one. An empty
// nick is chosen by the server.
func (c *Client) CreateGroup(ctx context.Context, g im.Group, nick string, invite ...im.UserID) (im.GroupState, error) {
	pb := proto.GroupToPB(&g)
	pb.Addr = g.Addr.Local
	return c.oneGroup(c.changeOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{
		Group: pb, Nick: nick, Invite: userIDs(invite),
	}}}))
}

func (c *Client) changeOnce(ctx context.Context, call *cxxpb.Call) (*cxxpb.Reply, error) {
	r, err := c.callOnce(ctx, call)
	return r, unknownWhenCut(err)
}

func (c *Client) doOnce(ctx context.Context, call *cxxpb.Call) error {
	_, err := c.changeOnce(ctx, call)
	return err
}

// ActInGroup does things to members, all of them or none.
func (c *Client) ActInGroup(ctx context.Context, g im.GroupID, acts ...im.Act) error {
	return c.doOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{
		Group: uint64(g), Acts: proto.Convert(acts, proto.ActToPB),
	}}})
}

// JoinGroup makes the user a member of a group that is open or has invited him. In
// one that lets in by approval he becomes RoleAsking, and how.Note goes to its admins.
// CodePasswordNeeded: the group has a password, and how.Password is not it.
func (c *Client) JoinGroup(ctx context.Context, g im.GroupID, how im.Joining) (im.Member, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{
		Group: uint64(g), Nick: how.Nick, Note: how.Note, Password: how.Password,
	}}})
	if err == nil && r.GetMember() == nil {
		err = im.Errorf(im.CodeMalformed, "the answer holds no member")
	}
	if err != nil {
		return im.Member{}, err
	}
	return proto.MemberFromPB(r.GetMember()), nil
}

// DeclineGroup answers an invitation with no.
func (c *Client) DeclineGroup(ctx context.Context, g im.GroupID, reason string) error {
	return c.doOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupDecline{GroupDecline: &cxxpb.GroupDeclineCall{Group: uint64(g), Reason: reason}}})
}

// LeaveGroup takes the user out of a group. The last owner of one with others in it
// gets CodeLastOwner: he has to hand it over before.
func (c *Client) LeaveGroup(ctx context.Context, g im.GroupID, reason string) error {
	return c.doOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: uint64(g), Reason: reason}}})
}

// DissolveGroup ends a group for everybody; alternate is the address of another one
// to go to, or empty.
func (c *Client) DissolveGroup(ctx context.Context, g im.GroupID, alternate, reason string) error {
	return c.doOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupDissolve{GroupDissolve: &cxxpb.GroupDissolveCall{
		Group: uint64(g), Alternate: alternate, Reason: reason,
	}}})
}

// MarkGroupRead says that the user has read a group up to a seq. It never goes back.
func (c *Client) MarkGroupRead(ctx context.Context, g im.GroupID, upTo uint64) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupRead{GroupRead: &cxxpb.GroupReadCall{Group: uint64(g), UpTo: upTo}}})
}

// RetractInGroup takes a message back: one's own, or as an admin anybody's.
func (c *Client) RetractInGroup(ctx context.Context, g im.GroupID, seq uint64, reason string) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupRetract{GroupRetract: &cxxpb.GroupRetractCall{
		Group: uint64(g), Seq: seq, Reason: reason,
	}}})
}

// SetNick sets what the user is called in a group.
func (c *Client) SetNick(ctx context.Context, g im.GroupID, nick string) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupNick{GroupNick: &cxxpb.GroupNickCall{Group: uint64(g), Nick: nick}}})
}

// BookGroup sets what the user's devices share about a group: to keep it on top, and
// to make no noise for it.
func (c *Client) BookGroup(ctx context.Context, g im.GroupID, pinned, silent bool) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupBook{GroupBook: &cxxpb.GroupBookCall{
		Group: uint64(g), Pinned: pinned, Silent: silent,
	}}})
}

// SetGroupAvatar sets the picture of a group; no Data takes it away.
func (c *Client) SetGroupAvatar(ctx context.Context, g im.GroupID, a im.Avatar) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupSetAvatar{GroupSetAvatar: &cxxpb.GroupSetAvatarCall{
		Group: uint64(g), Type: a.Type, Data: a.Data,
	}}})
}

// SignalGroup tells everybody who is there in a group that the user types or has
// stopped to; best effort, and in large groups nobody hears it.
func (c *Client) SignalGroup(g im.GroupID, kind im.SignalKind) {
	c.signal(&cxxpb.Signal{Group: uint64(g), Kind: uint32(kind)})
}
