package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// crowd is a group whose members are online, half of them by C-XX and half by XMPP.
// Some write; everybody keeps what he gets, and comes back when he is cut off.
type crowd struct {
	cell   *cell
	id     uint64
	addr   string
	keeper *keeper // its owner
	all    []*member

	ctx      context.Context
	cancel   context.CancelFunc
	stopping chan struct{} // no new texts
	writing  sync.WaitGroup
	reading  sync.WaitGroup

	acks, reconnects, gaps atomic.Int64

	mu         sync.Mutex
	violations []string // guarded by mu
}

// member is a user of the crowd with one device. Its goroutine owns what is not
// said to be guarded.
type member struct {
	crowd *crowd
	name  string
	user  im.UserID
	d     *device  // C-XX; nil: by XMPP
	x     *xdevice // XMPP

	writes bool
	churns bool    // comes and goes
	said   []*said // the last one may not be acknowledged
	next   time.Time
	sent   *said // waits for an answer on this connection

	live   uint64 // newest seq that was pushed on this connection
	cursor uint64 // all up to it is known
	moved  uint64 // the server has said that the timeline has come so far
	lastID uint32

	mu  sync.Mutex
	got map[uint64]string // guarded by mu: by seq
	at  string            // guarded by mu: what it is at, for the report of a failure
}

// is notes what the member is at.
func (m *member) is(at string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = at
}

// said is one text of a member.
type said struct {
	body   string
	id     im.ClientID // C-XX
	origin string      // XMPP
	acked  bool
	seq    uint64 // of C-XX
}

// lastWord is what the owner says when all others are done.
const lastWord = "that was all"

// crowdPlan is the shape of a crowd.
type crowdPlan struct {
	members, writers, churners int
	pace                       time.Duration // between the texts of one writer
}

// gather makes a group, lets everybody in and waits until all are there.
func (c *cell) gather(t *testing.T, p crowdPlan) *crowd {
	t.Helper()
	g := &crowd{cell: c, stopping: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	t.Cleanup(func() {
		g.cancel()
		g.writing.Wait()
		g.reading.Wait()
	})
	run := loads.Add(1)
	g.keeper = newKeeper(t, c, nameOf("keeper", 0, run))
	g.id, g.addr = g.keeper.found(t, nameOf("crowd", 0, run))
	for i := range p.members + p.churners {
		m := &member{crowd: g, name: nameOf("m", i, run), got: make(map[uint64]string), churns: i >= p.members}
		m.writes = i < p.writers
		if i%2 == 0 || m.churns {
			m.d = c.device(m.name, "main")
		} else {
			m.x = c.xdevice(m.name, "desk")
		}
		g.all = append(g.all, m)
	}
	g.accounts(t)
	g.keeper.admit(t, g.all[:p.members])
	for _, m := range g.all {
		m.next = time.Now()
		g.start(m, p.pace)
	}
	return g
}

// accounts makes the users, several at a time.
func (g *crowd) accounts(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, m := range g.all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if m.x != nil {
				u, err := g.cell.account(m.name)
				if err != nil {
					t.Error(err)
				}
				m.user = u
				return
			}
			k, err := m.d.connect(g.ctx)
			if err != nil {
				t.Error(err)
				return
			}
			m.user = m.d.user
			k.close()
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// start runs a member until the crowd ends.
func (g *crowd) start(m *member, pace time.Duration) {
	if m.writes {
		g.writing.Add(1)
	}
	g.reading.Go(func() {
		var once sync.Once
		quit := func() {
			if m.writes {
				once.Do(g.writing.Done)
			}
		}
		defer quit()
		for g.ctx.Err() == nil {
			m.is("connecting")
			switch {
			case m.churns:
				m.comeAndGo()
			case m.d != nil:
				m.byCXX(pace, quit)
			default:
				m.byXMPP(pace, quit)
			}
			g.reconnects.Add(1)
		}
	})
}

func (g *crowd) violate(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.violations) < maxShown {
		g.violations = append(g.violations, fmt.Sprintf(format, args...))
	}
}

// take notes a text that has come.
func (m *member) take(seq uint64, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, twice := m.got[seq]; twice && before != text {
		m.crowd.violate("%s: seq %d was %q and is %q", m.name, seq, before, text)
	}
	m.got[seq] = text
}

// pushed notes a text that was pushed: on one connection places only rise.
func (m *member) pushed(seq uint64, text string) {
	if seq <= m.live {
		m.crowd.violate("%s: seq %d was pushed after %d", m.name, seq, m.live)
	}
	m.live = max(m.live, seq)
	if text != "" {
		m.take(seq, text)
	}
}

// has reports whether a text has come, and how many have.
func (m *member) has(text string) (bool, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.got {
		if s == text {
			return true, len(m.got)
		}
	}
	return false, len(m.got)
}

// compose returns what a writer has to send now: the last text, when it was not
// acknowledged, or a new one; nil: nothing. done: he is through.
func (m *member) compose(pace time.Duration) (x *said, done bool) {
	if n := len(m.said); n > 0 && !m.said[n-1].acked {
		return m.said[n-1], false
	}
	select {
	case <-m.crowd.stopping:
		return nil, true
	default:
	}
	if !m.writes || time.Now().Before(m.next) {
		return nil, false
	}
	m.next = time.Now().Add(pace)
	x = &said{body: fmt.Sprintf("%s %06d", m.name, len(m.said)), origin: uuid()}
	copy(x.id[:], x.origin)
	m.said = append(m.said, x)
	return x, false
}

func (m *member) acknowledged(x *said) {
	if !x.acked {
		x.acked = true
		m.crowd.acks.Add(1)
	}
}

// everybody waits until all members have a text.
func (g *crowd) everybody(t *testing.T, text string) {
	t.Helper()
	until(t, 2*patience, func() bool {
		for _, m := range g.all {
			if ok, _ := m.has(text); !ok && !m.churns {
				return false
			}
		}
		return true
	}, "%q has not come to %v", text, missing{g, text})
}

// missing names some of those who have not got a text.
type missing struct {
	g    *crowd
	text string
}

func (k missing) String() string {
	n, some := 0, ""
	for _, m := range k.g.all {
		ok, has := m.has(k.text)
		if ok || m.churns {
			continue
		}
		if n++; n <= 10 {
			m.mu.Lock()
			some += fmt.Sprintf("\n\t%s by %s has %d, is %s", m.name, m.how(), has, m.at)
			m.mu.Unlock()
		}
	}
	return fmt.Sprintf("%d members:%s", n, some)
}

func (g *crowd) progress(t *testing.T, acks int64) {
	t.Helper()
	want := g.acks.Load() + acks
	until(t, 2*patience, func() bool { return g.acks.Load() >= want }, "there are no %d acks", want)
}

// finish lets the writers end, says the last word, and waits until all have it.
func (g *crowd) finish(t *testing.T) {
	t.Helper()
	close(g.stopping)
	done := make(chan struct{})
	go func() { g.writing.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * patience):
		t.Fatal("some writers get no ack")
	}
	g.keeper.say(t, g.id, lastWord)
	g.everybody(t, lastWord)
	g.cancel()
	g.reading.Wait()
}

func groupCall(g uint64, acts ...*cxxpb.Act) *cxxpb.Call {
	return &cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: g, Acts: acts}}}
}
