package faults

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// deafAfter is how long a connection of a crowd may be silent.
const deafAfter = 10 * time.Second

// dial connects, and follows the group.
func (m *member) dial() *link {
	leave, err := m.door()
	if err != nil {
		return nil
	}
	defer leave()
	k, err := m.d.connect(m.ctx)
	if err != nil {
		return nil
	}
	m.live, m.moved, m.sent = 0, 0, nil
	if m.ask(k, &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}) == nil || !m.catchUp(k) {
		k.close()
		return nil
	}
	m.is(m.crowd.cell.at(k.acs))
	return k
}

// byCXX uses one connection until it ends.
func (m *member) byCXX() {
	k := m.dial()
	if k == nil {
		return
	}
	defer k.close()
	attend(m, lane[event]{
		events: k.events, ended: k.ended,
		take:  func(e event) bool { return m.event(k, e) },
		ready: func() bool { return true },
		say: func(x *said) error {
			m.lastID++
			return k.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: m.lastID, Group: m.crowd.id, ClientId: x.id[:], Text: x.body})
		},
		beat: func() bool {
			quiet := k.quiet()
			return quiet < time.Second || quiet < deafAfter && k.beat() == nil
		},
	})
}

// event takes what comes. It returns false when the connection is of no use.
func (m *member) event(k *link, e event) bool {
	switch {
	case e.post != nil:
		return m.posted(k, e.post)
	case e.moved != nil:
		return m.catchUp(k)
	case e.fail != nil && e.fail.Id == 0:
		return false
	default:
		m.answer(e)
	}
	return true
}

// answer takes what the server says to a text.
func (m *member) answer(e event) {
	switch x := m.sent; {
	case x == nil:
	case e.ack != nil:
		if x.acked && x.seq != e.ack.Seq {
			m.crowd.violate("%s: %q was acknowledged at seq %d and %d", m.name, x.body, x.seq, e.ack.Seq)
		}
		x.seq = e.ack.Seq
		m.acknowledged(x)
	case e.fail != nil:
		if code := im.ErrorCode(e.fail.Code); code == im.CodeNotMember || code == im.CodeIDReused {
			m.crowd.violate("%s: a text was refused with %v", m.name, code)
		}
		m.sent = nil // it goes out again
	}
}

// posted takes what was pushed, and reads what was not.
func (m *member) posted(k *link, p *cxxpb.PostPush) bool {
	if p.Group != m.crowd.id {
		return true
	}
	for _, e := range p.Entries {
		m.pushed(e.Seq, textOf(e))
		if e.Seq > m.cursor.Load()+1 {
			m.crowd.gaps.Add(1)
			if !m.catchUp(k) {
				return false
			}
		}
		m.knows(e.Seq)
	}
	return true
}

// textOf is what an entry of a timeline says; empty for an event.
func textOf(e *cxxpb.Entry) string {
	if e.Group != nil {
		return ""
	}
	return e.Text
}

// catchUp reads the timeline from where the member is to the end that he has heard of.
func (m *member) catchUp(k *link) bool {
	for {
		r := m.ask(k, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: m.crowd.id, Cursor: m.cursor.Load()}}})
		if r == nil {
			return false
		}
		page := r.GetSync()
		for _, e := range page.Entries {
			m.given(e.Seq, textOf(e))
		}
		if len(page.Entries) == 0 || m.cursor.Load() >= max(page.Head, m.moved, m.live) {
			return true
		}
	}
}

// ask makes a request; pushes that come meanwhile are noted, and read again by who
// catches up. nil: there was no answer, or the wrong one.
func (m *member) ask(k *link, c *cxxpb.Call) *cxxpb.Reply {
	m.lastID++
	c.Id = m.lastID
	r, err := k.ask(c, func(e event) {
		m.answer(e)
		m.noted(e)
		if e.moved != nil && e.moved.Group == m.crowd.id {
			m.moved = max(m.moved, e.moved.Head)
		}
	})
	if answered(err) {
		m.crowd.violate("%s: %v was refused: %v", m.name, c, err)
	}
	return r
}

// noted takes what was pushed, without looking for gaps.
func (m *member) noted(e event) {
	if e.post == nil || e.post.Group != m.crowd.id {
		return
	}
	for _, e := range e.post.Entries {
		m.pushed(e.Seq, textOf(e))
	}
}
