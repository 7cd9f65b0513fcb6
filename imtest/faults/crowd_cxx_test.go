package faults

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// deafAfter is how long a connection of a crowd may be silent.
const deafAfter = 4 * time.Second

// deadline fires when nothing has been heard for too long.
func deadline(l *link) <-chan time.Time { return time.After(max(deafAfter-l.quiet(), time.Second)) }

// byCXX uses one connection until it ends.
func (m *member) byCXX(pace time.Duration, quit func()) {
	k, err := m.d.connect(m.crowd.ctx)
	if err != nil {
		return
	}
	defer k.close()
	m.live, m.moved, m.sent = 0, 0, nil
	m.is("catching up at " + k.acs)
	r := m.ask(k, &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}})
	if r == nil || !m.catchUp(k) {
		return
	}
	listed := len(r.GetGroups().GetGroups())
	told := 0
	m.is(fmt.Sprint("there at ", k.acs, " listed ", listed, " head ", k.head))
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	tick := time.NewTicker(pace / 4)
	defer tick.Stop()
	if !m.writes {
		tick.Stop()
	}
	for {
		select {
		case <-m.crowd.ctx.Done():
			return
		case <-k.ended:
			for len(k.events) > 0 {
				m.event(k, <-k.events)
			}
			return
		case e := <-k.events:
			if len(e.push) > 0 {
				told++
				m.is(fmt.Sprint("there at ", k.acs, " listed ", listed, " told ", told, " ", e.push[0].Kind, " seq ", e.push[0].Seq, " head ", k.head, " ", time.Now().Format(time.StampMilli)))
			}
			if e.behind != nil {
				m.is("sync required")
			}
			if !m.event(k, e) {
				return
			}
		case <-tick.C:
			x, done := m.compose(pace)
			if done {
				quit()
				tick.Stop()
			}
			if x == nil || x == m.sent {
				continue
			}
			m.sent = x
			m.lastID++
			if k.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: m.lastID, Group: m.crowd.id, ClientId: x.id[:], Text: x.body}) != nil {
				return
			}
		case <-beat.C:
			if k.beat() != nil || k.quiet() > deafAfter {
				return
			}
		}
	}
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
		m.pushed(e.Seq, text0(e))
		if e.Seq > m.cursor+1 && m.cursor > 0 {
			m.crowd.gaps.Add(1)
			if !m.catchUp(k) {
				return false
			}
		}
		m.cursor = max(m.cursor, e.Seq)
	}
	return true
}

// text0 is what an entry of a timeline says; empty for an event.
func text0(e *cxxpb.Entry) string {
	if e.Group != nil {
		return ""
	}
	return e.Text
}

// catchUp reads the timeline from where the member is.
func (m *member) catchUp(k *link) bool {
	for {
		r := m.ask(k, &cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: m.crowd.id, Cursor: m.cursor}}})
		if r == nil {
			return false
		}
		page := r.GetSync()
		for _, e := range page.Entries {
			if s := text0(e); s != "" {
				m.take(e.Seq, s)
			}
			m.cursor = max(m.cursor, e.Seq)
		}
		if len(page.Entries) == 0 || m.cursor >= max(page.Head, m.moved) {
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
		m.pushed(e.Seq, text0(e))
	}
}

// comeAndGo joins, reads a while, and leaves or is removed; outside he reads nothing
// and writes nothing.
func (m *member) comeAndGo() {
	k, err := m.d.connect(m.crowd.ctx)
	if err != nil {
		return
	}
	defer k.close()
	m.live, m.cursor = 0, 0
	g := m.crowd.id
	call := func(c *cxxpb.Call) error {
		m.lastID++
		c.Id = m.lastID
		_, err := k.ask(c, m.noted)
		return err
	}
	join := &cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{Group: g}}}
	groups := &cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}
	if call(join) != nil || call(groups) != nil {
		return
	}
	end := time.After(time.Duration(200+rand.IntN(800)) * time.Millisecond)
	for stay := true; stay; {
		select {
		case <-m.crowd.ctx.Done():
			return
		case <-k.ended:
			return
		case e := <-k.events:
			m.noted(e)
		case <-end:
			stay = false
		}
	}
	if rand.IntN(2) == 0 {
		err = call(&cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: g}}})
	} else {
		_, err = m.crowd.keeper.call(groupCall(g, &cxxpb.Act{Verb: uint32(im.ActKick), User: uint64(m.user)}))
	}
	if err != nil {
		return
	}
	err = call(&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g}}})
	if err == nil || answered(err) && im.CodeOf(err) != im.CodeNotMember {
		m.crowd.violate("%s reads the group that he is no member of: %v", m.name, err)
	}
}
