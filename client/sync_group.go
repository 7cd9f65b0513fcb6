package client

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	// groupReaders is how many timelines are read at once.
	groupReaders = 4
	// groupTail is Options.GroupTail when it is zero.
	groupTail = 200
)

// groupLoop asks for the user's groups, which starts the pushes, and reads from their
// timelines what did not come by itself.
func (s *session) groupLoop(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	for range groupReaders {
		readers.Go(func() { s.readGroups(ctx) })
	}
	for {
		err := s.listGroups(ctx)
		if err == nil || im.CodeOf(err) == im.CodeUnsupported || errors.Is(err, errLinkDown) {
			return
		}
		s.c.o.Log.Debug("groups could not be listed, will try again", "user", s.user, "err", err)
		if sleep(ctx, syncRetry) != nil {
			return
		}
	}
}

func (s *session) listGroups(ctx context.Context) error {
	list, err := s.c.allGroups(ctx, s.call)
	if err != nil {
		return err
	}
	s.c.mu.Lock()
	newcomer := s.c.newcomer
	s.c.newcomer = false
	s.c.mu.Unlock()
	known := slices.DeleteFunc(slices.Clone(list), func(st im.GroupState) bool { return st.Away })
	start := func(st *im.GroupState) uint64 { return s.c.o.groupStart(st, newcomer) }
	for _, c := range s.c.in.listedGroups(known, newcomer, start) {
		s.c.keep.group(c)
	}
	if n := len(list) - len(known); n > 0 {
		return im.Errorf(im.CodeZoneUnavailable, "%d groups cannot be reached now", n)
	}
	return nil
}

// groupStart says where a group begins that this device has not followed yet. One
// that is new gets the end of it, others what the user has not read too.
func (o *Options) groupStart(st *im.GroupState, newcomer bool) uint64 {
	tail := o.GroupTail
	if tail == 0 {
		tail = groupTail
	}
	low := st.Head - min(tail, st.Head)
	switch {
	case newcomer && o.SyncFrom == Latest:
		return st.Head
	case !newcomer:
		low = min(low, st.Me.ReadTo)
	}
	return max(st.Me.From, low)
}

// readGroups is one of the goroutines that read timelines.
func (s *session) readGroups(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.c.in.lagging:
		}
		for {
			g, ok := s.c.in.claim()
			if !ok {
				break
			}
			err := s.readGroup(ctx, g)
			s.c.in.release(g, shutOut(err))
			if err != nil && !shutOut(err) && (errors.Is(err, errLinkDown) || sleep(ctx, syncRetry) != nil) {
				poke(s.c.in.lagging) // for the next session
				return
			}
		}
	}
}

// shutOut reports whether an error says that the user is not in the group any more.
func shutOut(err error) bool {
	switch im.CodeOf(err) {
	case im.CodeNotMember, im.CodeBanned, im.CodeNotFound:
		return err != nil
	}
	return false
}

// readGroup reads a timeline to its end.
func (s *session) readGroup(ctx context.Context, g *stream) error {
	for s.c.in.groupLag(g) {
		after := s.c.in.reading(g)
		r, err := s.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{
			Group: uint64(g.group), Cursor: after,
		}}})
		if err == nil && r.GetSync() == nil {
			err = im.Errorf(im.CodeMalformed, "the answer to a sync of a group holds no page")
		}
		if err != nil {
			s.c.in.unread(g)
			return err
		}
		page := r.GetSync()
		if page.Head < after && len(page.Entries) == 0 {
			s.c.in.regress(g, page.Head)
			continue
		}
		entries := timeline(page.Entries)
		for i := range entries {
			s.notice(&entries[i])
		}
		s.c.in.page(g, entries, page.Head)
	}
	return nil
}

func timeline(in []*cxxpb.Entry) []im.Entry {
	return proto.Convert(in, func(p **cxxpb.Entry) im.Entry { return proto.TimelineEntryFromPB(*p) })
}

func (s *session) onPost(f proto.Frame) error {
	var p cxxpb.PostPush
	if err := decode(f, &p); err != nil || s.c.o.Quiet {
		return err
	}
	entries := timeline(p.Entries)
	for i := range entries {
		s.notice(&entries[i])
	}
	s.c.in.post(im.GroupID(p.Group), entries...)
	return nil
}

func (s *session) onMoved(f proto.Frame) error {
	var m cxxpb.Moved
	if err := decode(f, &m); err != nil || s.c.o.Quiet {
		return err
	}
	s.c.in.groupMoved(im.GroupID(m.Group), m.Head)
	return nil
}
