package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callGroupSync(ctx context.Context, c *conn, op *cxxpb.GroupSyncCall) (*cxxpb.Reply, error) {
	page, err := c.session.GroupSync(ctx, im.GroupID(op.Group), op.Cursor, int(op.Limit))
	if err != nil {
		return nil, err
	}
	entries := fit(proto.Convert(page.Entries, proto.TimelineEntryToPB), int(c.srv.cfg.MaxFrame), false)
	return &cxxpb.Reply{Result: &cxxpb.Reply_Sync{Sync: &cxxpb.SyncResult{Entries: entries, Head: page.Head}}}, nil
}

func callGroupHistory(ctx context.Context, c *conn, op *cxxpb.GroupHistoryCall) (*cxxpb.Reply, error) {
	newest := op.After == 0 || op.Before != 0
	const most = 200
	limit := int(op.Limit)
	if limit <= 0 || limit > most {
		limit = most
	}
	page, err := c.session.GroupArchive(ctx, im.GroupID(op.Group), im.ArchiveQuery{Before: op.Before, After: op.After, Newest: newest, Limit: limit})
	if err != nil {
		return nil, err
	}
	all := proto.Convert(page.Entries, proto.TimelineEntryToPB)
	some := fit(all, int(c.srv.cfg.MaxFrame), newest)
	return &cxxpb.Reply{Result: &cxxpb.Reply_History{History: &cxxpb.HistoryResult{Entries: some, More: page.More || len(some) < len(all)}}}, nil
}

func callGroupRead(ctx context.Context, c *conn, op *cxxpb.GroupReadCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupMarkRead(ctx, im.GroupID(op.Group), op.UpTo))
}

func callGroupReaders(ctx context.Context, c *conn, op *cxxpb.GroupReadersCall) (*cxxpb.Reply, error) {
	r, err := c.session.GroupReaders(ctx, im.GroupID(op.Group), op.Seq, int(min(op.Limit, 500)))
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Readers{Readers: &cxxpb.ReadersResult{
		Members: fit(proto.Convert(r.Members, proto.MemberToPB), int(c.srv.cfg.MaxFrame), false), Read: uint32(r.Read), Of: uint32(r.Of),
	}}}, nil
}

func callGroupRetract(ctx context.Context, c *conn, op *cxxpb.GroupRetractCall) (*cxxpb.Reply, error) {
	return done(c.session.GroupRetract(ctx, im.GroupID(op.Group), op.Seq, op.Reason))
}
