package xmpptest

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

const page = 200

// Send implements im.Messenger. done is called before it returns.
func (s *Core) Send(m im.Outgoing, done func(im.Ack, error)) { done(s.send(m)) }

func (s *Core) send(m im.Outgoing) (im.Ack, error) {
	if err := s.cell.enter("Send", true); err != nil {
		return im.Ack{}, err
	}
	defer s.cell.mu.Unlock()
	peer := s.cell.users[m.To]
	if peer == nil {
		return im.Ack{}, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	for _, e := range s.me.log {
		if e.ClientID == m.ClientID && !m.ClientID.IsZero() && e.From == s.User() {
			return im.Ack{MsgID: e.MsgID, Seq: e.Seq, Duplicate: true}, nil
		}
	}
	s.cell.last++
	e := im.Entry{
		MsgID: im.MakeMsgID(s.cell.Clock, int(s.cell.last), 1), Kind: im.KindMessage, From: s.User(),
		Peer: m.To, ClientID: m.ClientID, Text: m.Text, Ext: m.Ext,
	}
	if m.Note {
		e.Kind = im.KindNote
	}
	ack := im.Ack{MsgID: e.MsgID, Seq: s.cell.append(s.me, e)}
	if peer != s.me {
		e.Peer = s.User()
		s.cell.append(peer, e)
	}
	return ack, nil
}

// Sync implements im.Messenger.
func (s *Core) Sync(_ context.Context, cursor uint64, limit int) (im.SyncPage, error) {
	if err := s.cell.enter("Sync", false); err != nil {
		return im.SyncPage{}, err
	}
	defer s.cell.mu.Unlock()
	if limit <= 0 {
		limit = page
	}
	head := uint64(len(s.me.log))
	from := min(cursor, head)
	return im.SyncPage{Entries: slices.Clone(s.me.log[from:min(from+uint64(limit), head)]), Head: head}, nil
}

// Acknowledge implements im.Messenger.
func (s *Core) Acknowledge(cursor uint64) {
	s.cell.mu.Lock()
	defer s.cell.mu.Unlock()
	s.me.reached = max(s.me.reached, cursor)
}

// Delivered implements im.Messenger.
func (s *Core) Delivered(context.Context) (uint64, error) {
	if err := s.cell.enter("Delivered", false); err != nil {
		return 0, err
	}
	defer s.cell.mu.Unlock()
	return s.me.reached, nil
}

// History implements im.Messenger.
func (s *Core) History(ctx context.Context, q im.HistoryQuery) (im.HistoryPage, error) {
	p, err := s.Archive(ctx, im.ArchiveQuery{
		Kinds: []im.Kind{im.KindMessage}, Peer: q.Peer, After: q.After, Before: q.Before,
		Newest: q.After == 0 || q.Before != 0, Limit: q.Limit,
	})
	return im.HistoryPage{Entries: p.Entries, More: p.More}, err
}

// Archive implements im.Messenger.
func (s *Core) Archive(_ context.Context, q im.ArchiveQuery) (im.ArchivePage, error) {
	if err := s.cell.enter("Archive", false); err != nil {
		return im.ArchivePage{}, err
	}
	defer s.cell.mu.Unlock()
	if len(q.Kinds) == 0 {
		q.Kinds = []im.Kind{im.KindMessage, im.KindNote}
	}
	var out im.ArchivePage
	for _, e := range s.me.log {
		if !matches(e, q) {
			continue
		}
		if q.Count {
			out.Count++
		}
		if e.Seq > q.After && (q.Before == 0 || e.Seq < q.Before) {
			out.Entries = append(out.Entries, e)
		}
	}
	if n := len(out.Entries); n > q.Limit {
		out.More = true
		if q.Newest {
			out.Entries = out.Entries[n-q.Limit:]
		} else {
			out.Entries = out.Entries[:q.Limit]
		}
	}
	return out, nil
}

func matches(e im.Entry, q im.ArchiveQuery) bool {
	return slices.Contains(q.Kinds, e.Kind) &&
		(q.Peer == 0 || e.Peer == q.Peer) &&
		(q.From == 0 || e.MsgID >= q.From) && (q.To == 0 || e.MsgID <= q.To) &&
		(len(q.Seqs) == 0 || slices.Contains(q.Seqs, e.Seq))
}

// Conversations implements im.Messenger. It counts nothing.
func (s *Core) Conversations(_ context.Context, limit int) ([]im.Conversation, error) {
	if err := s.cell.enter("Conversations", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	var out []im.Conversation
	for _, e := range slices.Backward(s.me.log) {
		seen := slices.ContainsFunc(out, func(c im.Conversation) bool { return c.Peer == e.Peer })
		if e.Kind == im.KindMessage && !seen && (limit == 0 || len(out) < limit) {
			out = append(out, im.Conversation{Peer: e.Peer, Last: e})
		}
	}
	return out, nil
}

// MarkRead implements im.Messenger.
func (s *Core) MarkRead(_ context.Context, peer im.UserID, upTo im.MsgID, ext []byte) error {
	if err := s.cell.enter("MarkRead", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	e := im.Entry{Kind: im.KindRead, From: s.User(), Peer: peer, UpTo: upTo, Ext: ext}
	s.cell.append(s.me, e)
	if u := s.cell.users[peer]; u != nil && u != s.me {
		e.Peer = s.User()
		s.cell.append(u, e)
	}
	return nil
}

// MarkReadPrivately implements im.Messenger.
func (s *Core) MarkReadPrivately(_ context.Context, peer im.UserID, upTo im.MsgID) error {
	if err := s.cell.enter("MarkReadPrivately", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	s.cell.append(s.me, im.Entry{Kind: im.KindRead, From: s.User(), Peer: peer, UpTo: upTo})
	return nil
}

// Signal implements im.Messenger.
func (s *Core) Signal(x im.Signal) bool {
	s.cell.mu.Lock()
	defer s.cell.mu.Unlock()
	to := s.cell.users[x.To]
	if s.cell.Refuse || to == nil || matchesAny(to.blocks, s.addr) || matchesAny(s.me.blocks, to.account.Addr) {
		return false
	}
	there := slices.ContainsFunc(to.sessions, func(c *Core) bool { return x.Session == 0 || c.id == x.Session })
	if there {
		x.From = s.User()
		s.cell.signals = append(s.cell.signals, x)
	}
	return there
}
