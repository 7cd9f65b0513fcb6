package c2s

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// tape is a connection that keeps what it is sent.
type tape struct {
	mu     sync.Mutex // guards all below
	said   strings.Builder
	fails  error
	closed bool
}

var _ stream.Conn = (*tape)(nil)

func (c *tape) Next() (xmlstream.Event, error) { return xmlstream.Event{}, io.EOF }
func (c *tape) Open(xmlstream.Header) error    { return nil }
func (c *tape) Restart()                       {}
func (c *tape) StartTLS([]byte) error          { return errors.New("no TLS here") }
func (c *tape) Authenticated()                 {}
func (c *tape) Info() stream.Info              { return stream.Info{Secure: true, Resumable: true} }

func (c *tape) Send(stanzas ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range stanzas {
		c.said.Write(st)
	}
	return c.fails
}

func (c *tape) Close(*stream.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// take returns what was sent since the last call.
func (c *tape) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.said.String()
	c.said.Reset()
	return out
}

// desk is a session of a client, its runner not started.
func desk(t *testing.T, cell *xmpptest.Cell, name string, edit func(*Config)) (*session, *tape) {
	t.Helper()
	cfg := Default()
	if edit != nil {
		edit(&cfg)
	}
	srv, err := New(cfg, Deps{Domains: []string{xmpptest.Domain}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv.runners = nil // nobody closes the server
	conn := &tape{}
	s := newSession(srv, conn, im.Device{})
	is := cell.Session(name)
	s.core, s.addr, s.full = is.Core(), is.Addr(), is.Addr().String()
	srv.enter(s)
	return s, conn
}

// say lets the client say something, and waits until it is handled.
func (s *session) say(t *testing.T, xml string) {
	t.Helper()
	st, err := stanza.Parse([]byte(xml))
	if err != nil {
		t.Fatal(err)
	}
	s.queue.postStanza(st, s.conn)
	synctest.Wait()
}

// leaveNow ends the session of a test.
func (s *session) leaveNow() {
	s.queue.post(event{kind: evCall, call: func(context.Context) { s.end(nil, true) }})
	synctest.Wait()
}

// A client that goes before it has its answer leaves no session behind: nobody
// would ever read for it.
func TestAnswerThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn := desk(t, xmpptest.New(), "romeo/orchard", nil)
		conn.fails = io.ErrClosedPipe
		n := &negotiation{srv: s.srv, conn: conn}
		if err := n.start(s, stanza.New("iq", "result")); err == nil {
			t.Error("nobody is told")
		}
		synctest.Wait()
		if s.srv.Sessions() != 0 {
			t.Error("the session is still there")
		}
	})
}

// Requests to a client that answers none are bounded; an answer to one that was
// given up is an answer to nothing.
func TestAsksAreBounded(t *testing.T) {
	var a asks
	given, answered := 0, 0
	for range 100 * maxAsks {
		a.add(t.Context(), func(_ context.Context, st *xmlstream.Element) {
			if st == nil {
				given++
			} else {
				answered++
			}
		})
	}
	if len(a.open) != maxAsks || given != 99*maxAsks {
		t.Errorf("%d are open, %d were given up", len(a.open), given)
	}
	result := func(n int) *xmlstream.Element {
		return stanza.New("iq", "result").SetAttr("id", fmt.Sprintf("%s%d", askPrefix, n))
	}
	if a.settle(t.Context(), result(1)) || !a.settle(t.Context(), result(a.last)) || a.settle(t.Context(), result(a.last)) || answered != 1 {
		t.Error("each is answered once, while it is open")
	}
	if a.settle(t.Context(), result(a.last-1).SetAttr("to", "juliet@"+xmpptest.Domain)) {
		t.Error("an answer for somebody else was taken")
	}
	a.abort(t.Context())
	if given != 100*maxAsks-1 || a.open != nil {
		t.Errorf("%d were told at the end", given)
	}
}

