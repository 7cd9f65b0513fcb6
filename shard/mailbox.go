package shard

import "sync"

// mailbox is a queue between goroutines. Putting never blocks. Many may put;
// one takes.
type mailbox[T any] struct {
	limit int // of places promised and taken; 0: none

	mu     sync.Mutex
	items  []T  // guarded by mu
	places int  // guarded by mu: items and promised places
	closed bool // guarded by mu

	wake chan struct{} // holds a token when there may be something to take
}

func newMailbox[T any](limit int) *mailbox[T] {
	return &mailbox[T]{limit: limit, wake: make(chan struct{}, 1)}
}

// reserve promises a place; false: the mailbox is full.
func (m *mailbox[T]) reserve() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit > 0 && m.places >= m.limit {
		return false
	}
	m.places++
	return true
}

// release gives a promised place back.
func (m *mailbox[T]) release() {
	m.mu.Lock()
	m.places--
	m.mu.Unlock()
}

// put fills a place that was promised before.
func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.items = append(m.items, v)
	first := len(m.items) == 1
	m.mu.Unlock()
	if first {
		m.ring()
	}
}

// add promises and fills a place regardless of the limit.
func (m *mailbox[T]) add(v ...T) {
	m.mu.Lock()
	m.places += len(v)
	m.items = append(m.items, v...)
	m.mu.Unlock()
	m.ring()
}

func (m *mailbox[T]) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take returns up to most items (0: all) without waiting. What is left rings
// again.
func (m *mailbox[T]) take(most int) []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.items)
	if most > 0 && n > most {
		n = most
	}
	out := m.items[:n:n]
	m.items = m.items[n:]
	m.places -= n
	if len(m.items) == 0 {
		m.items = nil
	} else {
		m.ring()
	}
	return out
}

// wait blocks until there may be something to take. False: closed and empty.
func (m *mailbox[T]) wait() bool {
	for {
		m.mu.Lock()
		some, closed := len(m.items) > 0, m.closed
		m.mu.Unlock()
		if some {
			return true
		}
		if closed {
			return false
		}
		<-m.wake
	}
}

func (m *mailbox[T]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}

// close makes wait return false once the mailbox is empty.
func (m *mailbox[T]) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.ring()
}
