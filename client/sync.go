package client

import (
	"context"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// syncLoop reads from the log what did not come by itself.
func (s *session) syncLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.c.in.behind:
		}
		for {
			after, must, ok := s.c.in.missing()
			if !ok {
				break
			}
			if !must && s.c.out.inFlight() > 0 {
				if sleep(ctx, patience) != nil {
					return
				}
				if now, _, still := s.c.in.missing(); !still || now != after {
					continue
				}
			}
			if err := s.syncPage(ctx); err != nil {
				s.c.in.unread(s.c.in.own)
				if errors.Is(err, errLinkDown) || sleep(ctx, syncRetry) != nil {
					return
				}
			}
		}
	}
}

func (s *session) syncPage(ctx context.Context) error {
	own := s.c.in.own
	after := s.c.in.reading(own)
	r, err := s.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: after}}})
	if im.CodeOf(err) == im.CodeRegressed {
		return s.regress(ctx)
	}
	if err != nil {
		return err
	}
	page := r.GetSync()
	if page == nil {
		return im.Errorf(im.CodeMalformed, "the answer to a sync holds no page")
	}
	entries := proto.EntriesFromPB(page.Entries, s.user)
	for i := range entries {
		s.notice(&entries[i])
	}
	s.c.in.page(own, entries, page.Head)
	return nil
}

// regress learns where an inbox ends that is shorter than it was.
func (s *session) regress(ctx context.Context) error {
	r, err := s.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Limit: 1}}})
	if err != nil {
		return err
	}
	s.c.in.regress(s.c.in.own, r.GetSync().GetHead())
	return nil
}

// notice looks at an entry of a log for what concerns the client itself: a name, or
// a message of the outbox that turns out to be committed.
func (s *session) notice(e *im.Entry) {
	if e.Contact != nil {
		s.c.names.put(e.Contact.User, e.Contact.Addr)
	}
	if e.Group != nil {
		s.c.names.noticeGroup(e.Group)
	}
	if e.Kind != im.KindMessage || e.From != s.user {
		return
	}
	if p := s.c.out.seen(e.ClientID, im.Ack{MsgID: e.MsgID, Seq: e.Seq, Duplicate: true}); p != nil {
		s.c.keep.remove(p.ClientID)
	}
}

// cursorLoop tells the server how far the application has come, many entries
// at a time.
func (s *session) cursorLoop(ctx context.Context) {
	var told uint64
	tell := func() {
		if seq := s.c.handled.Load(); seq > told {
			told = seq
			s.l.queue(cxxpb.FrameType_FRAME_CURSOR, &cxxpb.Cursor{Seq: seq})
		}
	}
	defer tell()
	tell()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.c.moved:
		}
		if sleep(ctx, cursorEvery) != nil {
			return
		}
		tell()
	}
}
