package shard

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// mark is the read state of one conversation of one user.
type mark struct {
	upTo   im.MsgID // the owner's own mark
	below  uint64   // every incoming message up to this seq is read: where counting may begin
	peerTo im.MsgID // the peer's mark
	known  bool
}

func readMark(ctx context.Context, q schema.Queryer, owner, peer im.UserID) (m mark, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		m.known = true
		return rows.Scan(&m.upTo, &m.below, &m.peerTo)
	}, "SELECT up_to, read_below, peer_up_to FROM read_mark WHERE owner_id = ? AND peer_id = ?", int64(owner), int64(peer))
	return m, err
}

func (t *txn) writeMark(owner, peer im.UserID, m mark) error {
	query := "INSERT INTO read_mark (up_to, read_below, peer_up_to, owner_id, peer_id) VALUES (?, ?, ?, ?, ?)"
	if m.known {
		query = "UPDATE read_mark SET up_to = ?, read_below = ?, peer_up_to = ? WHERE owner_id = ? AND peer_id = ?"
	}
	_, err := t.exec(query, int64(m.upTo), int64(m.below), int64(m.peerTo), int64(owner), int64(peer))
	return err
}

// markPeer remembers how far peer has read, with owner's conversation. moved is
// false when that was known.
func (t *txn) markPeer(owner, peer im.UserID, upTo im.MsgID) (moved bool, err error) {
	m, err := readMark(t.ctx, t, owner, peer)
	if err != nil || upTo <= m.peerTo {
		return false, err
	}
	m.peerTo = upTo
	return true, t.writeMark(owner, peer, m)
}

// MarkRead moves the mark of (u, peer) forward; see acs.InboxStore.
func (s *Store) MarkRead(ctx context.Context, u, peer im.UserID, upTo im.MsgID, e im.Entry) (logged *im.Entry, at im.MsgID, err error) {
	err = s.do(ctx, u, func(t *txn) error {
		logged, at = nil, 0
		if t.head(uint64(u)) == nil {
			return unknownUser(u)
		}
		m, err := readMark(ctx, t, u, peer)
		at = min(upTo, m.upTo)
		if err != nil || upTo <= m.upTo {
			return err
		}
		newest, err := t.newestUnread(u, peer, m, upTo)
		if err != nil || newest == 0 {
			return err
		}
		m.upTo, e.UpTo, at = newest, newest, newest
		if m.below, err = t.readBelow(u, peer, m); err != nil {
			return err
		}
		if err := t.writeMark(u, peer, m); err != nil {
			return err
		}
		one := []im.Entry{e}
		if err := t.append(u, one); err != nil {
			return err
		}
		logged = &one[0]
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return logged, at, nil
}

// unreadAbove selects incoming messages that a mark leaves unread; the table
// stands before it.
const unreadAbove = " WHERE user_id = ? AND conv_id = ? AND seq > ? AND msg_id > ? AND from_id <> ?"

func (m mark) unreadArgs(u, peer im.UserID) []any {
	return []any{int64(u), convID(peer), int64(m.below), int64(m.upTo), int64(u)}
}

// newestUnread returns the latest id of an unread incoming message that is not
// above upTo; zero: there is none. A mark moves from message to message: one
// that is ahead of them would swallow what comes later, and one with nothing
// new below it would only fill the peer's log.
func (t *txn) newestUnread(u, peer im.UserID, m mark, upTo im.MsgID) (im.MsgID, error) {
	upTo = min(upTo, math.MaxInt64)
	n, err := number(t.ctx, t, "SELECT COALESCE(MAX(msg_id), 0) FROM "+t.byConversation+unreadAbove+" AND msg_id <= ?",
		append(m.unreadArgs(u, peer), int64(upTo))...)
	return im.MsgID(n), err
}

// readBelow finds the place up to which nothing is unread, so that later counts
// do not look at the whole conversation.
func (t *txn) readBelow(u, peer im.UserID, m mark) (uint64, error) {
	first, err := number(t.ctx, t, "SELECT COALESCE(MIN(seq), 0) FROM "+t.byConversation+unreadAbove, m.unreadArgs(u, peer)...)
	if err != nil {
		return 0, err
	}
	if first > 0 {
		return uint64(first) - 1, nil
	}
	last, err := number(t.ctx, t, "SELECT COALESCE(MAX(seq), 0) FROM "+t.byConversation+" WHERE user_id = ? AND conv_id = ?", int64(u), convID(peer))
	return max(m.below, uint64(last)), err
}

// MaxUnread is where counting ends: a conversation shows at most so many
// unread messages.
const MaxUnread = 1000

// Conversations lists the newest first; see acs.InboxStore.
func (s *Store) Conversations(ctx context.Context, u im.UserID, limit int) (out []im.Conversation, err error) {
	table := s.zone(u).byConversation()
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		last, err := lastMessages(ctx, q, table, u, limit)
		if err != nil {
			return err
		}
		out = make([]im.Conversation, 0, len(last))
		for _, e := range last {
			c, err := summary(ctx, q, table, u, e)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// lastMessages hops through the index from peer to peer, which costs one look
// per conversation however long they are; notes lie beyond. (As one recursive query it took 30
// times longer in MariaDB.)
func lastMessages(ctx context.Context, q schema.Queryer, table string, u im.UserID, limit int) ([]im.Entry, error) {
	var newest []uint64
	query := "SELECT COALESCE(MIN(conv_id), 0), COALESCE(MAX(seq), 0) FROM " + table +
		" WHERE user_id = ? AND conv_id = (SELECT MIN(conv_id) FROM " + table + " WHERE user_id = ? AND conv_id > ? AND conv_id < ?)"
	for peer := int64(0); ; {
		var seq uint64
		err := scanAll(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&peer, &seq) }, query, int64(u), int64(u), peer, int64(schema.NoteBit))
		if err != nil {
			return nil, err
		}
		if peer == 0 {
			break
		}
		newest = append(newest, seq)
	}
	slices.SortFunc(newest, func(a, b uint64) int { return cmp.Compare(b, a) })
	newest = newest[:min(max(limit, 0), len(newest))]
	if len(newest) == 0 {
		return nil, nil
	}
	var out []im.Entry
	err := scanAll(ctx, q, func(rows *sql.Rows) error {
		var e im.Entry
		err := scanEntry(rows, &e)
		out = append(out, e)
		return err
	}, "SELECT "+entryColumns+" FROM inbox WHERE user_id = "+u.String()+" AND seq IN ("+idList(newest)+") ORDER BY seq DESC")
	return out, err
}

func summary(ctx context.Context, q schema.Queryer, table string, u im.UserID, last im.Entry) (im.Conversation, error) {
	c := im.Conversation{Peer: last.Peer, Last: last}
	m, err := readMark(ctx, q, u, last.Peer)
	if err != nil {
		return c, err
	}
	c.ReadTo, c.PeerTo = m.upTo, m.peerTo
	if m.below >= last.Seq {
		return c, nil
	}
	n, err := number(ctx, q, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM "+table+unreadAbove+" LIMIT ?) AS unread", append(m.unreadArgs(u, last.Peer), MaxUnread)...)
	c.Unread = int(n)
	return c, err
}