// A presence that the core does not take is refused, and the client is as it was
// before (RFC 6121 section 4.2); one that leaves is gone all the same (section 4.5).
func TestPresenceThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn := desk(t, xmpptest.New(), "romeo/orchard", nil)
		picky := &pickyCore{Session: s.core}
		s.core = picky
		s.queue.start()
		defer s.leaveNow()
		long := "<status>" + strings.Repeat("x", pickyStatus+1) + "</status>"
		s.say(t, "<presence id='1'>"+long+"</presence>")
		if got := conn.take(); !strings.Contains(got, "type='error'") || s.available {
			t.Errorf("available: %v; sent %s", s.available, got)
		}
		s.say(t, "<presence><show>away</show></presence>")
		s.say(t, "<presence id='2'>"+long+"</presence>")
		if got := conn.take(); !strings.Contains(got, "type='error'") || !s.available || s.presence.Show != im.ShowAway || picky.last.Show != im.ShowAway {
			t.Errorf("available: %v, shown as %v, in the cell %v; sent %s", s.available, s.presence.Show, picky.last.Show, got)
		}
		s.say(t, "<presence type='unavailable'>"+long+"</presence>")
		if s.available || picky.last.Show != im.ShowOffline {
			t.Errorf("available: %v, in the cell %v", s.available, picky.last.Show)
		}
	})
}

const pickyStatus = 1024

// pickyCore refuses a long status, as the core does.
type pickyCore struct {
	im.Session
	last im.Presence
}

func (c *pickyCore) SetPresence(ctx context.Context, p im.Presence) error {
	if len(p.Status) > pickyStatus {
		return im.Errorf(im.CodeTooLarge, "")
	}
	c.last = p
	return c.Session.SetPresence(ctx, p)
}

// Presence that there was no room for is looked up (contract 1.9): who came, who
// went, and who may not be seen any more.
func TestPresenceThatWasDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cell := xmpptest.New()
		cell.Befriend("romeo", "juliet")
		cell.Befriend("romeo", "nurse")
		cell.Befriend("romeo", "paris")
		juliet, nurse, paris := cell.Session("juliet/balcony"), cell.Session("nurse/door"), cell.Session("paris/tomb")
		juliet.Present(im.Presence{Show: im.ShowOnline})
		paris.Present(im.Presence{Show: im.ShowOnline})
		s, conn := desk(t, cell, "romeo/orchard", nil)
		s.queue.start()
		defer s.leaveNow()
		s.say(t, "<presence/>")
		conn.take()
		juliet.Present(im.Presence{Show: im.ShowOffline})
		nurse.Present(im.Presence{Show: im.ShowAway})
		cell.Relate("romeo", "paris", im.SubNone)
		s.queue.mu.Lock() // the runner is busy, and the budget used up
		s.queue.held = 1 << 30
		s.queue.mu.Unlock()
		sink{s}.PushPresence(im.UserPresence{User: cell.User("juliet")})
		synctest.Wait()
		got := conn.take()
		for _, want := range []string{
			"from='juliet@" + xmpptest.Domain + "/balcony' to='romeo@" + xmpptest.Domain + "/orchard' type='unavailable'",
			"from='paris@" + xmpptest.Domain + "/tomb' to='romeo@" + xmpptest.Domain + "/orchard' type='unavailable'",
			"from='nurse@" + xmpptest.Domain + "/door' to='romeo@" + xmpptest.Domain + "/orchard'><show>away</show>",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("sent %s\nwant %s", got, want)
			}
		}
	})
}

// Nothing is read of contacts who are away (a list may have thousands).
func TestLoginReadsNoAddressOfWhoIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cell := xmpptest.New()
		cell.Befriend("romeo", "juliet")
		cell.Befriend("romeo", "nurse")
		cell.Session("nurse/door").Present(im.Presence{Show: im.ShowOnline})
		s, _ := desk(t, cell, "romeo/orchard", nil)
		counting := &addressCore{Session: s.core}
		s.core = counting
		s.queue.start()
		defer s.leaveNow()
		s.say(t, "<presence/>")
		if counting.asked[cell.User("juliet")] > 0 || counting.asked[cell.User("nurse")] == 0 {
			t.Errorf("asked for the addresses of %v; want that of who is there", counting.asked)
		}
	})
}

type addressCore struct {
	im.Session
	asked map[im.UserID]int
}

func (c *addressCore) Address(ctx context.Context, u im.UserID) (im.Addr, error) {
	if c.asked == nil {
		c.asked = make(map[im.UserID]int)
	}
	c.asked[u]++
	return c.Session.Address(ctx, u)
}

// What a client sends may make its reader panic: the session does not outlive its
// connection.
func TestReaderPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn := desk(t, xmpptest.New(), "romeo/orchard", nil)
		s.queue.start()
		func() {
			defer func() { _ = recover() }()
			defer s.done(conn)
			panic("while reading")
		}()
		synctest.Wait()
		if s.srv.Sessions() != 0 {
			t.Error("the session is still there")
		}
	})
}
