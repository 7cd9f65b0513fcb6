package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callContacts(ctx context.Context, c *conn, _ *cxxpb.ContactsCall) (*cxxpb.Reply, error) {
	list, err := c.session.ContactList(ctx)
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Contacts{Contacts: &cxxpb.ContactsResult{
		Contacts: proto.Convert(list, proto.ContactToPB),
	}}}, nil
}

func callContactAdd(ctx context.Context, c *conn, op *cxxpb.ContactAddCall) (*cxxpb.Reply, error) {
	return done(c.session.ContactAdd(ctx, im.UserID(op.User), op.Name, op.Groups, op.Note))
}

func callContactAnswer(ctx context.Context, c *conn, op *cxxpb.ContactAnswerCall) (*cxxpb.Reply, error) {
	return done(c.session.ContactAnswer(ctx, im.UserID(op.User), op.Accept))
}

func callContactRemove(ctx context.Context, c *conn, op *cxxpb.ContactRemoveCall) (*cxxpb.Reply, error) {
	return done(c.session.ContactRemove(ctx, im.UserID(op.User)))
}

func callContactUpdate(ctx context.Context, c *conn, op *cxxpb.ContactUpdateCall) (*cxxpb.Reply, error) {
	return done(c.session.ContactUpdate(ctx, im.UserID(op.User), op.Name, op.Groups))
}
