package shard

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// The stored ext of a message in a timeline begins with its Post:
//
//	uvarint length of the nickname | nickname | flags | uvarint n | n × uvarint user
const (
	postAll       = 1
	postRetracted = 2
)

// maxPostMentions is how many users a message mentions by name at most.
const maxPostMentions = 50

// appendPost appends a post and, behind it, the extension elements.
func appendPost(b []byte, p *im.Post, ext []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.Nick)))
	b = append(b, p.Nick...)
	var flags byte
	if p.All {
		flags |= postAll
	}
	if p.Retracted {
		flags |= postRetracted
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(len(p.Mentions)))
	for _, u := range p.Mentions {
		b = binary.AppendUvarint(b, uint64(u))
	}
	return append(b, ext...)
}

var errBadPost = errors.New("shard: a stored message of a timeline has a bad beginning")

// cutPost takes the post off what appendPost has made.
func cutPost(b []byte) (p im.Post, ext []byte, err error) {
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			err, b = errBadPost, nil
			return 0
		}
		b = b[size:]
		return n
	}
	n := number()
	if n >= uint64(len(b)) { // flags follow
		return im.Post{}, nil, errBadPost
	}
	p.Nick, b = string(b[:n]), b[n:]
	p.All, p.Retracted = b[0]&postAll != 0, b[0]&postRetracted != 0
	b = b[1:]
	count := number()
	if count > maxPostMentions {
		return im.Post{}, nil, errBadPost
	}
	for range count {
		p.Mentions = append(p.Mentions, im.UserID(number()))
	}
	if err != nil {
		return im.Post{}, nil, err
	}
	if len(b) > 0 {
		ext = b
	}
	return p, ext, nil
}

// splitPost gives a message of a timeline, which has no peer, its Post.
func splitPost(e *im.Entry) error {
	if e.Peer != 0 {
		return nil
	}
	post, ext, err := cutPost(e.Ext)
	if err != nil {
		return err
	}
	e.Post, e.Ext = &post, ext
	return nil
}

type speakerKey struct {
	group im.GroupID
	user  im.UserID
}

// mention is a row of the table.
type mention struct {
	group im.GroupID
	user  im.UserID // zero: everybody
	seq   uint64
}

// readSpeakers reads the groups that messages in ops are for, and how their senders
// stand to them. The locks of the timelines' heads keep it true until the commit.
func (t *txn) readSpeakers(ops []*op) error {
	var keys []any
	var ids []im.GroupID
	for _, o := range ops {
		k := speakerKey{o.msg.Group, o.msg.From}
		if o.part != timeline {
			continue
		}
		if _, known := t.speakers[k]; known {
			continue
		}
		t.speakers[k] = im.Member{}
		keys = append(keys, int64(k.group), int64(k.user))
		if _, known := t.groups[k.group]; !known {
			t.groups[k.group] = nil
			ids = append(ids, k.group)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	err := groupsWhere(t.ctx, t, func(g *im.Group) { t.groups[g.ID] = g }, "group_id IN ("+idList(ids)+")")
	const chunk, one = 2 * 32, "(group_id = ? AND user_id = ?)"
	for err == nil && len(keys) > 0 {
		n := min(chunk, len(keys))
		err = membersWhere(t.ctx, t, func(g im.GroupID, m im.Member) { t.speakers[speakerKey{g, m.User}] = m },
			one+strings.Repeat(" OR "+one, n/2-1), keys[:n]...)
		keys = keys[n:]
	}
	return err
}

// applyPost stages a message of a timeline, or answers what was before. A repeat
// gets the first answer also when its sender may not speak any more.
func (t *txn) applyPost(o *op) error {
	m := &o.msg
	g := t.groups[m.Group]
	if g == nil || t.head(uint64(m.Group)) == nil {
		return unknownGroup(m.Group)
	}
	member := t.speakers[speakerKey{m.Group, m.From}]
	refused := im.MaySpeak(g, &member, time.Now())
	if refused == nil && m.All && !im.MayMentionAll(g, &member) {
		refused = im.Errorf(im.CodeForbidden, "you may not mention everybody in this group")
	}
	if !m.ClientID.IsZero() {
		if refused != nil {
			if err := lookupSent(t.ctx, t, []sentKey{o.key()}, t.sent); err != nil {
				return err
			}
			if row, known := t.sent[o.key()]; known {
				return row.answer(o)
			}
			return refused
		}
		if known, err := t.repeated(o); known || err != nil {
			return err
		}
	}
	if refused != nil {
		return refused
	}
	t.stagePost(o, member.Nick)
	return nil
}

func (t *txn) stagePost(o *op, nick string) {
	m := &o.msg
	seq := t.next(uint64(m.Group), m.MsgID)
	kind := kindOf(m)
	r := schema.Row{
		User: uint64(m.Group), Seq: seq, MsgID: uint64(m.MsgID), Kind: uint8(kind), From: uint64(m.From),
		Conv: conversation(kind, 0), Body: m.Text,
		Ext: appendPost(nil, &im.Post{Nick: nick, Mentions: m.Mentions, All: m.All}, m.Ext),
	}
	if !m.ClientID.IsZero() {
		r.Client = m.ClientID[:]
		t.batch.Sent = append(t.batch.Sent, schema.Sent{
			Owner: uint64(m.Group), Sender: uint64(m.From), Client: m.ClientID, Seq: seq, PeerSeq: seq, MsgID: uint64(m.MsgID),
		})
	}
	t.batch.Rows = append(t.batch.Rows, r)
	for _, u := range m.Mentions {
		t.mentions = append(t.mentions, mention{m.Group, u, seq})
	}
	if m.All {
		t.mentions = append(t.mentions, mention{m.Group, 0, seq})
	}
	o.res = im.Committed{MsgID: m.MsgID, FromSeq: seq, ToSeq: seq, Nick: nick}
}

// writeMentions writes what the messages of the transaction mention.
func (t *txn) writeMentions() error {
	seen := make(map[mention]bool, len(t.mentions))
	for _, m := range t.mentions {
		if seen[m] {
			continue
		}
		seen[m] = true
		if _, err := t.exec("INSERT INTO mention (group_id, user_id, seq) VALUES (?, ?, ?)", int64(m.group), int64(m.user), signed(m.seq)); err != nil {
			return err
		}
	}
	return nil
}

func unknownGroup(g im.GroupID) error {
	return im.Errorf(im.CodeNotFound, "there is no group %s", g)
}

const memberColumns = "group_id, user_id, domain, localpart, role, voice, muted_until, nick, passing, seen_from, joined, read_to, invited_by, note"

// membersWhere reads rows of members.
func membersWhere(ctx context.Context, q schema.Queryer, each func(im.GroupID, im.Member), where string, args ...any) error {
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		var g im.GroupID
		var m im.Member
		var muted, joined int64
		err := rows.Scan(&g, &m.User, &m.Addr.Domain, &m.Addr.Local, &m.Role, &m.Voice, &muted, &m.Nick, &m.Passing, &m.From, &joined, &m.ReadTo, &m.By, &m.Note)
		m.MutedUntil, m.Joined = moment(muted), moment(joined)
		each(g, m)
		return err
	}, "SELECT "+memberColumns+" FROM group_member WHERE "+where, args...)
}
