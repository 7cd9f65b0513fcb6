package c2s

import (
	"context"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// eventKind says what an event is.
type eventKind uint8

const (
	evStanza   eventKind = iota // from the client
	evEntry                     // of the inbox
	evPresence                  // of a contact
	evSignal                    // from another session
	evSettled                   // a stanza of the client's is done with
	evCall                      // run something
	evPost                      // of a timeline
	evOccupant                  // of a room
)

// event is one thing for the runner. The fields of its kind are set.
type event struct {
	kind     eventKind
	stanza   *xmlstream.Element
	conn     stream.Conn // that stanza came on
	entry    *im.Entry
	presence *im.UserPresence
	signal   *im.Signal
	receipt  *receipt
	call     func(context.Context)
	post     *im.GroupPush
	occupant *im.OccupantChange
}

// weight is roughly what an event holds of the outbound budget, in bytes.
func (e *event) weight() int {
	const overhead = 300
	switch e.kind {
	case evEntry:
		return overhead + len(e.entry.Text) + len(e.entry.Ext)
	case evPresence:
		n := overhead
		for i := range e.presence.Resources {
			n += overhead + len(e.presence.Resources[i].Presence.Ext)
		}
		return n
	case evSignal:
		return overhead + len(e.signal.Data)
	case evPost:
		return overhead + len(e.post.Entry.Text) + len(e.post.Entry.Ext)
	case evOccupant: // all sessions share it
		return overhead
	}
	return 0
}

// queue is the mailbox of a session. Its runner exists only while there is
// something in it. Any goroutine may post.
type queue struct {
	run     func([]event) // handles a batch; only one call at a time
	runners *runners      // that lend a goroutine for it

	mu      sync.Mutex
	room    sync.Cond // of mu: there may be room for the reader
	items   []event   // guarded by mu
	spare   []event   // guarded by mu: memory for the next batch
	held    int       // guarded by mu: bytes of what others have sent
	open    int       // guarded by mu: stanzas of the client's that are not settled
	running bool      // guarded by mu
	closed  bool      // guarded by mu
	idle    sync.Cond // of mu: the runner has ended
}

// init makes the queue ready to be posted to; nothing is handled until start.
func (q *queue) init(run func([]event)) {
	q.run, q.running = run, true
	q.room.L, q.idle.L = &q.mu, &q.mu
}

// start lets the runner handle what was posted.
func (q *queue) start() { q.runners.run(q) }

// post adds an event. False: the session has ended.
func (q *queue) post(e event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(e)
}

// add runs with mu held.
func (q *queue) add(e event) bool {
	if q.closed {
		return false
	}
	q.held += e.weight()
	q.items = append(q.items, e)
	if !q.running {
		q.running = true
		q.runners.run(q)
	}
	return true
}

// postWithin adds what others have sent unless that makes more than limit bytes
// wait.
func (q *queue) postWithin(limit int, e event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held+e.weight() <= limit && q.add(e)
}

// maxOpen is how many stanzas of a client may be under way; then its stream is
// not read (contract section 3: unacked sends per session).
const maxOpen = 128

// postStanza adds a stanza of the client's and waits for room.
func (q *queue) postStanza(st *xmlstream.Element, conn stream.Conn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.open >= maxOpen && !q.closed {
		q.room.Wait()
	}
	q.open++
	return q.add(event{kind: evStanza, stanza: st, conn: conn})
}

// settled makes room for one more stanza.
func (q *queue) settled() {
	q.mu.Lock()
	q.open--
	q.mu.Unlock()
	q.room.Signal()
}

func (q *queue) work() {
	for {
		q.mu.Lock()
		batch := q.items
		q.items, q.spare = q.spare[:0], nil
		q.held = 0
		if len(batch) == 0 {
			q.running, q.items = false, nil
			q.idle.Broadcast()
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		q.run(batch)
		clear(batch)
		if cap(batch) <= 64 {
			q.mu.Lock()
			q.spare = batch[:0]
			q.mu.Unlock()
		}
	}
}

// close refuses events from now on; those that wait are still handled.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.room.Broadcast()
}

// wait returns when the runner has ended; call it after close.
func (q *queue) wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.running {
		q.idle.Wait()
	}
}
