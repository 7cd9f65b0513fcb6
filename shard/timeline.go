package shard

import (
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

type speakerKey struct {
	group im.GroupID
	user  im.UserID
}

// readSpeakers finds the groups that messages in ops are for, and how their senders
// stand to them; what is not known from before is read. The locks of the timelines'
// heads keep it true until the commit.
func (t *txn) readSpeakers(ops []*op) (err error) {
	ids, keys := t.unknownSpeakers(ops)
	if len(ids) > 0 {
		err = groupsWhere(t.ctx, t, func(g *im.Group) { t.groups[g.ID] = g }, "group_id IN ("+idList(ids)+")")
	}
	const chunk, one = 2 * 32, "(group_id = ? AND user_id = ?)"
	for err == nil && len(keys) > 0 {
		n := min(chunk, len(keys))
		err = membersWhere(t.ctx, t, func(g im.GroupID, m im.Member) { t.speakers[speakerKey{g, m.User}] = m },
			one+strings.Repeat(" OR "+one, n/2-1), keys[:n]...)
		keys = keys[n:]
	}
	return err
}

// unknownSpeakers returns the groups and, as columns, the members that have to be read.
func (t *txn) unknownSpeakers(ops []*op) (ids []im.GroupID, keys []any) {
	for _, o := range ops {
		k := speakerKey{o.msg.Group, o.msg.From}
		if o.part != timeline {
			continue
		}
		if _, met := t.speakers[k]; met {
			continue
		}
		_, met := t.groups[k.group]
		readGroup, readMember := t.recall(k)
		if readGroup && !met {
			t.groups[k.group] = nil
			ids = append(ids, k.group)
		}
		if readMember {
			t.speakers[k] = im.Member{}
			keys = append(keys, int64(k.group), int64(k.user))
		}
	}
	return ids, keys
}

// learn keeps what readSpeakers has found true behind a change of a group in the
// same transaction.
func (t *txn) learn(e *im.GroupEdit) {
	id := e.Group.ID
	t.unknow(e)
	if _, asked := t.groups[id]; !asked {
		return
	}
	if e.SetGroup {
		t.groups[id] = &e.Group
	}
	if e.Dissolve {
		t.groups[id] = nil
	}
	set := func(u im.UserID, m im.Member) {
		if _, asked := t.speakers[speakerKey{id, u}]; asked {
			t.speakers[speakerKey{id, u}] = m
		}
	}
	for _, u := range e.Drop {
		set(u, im.Member{})
	}
	for _, m := range e.Put {
		set(m.User, m)
	}
}

// applyPost stages a message of a timeline, or answers what was before.
func (t *txn) applyPost(o *op) error {
	m := &o.msg
	g := t.groups[m.Group]
	if g == nil || t.head(uint64(m.Group)) == nil {
		return unknownGroup(m.Group)
	}
	member := t.speakers[speakerKey{m.Group, m.From}]
	if refused := mayPost(g, &member, m); refused != nil {
		return t.refusePost(o, refused)
	}
	if !m.ClientID.IsZero() {
		if known, err := t.repeated(o); known || err != nil {
			return err
		}
	}
	t.stagePost(o, member.Nick)
	return nil
}

func mayPost(g *im.Group, member *im.Member, m *im.Message) *im.Error {
	if refused := im.MaySpeak(g, member, time.Now()); refused != nil {
		return refused
	}
	if m.All && !im.MayMentionAll(g, member) {
		return im.Errorf(im.CodeForbidden, "you may not mention everybody in this group")
	}
	if n := len(m.Mentions); n > maxPostMentions {
		return im.Errorf(im.CodeTooMany, "the message mentions %d users; at most %d are taken", n, maxPostMentions)
	}
	return nil
}

// refusePost refuses a message, but for a repeat of one that was taken: that gets
// the first answer, whatever its sender may do now.
func (t *txn) refusePost(o *op, refused *im.Error) error {
	if o.msg.ClientID.IsZero() {
		return refused
	}
	if key := o.key(); t.inBatch[key] == nil {
		if err := lookupSent(t.ctx, t, []sentKey{key}, t.sent); err != nil {
			return err
		}
		if _, known := t.sent[key]; !known {
			return refused
		}
	}
	_, err := t.repeated(o)
	return err
}

func (t *txn) stagePost(o *op, nick string) {
	m := &o.msg
	seq := t.next(uint64(m.Group), m.MsgID)
	kind := kindOf(m)
	p := im.Post{Nick: nick, Mentions: mentioned(m.Mentions), All: m.All}
	r := schema.Row{
		User: uint64(m.Group), Seq: seq, MsgID: uint64(m.MsgID), Kind: uint8(kind), From: uint64(m.From),
		Conv: conversation(kind, 0), Body: m.Text, Ext: appendPost(nil, &p, m.Ext),
	}
	if !m.ClientID.IsZero() {
		r.Client = m.ClientID[:]
		t.batch.Sent = append(t.batch.Sent, schema.Sent{
			Owner: uint64(m.Group), Sender: uint64(m.From), Client: m.ClientID, Seq: seq, PeerSeq: seq, MsgID: uint64(m.MsgID),
		})
	}
	t.batch.Rows = append(t.batch.Rows, r)
	t.mention(m.Group, seq, &p)
	o.res = im.Committed{MsgID: m.MsgID, FromSeq: seq, ToSeq: seq, Nick: nick}
}

func unknownGroup(g im.GroupID) error {
	return im.Errorf(im.CodeNotFound, "there is no group %s", g)
}
