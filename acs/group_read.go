package acs

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// reader is how far somebody may read a timeline.
type reader struct {
	group im.Group
	me    im.Member
}

// mayRead looks, after a page was read, whether the user might: what was committed
// before he was removed is all that he can have got then.
func (s *session) mayRead(ctx context.Context, g im.GroupID) (reader, error) {
	var r reader
	var err error
	if r.me, err = s.srv.store.Member(ctx, g, s.user); err != nil {
		return r, err
	}
	if r.group, err = s.srv.store.GroupByID(ctx, g); err != nil {
		return r, err
	}
	public := r.group.Join == im.JoinOpen && r.group.History && r.group.Password == "" && !r.group.Locked
	// One whom nobody has forgotten when his node ended is not there any more.
	ghost := r.me.Passing && !s.srv.entered(g, s.user)
	switch {
	case r.me.Role.In() && !ghost:
	case r.me.Role == im.RoleOutcast:
		return r, im.Errorf(im.CodeBanned, "you were banned from the group")
	case !public:
		return r, im.Errorf(im.CodeNotMember, "you are not in the group")
	}
	return r, nil
}

// show cuts and masks entries for a reader.
func (r *reader) show(s *session, entries []im.Entry) []im.Entry {
	out := slices.DeleteFunc(entries, func(e im.Entry) bool { return e.Seq <= r.me.From })
	for i := range out {
		e := &out[i]
		s.srv.clock.Observe(e.MsgID)
		if hides(&r.group, e, s.user) && !r.me.Admin() {
			*e = maskEntry(&r.group, e, s.user)
		} else {
			*e = signed(&r.group, *e)
		}
	}
	return out
}

// private reports whether an event concerns only those who keep order.
func private(ev *im.GroupEvent) bool {
	switch ev.What {
	case im.GroupInvited, im.GroupDeclined, im.GroupAsked, im.GroupRefused, im.GroupUnbanned:
		return true
	case im.GroupBanned: // of somebody who never was there nobody knows
		return ev.Member != nil && ev.Member.Nick == ""
	}
	return false
}

// GroupSync implements im.Groups.
func (s *session) GroupSync(ctx context.Context, g im.GroupID, cursor uint64, limit int) (im.SyncPage, error) {
	page, err := s.srv.store.Read(ctx, g.Log(), cursor, s.srv.pageLimit(limit))
	if err != nil {
		return im.SyncPage{}, s.srv.public("sync group", err)
	}
	r, err := s.mayRead(ctx, g)
	if err != nil {
		return im.SyncPage{}, s.srv.public("sync group", err)
	}
	if r.me.From > cursor { // start where he may
		if page, err = s.srv.store.Read(ctx, g.Log(), r.me.From, s.srv.pageLimit(limit)); err != nil {
			return im.SyncPage{}, s.srv.public("sync group", err)
		}
		if r, err = s.mayRead(ctx, g); err != nil {
			return im.SyncPage{}, s.srv.public("sync group", err)
		}
	}
	page.Entries = r.show(s, s.srv.clip(page.Entries))
	reached := max(cursor, r.me.From)
	if n := len(page.Entries); n > 0 {
		reached = page.Entries[n-1].Seq
	}
	s.srv.caughtUp(s, g, reached)
	return page, nil
}

// GroupArchive implements im.Groups.
func (s *session) GroupArchive(ctx context.Context, g im.GroupID, q im.ArchiveQuery) (im.ArchivePage, error) {
	before, err := s.mayRead(ctx, g)
	if err != nil {
		return im.ArchivePage{}, s.srv.public("archive of group", err)
	}
	q.Floor, q.Peer = before.me.From, 0
	page, err := s.srv.store.Archive(ctx, g.Log(), q)
	if err != nil {
		return im.ArchivePage{}, s.srv.public("archive of group", err)
	}
	r, err := s.mayRead(ctx, g)
	if err != nil {
		return im.ArchivePage{}, s.srv.public("archive of group", err)
	}
	page.Entries = r.show(s, page.Entries)
	return page, nil
}

// GroupMarkRead implements im.Groups.
func (s *session) GroupMarkRead(ctx context.Context, g im.GroupID, upTo uint64) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	at, moved, err := s.srv.store.MarkGroupRead(ctx, g, s.user, upTo)
	if err != nil {
		return s.srv.public("mark group read", err)
	}
	if !moved {
		return nil
	}
	logged, err := s.srv.store.Append(ctx, s.user, []im.Entry{{
		MsgID: s.srv.clock.Next(), Kind: im.KindGroupRead, From: s.user, Peer: g.Log(), UpTo: im.MsgID(at),
	}})
	if err != nil {
		return s.srv.public("mark group read", err)
	}
	s.srv.Deliver(s.user, logged)
	s.signalGroup(im.Signal{Group: g, Kind: im.SignalRead, UpTo: at})
	return nil
}

// GroupReaders implements im.Groups.
func (s *session) GroupReaders(ctx context.Context, g im.GroupID, seq uint64, limit int) (im.Readers, error) {
	group, me, err := s.standing(ctx, g)
	if err != nil {
		return im.Readers{}, s.srv.public("readers", err)
	}
	page, err := s.srv.store.Archive(ctx, g.Log(), im.ArchiveQuery{Seqs: []uint64{seq}, Limit: 1})
	if err != nil {
		return im.Readers{}, s.srv.public("readers", err)
	}
	if len(page.Entries) == 0 || seq <= me.From {
		return im.Readers{}, im.Errorf(im.CodeNotFound, "there is no message %d in the group", seq)
	}
	out, err := s.srv.store.GroupReaders(ctx, g, seq, page.Entries[0].From, min(max(limit, 0), maxMemberPage))
	if err != nil {
		return im.Readers{}, s.srv.public("readers", err)
	}
	out.Members = showMembers(&group, &me, out.Members)
	return out, nil
}
