package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// Send implements im.Messenger: check, commit, acknowledge, deliver.
func (s *session) Send(m im.Outgoing, done func(im.Ack, error)) {
	if err := s.maySend(m); err != nil {
		s.srv.metrics.refused.WithLabelValues(err.Code.String()).Inc()
		done(im.Ack{}, err)
		return
	}
	p := pendingSend{
		m:    im.Message{From: s.user, To: m.To, ClientID: m.ClientID, Text: m.Text, Ext: m.Ext},
		zone: s.srv.store.ZoneOf(m.To),
	}
	p.done = func(c im.Committed, err error) { s.sent(&p.m, c, err, done) }
	s.order.add(&p, s.srv.clock.Next, s.srv.store.AppendMessage)
}

func (s *session) maySend(m im.Outgoing) *im.Error {
	switch {
	case s.closed.Load():
		return im.Errorf(im.CodeBadState, "the session has ended")
	case !m.To.Valid():
		return im.Errorf(im.CodeNotFound, "the message names no recipient")
	case m.Text == "" && len(m.Ext) == 0:
		return im.Errorf(im.CodeInvalid, "the message is empty")
	case len(m.Text)+len(m.Ext) > int(s.srv.cfg.MaxBody):
		return im.Errorf(im.CodeTooLarge, "the message has %d bytes; at most %d are taken", len(m.Text)+len(m.Ext), int(s.srv.cfg.MaxBody))
	}
	return nil
}

// sent runs once for every message, on the storage's goroutine: nothing here
// may wait. The ack goes first, so that it never stands behind deliveries.
func (s *session) sent(m *im.Message, c im.Committed, err error, done func(im.Ack, error)) {
	if err != nil {
		s.srv.metrics.refused.WithLabelValues(im.CodeOf(err).String()).Inc()
		done(im.Ack{}, s.srv.public("send", err))
		return
	}
	s.srv.metrics.sent.Inc()
	// A repeat has the id of the first time, from another node's clock maybe.
	s.srv.clock.Observe(c.MsgID)
	out := &im.Entry{
		Seq: c.FromSeq, MsgID: c.MsgID, Kind: im.KindMessage, From: m.From, Peer: m.To,
		ClientID: m.ClientID, Text: m.Text, Ext: m.Ext,
	}
	done(im.Ack{MsgID: c.MsgID, Seq: c.FromSeq, Duplicate: c.Duplicate}, nil)
	s.srv.deliver(m.From, out, s)
	if m.To == m.From {
		return
	}
	in := *out
	in.Seq, in.Peer = c.ToSeq, m.From
	s.srv.deliver(m.To, &in, nil)
}

// deliver takes a committed entry to all sessions of its owner: those here,
// and one envelope for each other node that has any. origin, when it is one of
// them, has an ack and needs no push.
func (s *Server) deliver(owner im.UserID, e *im.Entry, origin *session) {
	for _, ss := range s.hub.of(owner) {
		ss.offer(e, ss == origin)
	}
	var few [4]im.NodeID
	for _, n := range nodesOf(s.table.of(owner), s.node.ID, few[:0]) {
		if s.mesh.Forward(n, im.Envelope{Deliver: &im.Deliver{User: owner, Entry: *e}}) {
			s.metrics.forwarded.Inc()
			continue
		}
		s.bells.ring(n, im.Bell{User: owner, Seq: e.Seq}, reasonLinkDown)
	}
	if s.peers.someUnlinked() {
		s.bells.seek(im.Bell{User: owner, Seq: e.Seq})
	}
}

// Deliver takes committed entries, in their order, to the sessions of their
// owner; package acs/auth calls it for what it has logged. It does not wait.
func (s *Server) Deliver(owner im.UserID, entries []im.Entry) {
	for i := range entries {
		s.deliver(owner, &entries[i], nil)
	}
}

// Sync implements im.Messenger.
func (s *session) Sync(ctx context.Context, cursor uint64, limit int) (im.SyncPage, error) {
	page, err := s.srv.store.Read(ctx, s.user, cursor, s.srv.pageLimit(limit))
	if err != nil {
		return im.SyncPage{}, s.srv.public("sync", err)
	}
	if cursor > page.Head {
		return im.SyncPage{}, im.Errorf(im.CodeRegressed, "the cursor %d is ahead of the inbox, which ends at %d: the server was restored from an older backup; sync again from 0", cursor, page.Head)
	}
	page.Entries = s.srv.clip(page.Entries)
	reached := cursor
	for i := range page.Entries {
		s.srv.clock.Observe(page.Entries[i].MsgID)
		reached = page.Entries[i].Seq
	}
	s.synced(reached, page.Head)
	return page, nil
}

