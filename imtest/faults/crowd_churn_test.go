package faults

import (
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// comeAndGo joins, listens a while, leaves or is removed, and listens still.
func (m *member) comeAndGo() {
	if m.x != nil {
		m.comeAndGoByXMPP()
		return
	}
	k, err := m.d.connect(m.ctx)
	if err != nil {
		return
	}
	defer k.close()
	m.live = 0
	g := m.crowd.id
	join := &cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{Group: g}}}
	groups := &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}
	if m.request(k, join) != nil || m.request(k, groups) != nil || !listen(m, k.events, k.ended, m.noted) {
		return
	}
	if rand.IntN(2) == 0 {
		err = m.request(k, &cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: g}}})
	} else {
		err = m.removed()
	}
	if err != nil {
		return
	}
	err = m.request(k, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g}}})
	if err == nil || answered(err) && im.CodeOf(err) != im.CodeNotMember {
		m.crowd.violate("%s reads the group that he is no member of: %v", m.name, err)
	}
	listen(m, k.events, k.ended, m.noted) // to what must not come any more
}

// comeAndGoByXMPP is made a member, enters the room, listens, is removed, and asks for
// the archive in vain.
func (m *member) comeAndGoByXMPP() {
	role := &cxxpb.Act{Verb: uint32(im.ActRole), User: uint64(m.user), Role: uint32(im.RoleMember)}
	if _, err := m.crowd.keeper.call(groupCall(m.crowd.id, role)); err != nil {
		return
	}
	m.x.sm = sm{}
	m.cursor.Store(0)
	o := m.knock()
	if o == nil {
		return
	}
	defer o.k.close()
	if !listen(m, o.k.events, o.k.ended, o.event) || m.removed() != nil {
		return
	}
	o.ask()
	listen(m, o.k.events, o.k.ended, o.event)
}

// removed lets the owner remove the member.
func (m *member) removed() error {
	_, err := m.crowd.keeper.call(groupCall(m.crowd.id, &cxxpb.Act{Verb: uint32(im.ActKick), User: uint64(m.user)}))
	return err
}

// request makes a request that may be refused.
func (m *member) request(k *link, c *cxxpb.Call) error {
	m.lastID++
	c.Id = m.lastID
	_, err := k.ask(c, m.noted)
	return err
}

// listen takes what comes for a while; false: the connection has ended.
func listen[E any](m *member, events <-chan E, ended <-chan struct{}, take func(E)) bool {
	end := time.After(time.Duration(200+rand.IntN(800)) * time.Millisecond)
	for {
		select {
		case <-m.ctx.Done():
			return false
		case <-ended:
			return false
		case e := <-events:
			take(e)
		case <-end:
			return true
		}
	}
}
