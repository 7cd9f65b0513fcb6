package client

import (
	"sync"

	"github.com/cxx-im/cxx/im"
)

const (
	// highWater is how many entries wait for the application before the client
	// stops taking more; lowWater is where it goes on. The log has the rest.
	highWater = 512
	lowWater  = 64
	maxEarly  = 256
	// maxLoose bounds the events that are not entries; typing notices and
	// presence give way first.
	maxLoose = 1024
)

// inbox puts what comes by pushes, by acknowledgements and by sync into one
// stream: 1, 2, 3 … Pushes are hints; whatever is missing is read from the log.
type inbox struct {
	mu      sync.Mutex
	self    im.UserID         // guarded by mu
	got     uint64            // guarded by mu: the newest entry in the stream
	want    uint64            // guarded by mu: the newest entry heard of
	must    bool              // guarded by mu: the server pushes nothing until a sync reaches the head
	early   map[uint64]queued // guarded by mu: entries above got+1
	queue   []queued          // guarded by mu
	entries int               // guarded by mu: how many of queue are entries
	catchUp uint64            // guarded by mu: the head at login, until it is reached
	ready   chan struct{}     // the queue has something
	behind  chan struct{}     // the syncer has something to do
}

// queued is one event on its way to the application; seq is zero for one that
// is no entry.
type queued struct {
	seq uint64
	ev  Event
}

func newInbox(cursor uint64) *inbox {
	return &inbox{
		got: cursor, early: make(map[uint64]queued),
		ready: make(chan struct{}, 1), behind: make(chan struct{}, 1),
	}
}

// opened tells that a login has found the inbox at head; start is the cursor
// of a device that is new, and counts only then. It reports a head below what
// the application has seen.
func (b *inbox) opened(self im.UserID, head uint64, start *uint64) (regressed bool, from uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.self = self
	if start != nil {
		b.got = min(*start, head)
	}
	regressed, from = head < b.got, b.got
	b.catchUp = 0
	if regressed {
		b.rewind(head)
	}
	b.must, b.want = false, max(head, b.got)
	b.catchUp = head
	if b.got >= head {
		b.caughtUp()
	}
	poke(b.behind)
	return regressed, from
}

// rewind runs with mu held: the log ends at head and will grow from there.
func (b *inbox) rewind(head uint64) {
	b.push(queued{ev: Regressed{Cursor: b.got, Head: head}})
	b.got, b.want = head, head
	clear(b.early)
	if b.catchUp > head {
		b.caughtUp()
	}
}

// regress is rewind when the server says so in the middle of a session.
func (b *inbox) regress(head uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if head < b.got {
		b.rewind(head)
	}
}

// offer takes entries in any order and from any source.
func (b *inbox) offer(here bool, entries ...im.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		b.want = max(b.want, e.Seq)
		q := queued{seq: e.Seq, ev: entryEvent(e, b.self, here)}
		switch {
		case e.Seq <= b.got || b.entries >= highWater:
		case e.Seq == b.got+1:
			b.append(q)
		case len(b.early) < maxEarly:
			b.early[e.Seq] = q
		}
	}
	if b.want > b.got {
		poke(b.behind)
	}
}

// append runs with mu held; q is the next entry.
func (b *inbox) append(q queued) {
	for {
		b.got = q.seq
		b.entries++
		b.push(q)
		if b.got == b.catchUp {
			b.caughtUp()
		}
		next, ok := b.early[b.got+1]
		if !ok {
			break
		}
		q = next
	}
	for seq := range b.early {
		if seq <= b.got {
			delete(b.early, seq)
		}
	}
}

// caughtUp runs with mu held.
func (b *inbox) caughtUp() {
	b.push(queued{ev: CaughtUp{Seq: b.got}})
	b.catchUp = 0
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
		if _, typing := ev.(Typing); typing {
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
		return ok && o.User == ev.User
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
		if b.entries == lowWater && (b.must || b.want > b.got) {
			poke(b.behind)
		}
	}
	return q, true
}

// heard tells how far the log has come; must: the server waits for a sync.
func (b *inbox) heard(head uint64, must bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.want = max(b.want, head)
	b.must = b.must || must
	poke(b.behind)
}

// missing says from where the log has to be read, if it has to.
func (b *inbox) missing() (after uint64, must, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries > lowWater {
		return 0, false, false // the application is behind; take comes back to it
	}
	return b.got, b.must, b.must || b.want > b.got
}

// page takes one answer of the log and reports how far the stream has come.
func (b *inbox) page(entries []im.Entry, head uint64) {
	b.offer(false, entries...)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got >= head {
		b.must, b.want = false, b.got
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
