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
		m: im.Message{
			From: s.user, To: m.To, Group: m.Group, Mentions: m.Mentions, All: m.All,
			ClientID: m.ClientID, Text: m.Text, Ext: m.Ext, Note: m.Note, Same: m.Same,
		},
		zone: s.srv.store.ZoneOf(m.To),
	}
	if m.Group != 0 {
		p.zone = s.srv.store.ZoneOf(m.Group.Log())
	}
	p.done = func(c im.Committed, err error) { s.sent(&p.m, c, err, done) }
	own, theirs, known := false, false, true // no block lists in groups
	if m.Group == 0 {
		own, theirs, known = s.shutOutNow(s.addr, m.To, im.Addr{})
	}
	if p.refused = refusal(own, theirs); !known {
		p.unsure = true
	}
	s.order.add(&p, s.srv.clock.Next, s.srv.store.AppendMessage)
	if known {
		return
	}
	if !s.srv.tasks.do(func(ctx context.Context) { s.settle(ctx, &p) }) {
		s.order.settle(&p, errGoingDown(), s.srv.store.AppendMessage)
	}
}

// settle reads the block lists that a send depends on.
func (s *session) settle(ctx context.Context, p *pendingSend) {
	ctx, cancel := context.WithTimeout(ctx, blocksPatience)
	defer cancel()
	own, theirs, err := s.shutOut(ctx, s.addr, p.m.To, im.Addr{})
	if im.CodeOf(err) == im.CodeUnknownOutcome { // nothing was stored: that much is known
		err = &im.Error{Code: im.CodeRetryLater, Detail: "the storage did not answer in time; nothing was sent", Err: err}
	}
	if err == nil {
		err = refusal(own, theirs)
	}
	s.order.settle(p, err, s.srv.store.AppendMessage)
}

// refusal is the error of a message across a block.
func refusal(own, theirs bool) error {
	switch {
	case own:
		return errOwnBlock()
	case theirs:
		return errBlocked()
	}
	return nil
}

func errGoingDown() *im.Error { return im.Errorf(im.CodeGoAway, "the server is shutting down") }

// maxMentions is how many users a message may mention by name.
const maxMentions = 50

func (s *session) maySend(m im.Outgoing) *im.Error {
	switch {
	case s.closed.Load():
		return im.Errorf(im.CodeBadState, "the session has ended")
	case m.Group != 0 && (!m.Group.Valid() || m.To != 0):
		return im.Errorf(im.CodeNotFound, "the message names no group, or a recipient beside it")
	case m.Group == 0 && !m.To.Valid():
		return im.Errorf(im.CodeNotFound, "the message names no recipient")
	case len(m.Mentions) > maxMentions:
		return im.Errorf(im.CodeTooMany, "the message mentions %d users; at most %d are taken", len(m.Mentions), maxMentions)
	case m.Note && m.Text != "":
		return im.Errorf(im.CodeInvalid, "a note has no text")
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
	if m.Note {
		out.Kind = im.KindNote
	}
	done(im.Ack{MsgID: c.MsgID, Seq: c.FromSeq, Duplicate: c.Duplicate}, nil)
	if m.Group != 0 {
		out.Post = &im.Post{Nick: c.Nick, Mentions: m.Mentions, All: m.All}
		if !c.Duplicate {
			s.srv.posted(m.Group, []im.Entry{*out})
		}
		return
	}
	if m.To == m.From {
		s.srv.deliver(m.From, out, s.unlessXMPP())
		return
	}
	s.srv.deliver(m.From, out, s)
	in := *out
	in.Seq, in.Peer = c.ToSeq, m.From
	s.srv.deliver(m.To, &in, nil)
}

// unlessXMPP is the session that an ack is enough for when its user writes to
// himself; nil for XMPP, whose client gets the message back like all others (RFC
// 6121 section 8.5.2.1.1), in its place among what comes from elsewhere.
func (s *session) unlessXMPP() *session {
	if s.proto == im.ProtocolXMPP {
		return nil
	}
	return s
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
	kept := s.clipFront(page.Entries)
	page.More = page.More || len(kept) < len(page.Entries)
	page.Entries = kept
	return page
}

// clipFront is clip for a page whose end is wanted.
func (s *Server) clipFront(entries []im.Entry) []im.Entry {
	left, first := int(s.cfg.SyncPageBytes), len(entries)
	for first > 0 {
		e := &entries[first-1]
		left -= len(e.Text) + len(e.Ext) + entryOverhead
		if left < 0 && first < len(entries) {
			break
		}
		first--
	}
	return entries[first:]
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

// MarkRead implements im.Messenger. Across a block the mark is the reader's own
// affair. The peer is told also when the reader's own mark stands there already:
// it may have come there privately.
func (s *session) MarkRead(ctx context.Context, peer im.UserID, upTo im.MsgID, ext []byte) error {
	mark := im.Entry{MsgID: s.srv.clock.Next(), Kind: im.KindRead, From: s.user, Peer: peer, UpTo: upTo, Ext: ext}
	at, err := s.markOwn(ctx, mark)
	if err != nil || at == 0 || peer == s.user || !peer.Valid() {
		return err
	}
	mark.Peer, mark.UpTo = s.user, at
	if err := s.tellRead(ctx, peer, mark); err != nil {
		// The reader's own mark holds; the next one tells the peer all the same.
		s.srv.log.Debug("peer was not told of a read mark", "user", s.user, "err", err)
	}
	return nil
}

// MarkReadPrivately implements im.Messenger.
func (s *session) MarkReadPrivately(ctx context.Context, peer im.UserID, upTo im.MsgID) error {
	_, err := s.markOwn(ctx, im.Entry{MsgID: s.srv.clock.Next(), Kind: im.KindRead, From: s.user, Peer: peer, UpTo: upTo})
	return err
}

// markOwn moves the session's user's own mark and returns up to where he has read
// then, as far as mark goes.
func (s *session) markOwn(ctx context.Context, mark im.Entry) (at im.MsgID, err error) {
	if len(mark.Ext) > maxExt {
		return 0, im.Errorf(im.CodeTooLarge, "the read mark has %d bytes of extensions; at most %d are taken", len(mark.Ext), maxExt)
	}
	if err := s.pace(ctx); err != nil {
		return 0, err
	}
	logged, at, err := s.srv.store.MarkRead(ctx, s.user, mark.Peer, mark.UpTo, mark)
	if err != nil {
		return 0, s.srv.public("mark read", err)
	}
	if logged != nil {
		s.srv.deliver(s.user, logged, nil)
	}
	return at, nil
}

func (s *session) tellRead(ctx context.Context, peer im.UserID, mark im.Entry) error {
	own, theirs, err := s.shutOut(ctx, s.addr, peer, im.Addr{})
	if err != nil || own || theirs {
		return err
	}
	logged, err := s.srv.store.Append(ctx, peer, []im.Entry{mark})
	if err != nil {
		return err
	}
	s.srv.Deliver(peer, logged)
	return nil
}