func (s *Server) pageLimit(asked int) int {
	if asked <= 0 {
		return s.cfg.SyncPage
	}
	return min(asked, s.cfg.SyncPage)
}

// entryOverhead is a generous guess of what an entry takes beside its text.
const entryOverhead = 64

// clip cuts a page at the byte limit; at least one entry stays.
func (s *Server) clip(entries []im.Entry) []im.Entry {
	left := int(s.cfg.SyncPageBytes)
	for i := range entries {
		left -= len(entries[i].Text) + len(entries[i].Ext) + entryOverhead
		if left < 0 && i > 0 {
			return entries[:i]
		}
	}
	return entries
}

// Acknowledge implements im.Messenger.
func (s *session) Acknowledge(cursor uint64) {
	for {
		old := s.cursor.Load()
		if cursor <= old {
			return
		}
		if s.cursor.CompareAndSwap(old, cursor) {
			s.srv.cursors.put(im.DeviceCursor{User: s.user, Device: s.device, Seq: cursor})
			return
		}
	}
}

// History implements im.Messenger.
func (s *session) History(ctx context.Context, q im.HistoryQuery) (im.HistoryPage, error) {
	q.Limit = s.srv.pageLimit(q.Limit)
	page, err := s.srv.store.History(ctx, s.user, q)
	if err != nil {
		return im.HistoryPage{}, s.srv.public("history", err)
	}
	for i := range page.Entries {
		s.srv.clock.Observe(page.Entries[i].MsgID)
	}
	return s.srv.clipHistory(page, q), nil
}

// clipHistory keeps the end of the page that the next query goes on from.
func (s *Server) clipHistory(page im.HistoryPage, q im.HistoryQuery) im.HistoryPage {
	if q.After > 0 && q.Before == 0 {
		kept := s.clip(page.Entries)
		page.More = page.More || len(kept) < len(page.Entries)
		page.Entries = kept
		return page
	}
	left, first := int(s.cfg.SyncPageBytes), len(page.Entries)
	for first > 0 {
		e := &page.Entries[first-1]
		left -= len(e.Text) + len(e.Ext) + entryOverhead
		if left < 0 && first < len(page.Entries) {
			break
		}
		first--
	}
	page.More = page.More || first > 0
	page.Entries = page.Entries[first:]
	return page
}

// Conversations implements im.Messenger.
func (s *session) Conversations(ctx context.Context, limit int) ([]im.Conversation, error) {
	list, err := s.srv.store.Conversations(ctx, s.user, s.srv.pageLimit(limit))
	if err != nil {
		return nil, s.srv.public("conversations", err)
	}
	const preview = 256 // a list shows the beginning; the text itself is in the history
	for i := range list {
		s.srv.clock.Observe(list[i].Last.MsgID)
		list[i].Last.Text = firstBytes(list[i].Last.Text, preview)
		list[i].Last.Ext = nil
	}
	return list, nil
}

// firstBytes cuts text to at most n bytes without splitting a character.
func firstBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

// MarkRead implements im.Messenger.
func (s *session) MarkRead(ctx context.Context, peer im.UserID, upTo im.MsgID) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	mark := im.Entry{MsgID: s.srv.clock.Next(), Kind: im.KindRead, From: s.user, Peer: peer, UpTo: upTo}
	logged, err := s.srv.store.MarkRead(ctx, s.user, peer, upTo, mark)
	if err != nil {
		return s.srv.public("mark read", err)
	}
	if logged == nil {
		return nil
	}
	s.srv.deliver(s.user, logged, nil)
	if peer == s.user {
		return nil
	}
	mark.Peer, mark.UpTo = s.user, logged.UpTo
	theirs, err := s.srv.store.Append(ctx, peer, []im.Entry{mark})
	if err != nil {
		// The reader's own mark holds; the next one tells the peer all the same.
		s.srv.log.Debug("peer was not told of a read mark", "user", s.user, "err", err)
		return nil
	}
	s.srv.Deliver(peer, theirs)
	return nil
}

// Signal implements im.Messenger.
func (s *session) Signal(to im.UserID, kind im.SignalKind) {
	sig := im.Signal{From: s.user, To: to, Kind: kind}
	s.srv.signalLocal(sig)
	for _, n := range nodesOf(s.srv.table.of(to), s.srv.node.ID, nil) {
		if !s.srv.mesh.Forward(n, im.Envelope{Signal: &sig}) {
			s.srv.metrics.dropped.WithLabelValues(reasonLinkDown).Inc()
		}
	}
}

func (s *Server) signalLocal(sig im.Signal) {
	for _, ss := range s.hub.of(sig.To) {
		ss.sink.PushSignal(sig)
	}
}
