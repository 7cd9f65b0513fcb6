package client

import (
	"sync"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

const (
	// highWater is how many entries wait for the application before the client
	// stops taking more; lowWater is where it goes on. The logs have the rest.
	highWater = 512
	lowWater  = 64
	maxEarly  = 256
	// maxLoose bounds the events that are not entries; typing notices and
	// presence give way first.
	maxLoose = 1024
)

// inbox puts what comes by pushes, by acknowledgements and by sync into one queue
// for the application, in which the user's inbox and the timeline of each of his
// groups stand in their own order.
type inbox struct {
	mu      sync.Mutex
	self    im.UserID              // guarded by mu
	own     *stream                // guarded by mu: the user's inbox
	groups  map[im.GroupID]*stream // guarded by mu: those that are followed
	strays  map[im.GroupID]uint64  // guarded by mu: the newest entry heard of in a group that is not followed yet
	pending bool                   // guarded by mu: this session has no list of groups yet
	joined  map[im.GroupID]uint64  // guarded by mu: groups that the inbox says the user is in since, while the list is pending
	late    int                    // guarded by mu: how many groups have not reached their head at login
	caught  bool                   // guarded by mu: GroupsCaughtUp was reported
	queue   []queued               // guarded by mu
	entries int                    // guarded by mu: how many of queue are entries
	ready   chan struct{}          // the queue has something
	behind  chan struct{}          // the inbox has to be read
	lagging chan struct{}          // a group has to be read
}

// queued is one event on its way to the application; seq is zero for one that
// is no entry.
type queued struct {
	group im.GroupID // whose timeline it is from; zero: the inbox
	seq   uint64
	ev    Event
	// mark is what else is to be kept when the application is done with the event: an
	// entry of the inbox may begin or end the following of a group.
	mark state.GroupCursor
}

func newInbox(cursor uint64, groups map[im.GroupID]uint64) *inbox {
	b := &inbox{
		own: newStream(0, cursor), groups: make(map[im.GroupID]*stream), strays: make(map[im.GroupID]uint64),
		joined: make(map[im.GroupID]uint64),
		ready:  make(chan struct{}, 1), behind: make(chan struct{}, 1), lagging: make(chan struct{}, 1),
	}
	for g, seq := range groups {
		b.groups[g] = newStream(g, seq)
	}
	return b
}

// opened tells that a login has found the inbox at head; start is the cursor
// of a device that is new, and counts only then. It reports a head below what
// the application has seen.
func (b *inbox) opened(self im.UserID, head uint64, start *uint64) (regressed bool, from uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.self = self
	s := b.own
	if start != nil {
		s.got = min(*start, head)
	}
	b.openGroups()
	regressed, from = head < s.got, s.got
	s.catchUp = 0
	if regressed {
		b.rewind(s, head)
	}
	s.must, s.want = false, max(head, s.got)
	s.catchUp = head
	if s.got >= head {
		b.caughtUp(s)
	}
	poke(b.behind)
	return regressed, from
}

// rewind runs with mu held: the log of s ends at head.
func (b *inbox) rewind(s *stream, head uint64) {
	b.push(queued{ev: Regressed{Group: s.group, Cursor: s.got, Head: head}})
	s.rewind(head)
	if s.catchUp > head {
		b.caughtUp(s)
	}
}

// regress is rewind when the server says so in the middle of a session.
func (b *inbox) regress(s *stream, head uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if head < s.got && b.has(s) {
		b.rewind(s, head)
	}
}

// offer takes entries of the inbox in any order and from any source.
func (b *inbox) offer(here bool, entries ...im.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		b.put(b.own, queued{seq: e.Seq, ev: entryEvent(e, b.self, here)})
	}
	if b.own.behind() {
		poke(b.behind)
	}
}

// put runs with mu held.
func (b *inbox) put(s *stream, q queued) {
	if s.put(q, b.entries >= highWater) {
		b.append(s, q)
	}
}

// append runs with mu held; q is the next entry of s.
func (b *inbox) append(s *stream, q queued) {
	for ok := true; ok; q, ok = s.early[s.got+1] {
		s.got = q.seq
		b.entries++
		if ev, isGroup := groupEvent(q.ev); isGroup {
			q.mark = b.membership(ev)
		}
		b.push(q)
		b.reached(s)
	}
	s.forgetEarly()
}

// reached runs with mu held: s has moved on.
func (b *inbox) reached(s *stream) {
	if s.catchUp > 0 && s.got >= s.catchUp {
		b.caughtUp(s)
	}
}

// caughtUp runs with mu held: s has what there was at the login.
func (b *inbox) caughtUp(s *stream) {
	s.catchUp = 0
	if s.group == 0 {
		b.push(queued{ev: CaughtUp{Seq: s.got}})
		return
	}
	b.late--
	b.groupsCaughtUp()
}

// push runs with mu held.
func (b *inbox) push(q queued) {
	b.queue = append(b.queue, q)
	poke(b.ready)
}

// loose adds an event that is no entry. Of one user's presence or typing only
// the newest counts.
func (b *inbox) loose(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue)-b.entries >= maxLoose {
		for i, q := range b.queue {
			if supersedes(ev, q.ev) {
				b.queue[i].ev = ev
				return
			}
		}
		switch ev.(type) {
		case Typing, GroupRead:
			return
		}
	}
	b.push(queued{ev: ev})
}

func supersedes(ev, old Event) bool {
	switch ev := ev.(type) {
	case Presence:
		o, ok := old.(Presence)
		return ok && o.User == ev.User
	case Typing:
		o, ok := old.(Typing)
		return ok && o.User == ev.User && o.Group == ev.Group && o.Nick == ev.Nick
	case GroupRead:
		o, ok := old.(GroupRead)
		return ok && o.Group == ev.Group && o.Nick == ev.Nick
	}
	return false
}

// take returns the next event for the application.
func (b *inbox) take() (queued, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return queued{}, false
	}
	q := b.queue[0]
	b.queue[0] = queued{}
	if b.queue = b.queue[1:]; len(b.queue) == 0 {
		b.queue = nil
	}
	if q.seq > 0 {
		b.entries--
		if b.entries == lowWater {
			poke(b.behind)
			poke(b.lagging)
		}
	}
	return q, true
}

// heard tells how far the inbox has come; must: the server waits for a sync.
func (b *inbox) heard(head uint64, must bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own.want = max(b.own.want, head)
	b.own.must = b.own.must || must
	poke(b.behind)
}

// missing says from where the inbox has to be read, if it has to.
func (b *inbox) missing() (after uint64, must, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries > lowWater {
		return 0, false, false // the application is behind; take comes back to it
	}
	return b.own.got, b.own.must, b.own.behind()
}

// reading is called before the log of s is read from after: what the server says
// from then on counts again.
func (b *inbox) reading(s *stream) (after uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.must = false
	return s.got
}

// unread says that reading has failed.
func (b *inbox) unread(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.must = true
}

// page takes one answer of a log: all that its reader may have above what he has
// named, so that numbers it leaves out are not for him.
func (b *inbox) page(s *stream, entries []im.Entry, head uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.has(s) {
		return
	}
	s.want = max(s.want, head)
	for _, e := range entries {
		if b.entries >= highWater {
			return
		}
		if e.Seq > s.got {
			b.append(s, queued{group: s.group, seq: e.Seq, ev: logEvent(s.group, e, b.self)})
		}
	}
	if len(entries) == 0 {
		s.jump(head)
		b.reached(s)
	}
}

// has runs with mu held: s is still of use.
func (b *inbox) has(s *stream) bool { return s.group == 0 || b.groups[s.group] == s }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
