package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// member is a user of the crowd with one device. Its goroutine owns what is not
// said to be guarded.
type member struct {
	crowd *crowd
	name  string
	user  im.UserID
	d     *device  // C-XX; nil: by XMPP
	x     *xdevice // XMPP

	writes bool
	churns bool    // comes into the group and leaves it
	late   bool    // misses a part
	said   []*said // the last one may not be acknowledged
	next   time.Time
	sent   *said     // waits for an answer on this connection
	quit   sync.Once // writes no more

	ctx    context.Context // of this stay
	cancel context.CancelFunc
	gone   chan struct{} // closed at the end of this stay; nil: there was none

	live   uint64 // newest seq that was pushed on this connection
	moved  uint64 // the server has said that the timeline has come so far
	lastID uint32
	cursor atomic.Uint64 // all up to it is known; others may read it

	mu  sync.Mutex
	got map[uint64]string // guarded by mu: by seq
	at  string            // guarded by mu: the server it is connected to, or empty
}

// said is one text of a member.
type said struct {
	body   string
	id     im.ClientID // C-XX
	origin string      // XMPP
	acked  bool
	seq    uint64 // of C-XX
}

// enter runs a member until the crowd ends or he leaves.
func (m *member) enter() {
	g := m.crowd
	m.ctx, m.cancel = context.WithCancel(g.ctx)
	m.gone = make(chan struct{})
	m.next = time.Now()
	if m.writes {
		g.writing.Add(1)
	}
	g.reading.Go(func() {
		defer close(m.gone)
		defer m.through()
		for n := 0; m.ctx.Err() == nil; n++ {
			if n > 0 {
				g.reconnects.Add(1)
			}
			switch {
			case m.churns:
				m.comeAndGo()
			case m.d != nil:
				m.byCXX()
			default:
				m.byXMPP()
			}
			m.is("")
		}
	})
}

// through tells that the member writes no more.
func (m *member) through() {
	if m.writes {
		m.quit.Do(m.crowd.writing.Done)
	}
}

// is notes which server the member is connected to.
func (m *member) is(at string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = at
}

func (m *member) how() string {
	if m.d != nil {
		return "C-XX"
	}
	return "XMPP"
}

// owes reports whether a member who is there does not know all up to seq.
func (m *member) owes(seq uint64) bool {
	return !m.churns && m.gone != nil && m.ctx.Err() == nil && m.cursor.Load() < seq
}

// knows tells that all up to seq is known.
func (m *member) knows(seq uint64) { m.cursor.Store(max(m.cursor.Load(), seq)) }

// take notes a text that has come.
func (m *member) take(seq uint64, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, twice := m.got[seq]; twice && before != text {
		m.crowd.violate("%s: seq %d was %q and is %q", m.name, seq, before, text)
	}
	m.got[seq] = text
}

// pushed notes an entry that was pushed: on one connection places only rise.
func (m *member) pushed(seq uint64, text string) {
	if seq <= m.live {
		m.crowd.violate("%s: seq %d was pushed after %d", m.name, seq, m.live)
	}
	m.live = max(m.live, seq)
	if text != "" {
		m.take(seq, text)
	}
}

// given notes an entry that the history gave, which was asked for what is behind the
// cursor.
func (m *member) given(seq uint64, text string) {
	if after := m.cursor.Load(); seq <= after {
		m.crowd.violate("%s: seq %d was given again behind %d", m.name, seq, after)
	}
	if text != "" {
		m.take(seq, text)
		m.crowd.read.Add(1)
	}
	m.knows(seq)
}

// compose returns what a writer has to send now: the last text, when it was not
// acknowledged, or a new one; nil: nothing.
func (m *member) compose() *said {
	if n := len(m.said); n > 0 && !m.said[n-1].acked {
		return m.said[n-1]
	}
	select {
	case <-m.crowd.stopping:
		m.through()
		return nil
	default:
	}
	if time.Now().Before(m.next) {
		return nil
	}
	m.next = time.Now().Add(m.crowd.plan.pace)
	x := &said{body: fmt.Sprintf("%s %06d", m.name, len(m.said)), origin: uuid()}
	copy(x.id[:], x.origin)
	m.said = append(m.said, x)
	return x
}

func (m *member) acknowledged(x *said) {
	if !x.acked {
		x.acked = true
		m.crowd.acks.Add(1)
	}
}
