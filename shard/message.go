package shard

import (
	"bytes"
	"context"
	"database/sql"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// sentKey is what makes a send the same send.
type sentKey struct {
	owner, sender uint64
	client        im.ClientID
}

// sentRow is what is stored of a send, and with it the message, to compare.
type sentRow struct {
	seq, peerSeq uint64
	id           im.MsgID
	kind         im.Kind
	from, peer   im.UserID
	text         string
	ext          []byte
	post         im.Post // of a message in a timeline
}

func (o *op) key() sentKey {
	owner := o.msg.From
	switch o.part {
	case recipient:
		owner = o.msg.To
	case timeline:
		owner = o.msg.Group.Log()
	}
	return sentKey{owner: uint64(owner), sender: uint64(o.msg.From), client: o.msg.ClientID}
}

// applyMessage stages the rows of a message, or answers what was before.
func (t *txn) applyMessage(o *op) error {
	m := &o.msg
	if o.part == timeline {
		return t.applyPost(o)
	}
	if o.part != recipient && t.head(uint64(m.From)) == nil {
		return unknownUser(m.From)
	}
	if o.part != sender && t.head(uint64(m.To)) == nil {
		return unknownUser(m.To)
	}
	if !m.ClientID.IsZero() {
		if known, err := t.repeated(o); known || err != nil {
			return err
		}
	}
	t.stage(o)
	return nil
}

// repeated looks for the same send in this transaction, and in what lookup has
// found. Without a lookup the primary key of sent tells.
func (t *txn) repeated(o *op) (bool, error) {
	key := o.key()
	if first := t.inBatch[key]; first != nil {
		if !same(&o.msg, &first.msg) {
			return true, reused(&o.msg)
		}
		o.res = first.res
		o.res.Duplicate = true
		return true, nil
	}
	row, known := t.sent[key]
	if !known {
		t.inBatch[key] = o
		return false, nil
	}
	return true, row.answer(o)
}

// answer gives o the result of the first time. What a retracted message had said
// is not known any more: there the id alone makes it the same.
func (r *sentRow) answer(o *op) error {
	m := &o.msg
	want := m.To
	if o.part == recipient {
		want = m.From
	}
	said := r.post.Retracted || r.text == m.Text && sameExt(m, r.ext)
	if r.kind != kindOf(m) || r.peer != want || r.from != m.From || !said {
		return reused(m)
	}
	o.res = im.Committed{MsgID: r.id, FromSeq: r.seq, ToSeq: r.peerSeq, Nick: r.post.Nick, Duplicate: true}
	if o.part == recipient {
		o.res.FromSeq, o.res.ToSeq = 0, r.seq
	}
	return nil
}

func same(a, first *im.Message) bool {
	return a.To == first.To && a.Note == first.Note && a.Text == first.Text && sameExt(a, first.Ext)
}

func sameExt(m *im.Message, first []byte) bool {
	return bytes.Equal(m.Ext, first) || m.Same != nil && m.Same(first)
}

func reused(m *im.Message) error {
	return im.Errorf(im.CodeIDReused, "the client id %s was used for another message; make a new one for each message", m.ClientID)
}

// stage takes the places of a message and gathers its rows. A note to oneself
// is one row.
func (t *txn) stage(o *op) {
	m := &o.msg
	res := im.Committed{MsgID: m.MsgID, ToSeq: o.res.ToSeq}
	kind := kindOf(m)
	r := schema.Row{MsgID: uint64(m.MsgID), Kind: uint8(kind), From: uint64(m.From), Body: m.Text}
	if len(m.Ext) > 0 {
		r.Ext = m.Ext
	}
	if !m.ClientID.IsZero() {
		r.Client = m.ClientID[:]
	}
	if o.part != sender && m.To != m.From {
		res.ToSeq = t.next(uint64(m.To), m.MsgID)
		r.User, r.Seq, r.Peer, r.Conv = uint64(m.To), res.ToSeq, uint64(m.From), conversation(kind, m.From)
		t.batch.Rows = append(t.batch.Rows, r)
	}
	if o.part != recipient {
		res.FromSeq = t.next(uint64(m.From), m.MsgID)
		r.User, r.Seq, r.Peer, r.Conv = uint64(m.From), res.FromSeq, uint64(m.To), conversation(kind, m.To)
		t.batch.Rows = append(t.batch.Rows, r)
	}
	if m.To == m.From {
		res.ToSeq = res.FromSeq
	}
	o.res = res
	if m.ClientID.IsZero() {
		return
	}
	s := schema.Sent{Owner: uint64(m.From), Sender: uint64(m.From), Client: m.ClientID, Seq: res.FromSeq, PeerSeq: res.ToSeq, MsgID: uint64(m.MsgID)}
	if o.part == recipient {
		s.Owner, s.Seq, s.PeerSeq = uint64(m.To), res.ToSeq, 0
	}
	t.batch.Sent = append(t.batch.Sent, s)
}

// lookup reads what is stored of the sends in ops. The locks of the owners'
// heads keep it true until the commit.
func (t *txn) lookup(ops []*op) error {
	keys := make([]sentKey, 0, len(ops))
	for _, o := range ops {
		if o.part != 0 && !o.msg.ClientID.IsZero() {
			keys = append(keys, o.key())
		}
	}
	return lookupSent(t.ctx, t, keys, t.sent)
}

// lookupSent finds sends by their keys, some at a time.
func lookupSent(ctx context.Context, q schema.Queryer, keys []sentKey, into map[sentKey]sentRow) error {
	const chunk = 32 // one text for all full chunks, so that it can be prepared
	const one = "(s.owner_id = ? AND s.sender_id = ? AND s.client_id = ?)"
	for len(keys) > 0 {
		n := min(chunk, len(keys))
		args := make([]any, 0, 3*n)
		for i := range n {
			args = append(args, int64(keys[i].owner), int64(keys[i].sender), keys[i].client[:])
		}
		keys = keys[n:]
		err := scanAll(ctx, q, func(rows *sql.Rows) error {
			var k sentKey
			var r sentRow
			var client []byte
			err := rows.Scan(&k.owner, &k.sender, &client, &r.seq, &r.peerSeq, &r.id, &r.kind, &r.from, &r.peer, &r.text, &r.ext)
			copy(k.client[:], client)
			if err == nil && r.peer == 0 {
				r.post, r.ext, err = cutPost(r.ext)
			}
			into[k] = r
			return err
		}, "SELECT s.owner_id, s.sender_id, s.client_id, s.seq, s.peer_seq, s.msg_id, i.kind, i.from_id, i.peer_id, i.body, i.ext"+
			" FROM sent s JOIN inbox i ON i.user_id = s.owner_id AND i.seq = s.seq"+
			" WHERE "+one+strings.Repeat(" OR "+one, n-1), args...)
		if err != nil {
			return err
		}
	}
	return nil
}
