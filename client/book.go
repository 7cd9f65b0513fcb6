package client

import (
	"cmp"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// Book keeps the list of conversations up to date from the stream of events,
// between calls of Client.Conversations. What is unread is computed from the
// messages and the read mark, never counted up, so it cannot drift. One
// goroutine uses a Book.
type Book struct {
	threads map[im.UserID]*thread
	stale   bool
}

// thread is a conversation as the server summed it up, and what came since.
type thread struct {
	im.Conversation
	base  uint64     // seq of the newest message the summary knew
	mark  im.MsgID   // id of that message
	since []im.MsgID // incoming messages after the summary
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{threads: make(map[im.UserID]*thread)} }

// Load takes what Client.Conversations has returned. Messages that came by the
// stream in the meantime stay.
func (b *Book) Load(list []im.Conversation) {
	b.stale = false
	for _, c := range list {
		old := b.threads[c.Peer]
		t := &thread{Conversation: c, base: c.Last.Seq, mark: c.Last.MsgID}
		if old != nil {
			t.merge(old)
		}
		b.threads[c.Peer] = t
	}
}

func (t *thread) merge(old *thread) {
	for _, id := range old.since {
		if id > t.mark {
			t.since = append(t.since, id)
		}
	}
	if old.Last.Seq > t.Last.Seq {
		t.Last = old.Last
	}
	t.PeerTo = max(t.PeerTo, old.PeerTo)
	if old.ReadTo > t.ReadTo {
		t.read(old.ReadTo)
	}
}

// Apply takes an event of the stream and reports whether the list has changed.
func (b *Book) Apply(ev Event) bool {
	switch ev := ev.(type) {
	case Message:
		return b.message(ev)
	case Read:
		t := b.thread(ev.Peer)
		if !ev.Mine {
			t.PeerTo = max(t.PeerTo, ev.UpTo)
			return true
		}
		if !t.read(ev.UpTo) {
			b.stale = true
		}
		return true
	case Regressed:
		b.threads, b.stale = make(map[im.UserID]*thread), true
		return true
	}
	return false
}

func (b *Book) thread(peer im.UserID) *thread {
	t := b.threads[peer]
	if t == nil {
		t = &thread{Conversation: im.Conversation{Peer: peer}}
		b.threads[peer] = t
	}
	return t
}

func (b *Book) message(m Message) bool {
	t := b.thread(m.Peer)
	if m.Seq <= t.base {
		return false // the summary has it
	}
	if m.Seq > t.Last.Seq {
		t.Last = m.Entry
	}
	if !m.Mine {
		t.since = append(t.since, m.MsgID)
	}
	return true
}

// read moves the user's own mark. It reports false when the summary's number
// cannot be told any more, because the mark stands in the middle of it.
func (t *thread) read(upTo im.MsgID) bool {
	t.ReadTo = max(t.ReadTo, upTo)
	t.since = slices.DeleteFunc(t.since, func(id im.MsgID) bool { return id <= t.ReadTo })
	if t.ReadTo >= t.mark {
		t.Conversation.Unread = 0
	}
	return t.Conversation.Unread == 0
}

// Stale reports whether the list should be loaded again.
func (b *Book) Stale() bool { return b.stale }

// Unread returns how many messages of peer lie above the read mark.
func (b *Book) Unread(peer im.UserID) int {
	t := b.threads[peer]
	if t == nil {
		return 0
	}
	return t.Conversation.Unread + len(t.since)
}

// Get returns the conversation with peer; the zero value when there is none.
func (b *Book) Get(peer im.UserID) im.Conversation {
	t := b.threads[peer]
	if t == nil {
		return im.Conversation{Peer: peer}
	}
	c := t.Conversation
	c.Unread = b.Unread(peer)
	return c
}

// List returns the conversations that have a message, newest first.
func (b *Book) List() []im.Conversation {
	list := make([]im.Conversation, 0, len(b.threads))
	for peer, t := range b.threads {
		if t.Last.Seq > 0 {
			list = append(list, b.Get(peer))
		}
	}
	slices.SortFunc(list, func(x, y im.Conversation) int { return cmp.Compare(y.Last.MsgID, x.Last.MsgID) })
	return list
}
