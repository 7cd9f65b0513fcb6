package faults

import (
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// comeAndGo joins, reads a while, and leaves or is removed; outside he reads nothing.
func (m *member) comeAndGo() {
	k, err := m.d.connect(m.ctx)
	if err != nil {
		return
	}
	defer k.close()
	m.live = 0
	g := m.crowd.id
	join := &cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{Group: g}}}
	groups := &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}
	if m.request(k, join) != nil || m.request(k, groups) != nil || !m.listen(k) {
		return
	}
	if rand.IntN(2) == 0 {
		err = m.request(k, &cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: g}}})
	} else {
		_, err = m.crowd.keeper.call(groupCall(g, &cxxpb.Act{Verb: uint32(im.ActKick), User: uint64(m.user)}))
	}
	if err != nil {
		return
	}
	err = m.request(k, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g}}})
	if err == nil || answered(err) && im.CodeOf(err) != im.CodeNotMember {
		m.crowd.violate("%s reads the group that he is no member of: %v", m.name, err)
	}
}

// request makes a request that may be refused.
func (m *member) request(k *link, c *cxxpb.Call) error {
	m.lastID++
	c.Id = m.lastID
	_, err := k.ask(c, m.noted)
	return err
}

// listen takes what comes for a while; false: the connection has ended.
func (m *member) listen(k *link) bool {
	end := time.After(time.Duration(200+rand.IntN(800)) * time.Millisecond)
	for {
		select {
		case <-m.ctx.Done():
			return false
		case <-k.ended:
			return false
		case e := <-k.events:
			m.noted(e)
		case <-end:
			return true
		}
	}
}
