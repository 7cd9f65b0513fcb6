package shard

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// speakers is a group, with those of its members who have sent to it, as it stood when
// the head of its timeline was exactly head. Whoever changes one of them changes that
// row too (see unknow), under its lock: as long as it is the same, so are they, whichever
// node might have changed them. Read marks alone move without it.
type speakers struct {
	head    schema.Head
	group   *im.Group
	members map[im.UserID]im.Member
}

// A writer knows so many groups, and of each so many members: those that are busy are
// read rarely enough.
const (
	knownGroups  = 4096
	knownMembers = 1024
)

// recall gives a message its group and its sender as they are known, and says which of
// them have to be read.
func (t *txn) recall(k speakerKey) (readGroup, readMember bool) {
	s, head := t.known[k.group], t.head(uint64(k.group))
	if s == nil || head == nil || s.head != *head {
		return true, true
	}
	t.groups[k.group] = s.group
	m, known := s.members[k.user]
	t.speakers[k] = m
	return false, !known
}

// remember keeps what readSpeakers has read for the next transaction. It is called
// when this one is committed.
func (t *txn) remember() {
	for id, g := range t.groups {
		head := t.head(uint64(id))
		if g == nil || head == nil {
			delete(t.known, id)
			continue
		}
		s := t.known[id]
		if s == nil || s.group != g { // g was read, or changed, in this transaction
			s = &speakers{group: g, members: make(map[im.UserID]im.Member)}
			makeRoom(t.known, knownGroups)
			t.known[id] = s
		}
		s.head = *head
	}
	for k, m := range t.speakers {
		if s := t.known[k.group]; s != nil {
			makeRoom(s.members, knownMembers)
			s.members[k.user] = m
		}
	}
}

// unknow makes this and all other nodes read the group again. An entry in the timeline
// does that; visitors come and go without one, then the latest id is made another.
func (t *txn) unknow(e *im.GroupEdit) {
	delete(t.known, e.Group.ID)
	if len(e.Log) > 0 || !e.SetGroup && len(e.Put)+len(e.Drop) == 0 {
		return
	}
	if i, ok := t.heads[uint64(e.Group.ID)]; ok {
		t.locked[i].MsgID++
		t.touched[i] = true
	}
}

// makeRoom takes something out of a map that is full.
func makeRoom[K comparable, V any](m map[K]V, most int) {
	for k := range m {
		if len(m) < most {
			return
		}
		delete(m, k)
	}
}
