package faults

import "time"

// lane is what a member's loop knows of a connection, whatever it speaks.
type lane[E any] struct {
	events <-chan E
	ended  <-chan struct{}
	take   func(E) bool      // false: the connection is of no use
	ready  func() bool       // texts may be sent
	say    func(*said) error // sends one
	beat   func() bool       // once a second; false: the connection is given up
}

// attend uses a connection until it ends or the member leaves.
func attend[E any](m *member, l lane[E]) {
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	var turn <-chan time.Time
	if m.writes {
		t := time.NewTicker(m.crowd.plan.pace / 4)
		defer t.Stop()
		turn = t.C
	}
	for ok := true; ok; {
		select {
		case <-m.ctx.Done():
			return
		case <-l.ended:
			for len(l.events) > 0 {
				l.take(<-l.events)
			}
			return
		case e := <-l.events:
			ok = l.take(e)
		case <-turn:
			if x := m.compose(); x != nil && x != m.sent && l.ready() {
				m.sent = x
				ok = l.say(x) == nil
			}
		case <-beat.C:
			ok = l.beat()
		}
	}
}

// door is where a member connects: not all at once.
func (m *member) door() (leave func(), err error) {
	select {
	case m.crowd.doors <- struct{}{}:
		return func() { <-m.crowd.doors }, nil
	case <-m.ctx.Done():
		return nil, m.ctx.Err()
	}
}
