package c2s

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/pep"
)

// What comes in bulk and is not in the log, the presence of thousands of contacts
// and the last items of their nodes, waits until the client has acknowledged what
// it has (XEP-0198): else a long contact list would end the session at each login.

// parked is presence that waits, of each contact the newest. The runner owns it.
type parked struct {
	order  []im.UserID
	newest map[im.UserID]im.UserPresence
}

// takes reports whether the presence of a contact has to wait, for room or because
// an older one of his does, and keeps it then.
func (k *parked) takes(p *im.UserPresence, crowded bool) bool {
	if _, there := k.newest[p.User]; !there {
		if !crowded {
			return false
		}
		if k.newest == nil {
			k.newest = make(map[im.UserID]im.UserPresence)
		}
		k.order = append(k.order, p.User)
	}
	k.newest[p.User] = *p
	return true
}

// next returns what has waited longest.
func (k *parked) next() im.UserPresence {
	u := k.order[0]
	p := k.newest[u]
	delete(k.newest, u)
	if k.order = k.order[1:]; len(k.order) == 0 {
		*k = parked{}
	}
	return p
}

// backlog is the delivery of last items that is under way, one at a time.
type backlog struct {
	items *pep.Backlog
	waits bool     // for room
	again []string // nodes that were asked for meanwhile
}

// lastItems sends the last items of nodes, a part at a time, so that nothing
// waits for all of them.
func (s *session) lastItems(nodes []string) {
	if s.backlog.items != nil {
		wanted := pep.Fresh("", s.presence.Interests)
		s.backlog.again = slices.DeleteFunc(append(s.backlog.again, nodes...), func(n string) bool { return !slices.Contains(wanted, n) })
		slices.Sort(s.backlog.again)
		s.backlog.again = slices.Compact(s.backlog.again)
		return
	}
	if len(nodes) == 0 {
		return
	}
	b, err := s.srv.modules.pep.Backlog(s.ctx, s, nodes)
	if err != nil {
		s.srv.note(s, err)
		return
	}
	s.backlog.items = b
	s.queue.post(event{kind: evCall, call: s.moreItems})
}

// moreItems sends a part of the backlog.
func (s *session) moreItems(ctx context.Context) {
	b := &s.backlog
	if b.items == nil {
		return
	}
	if b.waits = s.crowded(); b.waits {
		return
	}
	room := s.srv.cfg.MaxUnacked / 2 // that crowded leaves at least
	more, err := b.items.Next(ctx, room)
	if err != nil { // of some accounts; the others may have something
		s.srv.note(s, err)
	}
	if more {
		s.queue.post(event{kind: evCall, call: s.moreItems})
		return
	}
	again := b.again
	*b = backlog{}
	s.lastItems(again)
}

// moreBulk goes on with what waits for acknowledgements.
func (s *session) moreBulk() {
	for len(s.parked.order) > 0 && !s.crowded() {
		p := s.parked.next()
		s.showContact(&p)
	}
	if s.backlog.waits && !s.crowded() {
		s.backlog.waits = false
		s.queue.post(event{kind: evCall, call: s.moreItems})
	}
	s.fillRooms()
}
