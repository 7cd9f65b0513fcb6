package stream

import (
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// boshConn is a session of BOSH. Requests come on goroutines of the HTTP server;
// what they say waits for the session's own goroutine, which calls Next.
type boshConn struct {
	srv  *Server
	sid  string
	info Info

	// As negotiated, unchanged afterwards (XEP-0124 section 7.2).
	to, ver, content  string
	wait, polling     time.Duration
	inactivity, pause time.Duration
	hold, requests    int
	acks              bool
	secret            bool // the first request came over TLS

	news chan struct{} // cap 1: something for Next
	room chan struct{} // cap 1: something for Send

	mu      sync.Mutex
	late    bool              // guarded by mu: authenticated, limits are the late ones
	until   time.Time         // guarded by mu: the login is late then; zero: logged in
	heard   time.Time         // guarded by mu: last request
	inbox   []boshEvent       // guarded by mu: for Next
	unread  int               // guarded by mu: bytes of what is in inbox
	reopen  bool              // guarded by mu: a restart has to come
	out     []byte            // guarded by mu: for the next response
	streams bool              // guarded by mu: out has elements with the prefix stream
	head    *xmlstream.Header // guarded by mu: of a stream that was opened and not told yet
	created bool              // guarded by mu: the session was told
	leaves  bool              // guarded by mu: the client has ended the session
	ended   bool              // guarded by mu: Close was called
	lost    bool              // guarded by mu: the client has not come back
	told    bool              // guarded by mu: so the client was told
	final   string            // guarded by mu: condition of the last response

	rids boshOrder // guarded by mu
	idle *time.Timer
}

type boshEvent struct {
	xmlstream.Event
	size int
}

// Info implements Conn.
func (c *boshConn) Info() Info { return c.info }

// StartTLS implements Conn: it fails.
func (c *boshConn) StartTLS([]byte) error { return errNoStartTLS }

// Next implements Conn.
func (c *boshConn) Next() (xmlstream.Event, error) {
	for {
		ev, due, err := c.take()
		if err != nil || ev.Kind != xmlstream.None {
			return ev, err
		}
		if !wait(c.news, due) {
			if err := c.overdue(); err != nil {
				return xmlstream.Event{}, err
			}
		}
	}
}

// wait waits for a signal, until due when there is one.
func wait(signal <-chan struct{}, due time.Time) bool {
	if due.IsZero() {
		<-signal
		return true
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-signal:
		return true
	case <-timer.C:
		return false
	}
}

// take returns the next event, or how long to wait for one.
func (c *boshConn) take() (ev xmlstream.Event, due time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return ev, due, io.EOF
	case len(c.inbox) > 0:
		first := c.inbox[0]
		c.inbox[0] = boshEvent{}
		if c.inbox = c.inbox[1:]; len(c.inbox) == 0 {
			c.inbox = nil
		}
		c.unread -= first.size
		c.pump()
		if c.reopen && first.Kind == xmlstream.Stanza {
			return ev, due, &xmlstream.Error{Condition: xmlstream.BadFormat, Reason: "an element where a restart was expected"}
		}
		c.reopen = c.reopen && first.Kind != xmlstream.Open
		return first.Event, due, nil
	case c.lost:
		return ev, due, io.ErrUnexpectedEOF
	}
	return ev, c.due(), nil
}

// due runs with mu held.
func (c *boshConn) due() time.Time {
	switch {
	case !c.until.IsZero():
		return c.until
	case c.srv.deps.Idle > 0:
		return c.heard.Add(c.srv.deps.Idle)
	}
	return time.Time{}
}

// overdue says what it means that time is over; nil: something was heard.
func (c *boshConn) overdue() error {
	c.mu.Lock()
	due, early := c.due(), !c.until.IsZero()
	late := !due.IsZero() && !time.Now().Before(due)
	if late && !early {
		c.heard = time.Now() // the next silence begins
	}
	c.mu.Unlock()
	switch {
	case !late:
		return nil
	case early:
		c.Close(errNoLogin)
		return ErrLogin
	}
	return ErrIdle
}

// Open implements Conn.
func (c *boshConn) Open(h xmlstream.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.lost {
		return net.ErrClosed
	}
	c.head = &h
	return nil
}

// Send implements Conn. The stanzas are taken when they wait for the client's
// next request; there is room for Config.BOSH.MaxOutbound bytes of them.
func (c *boshConn) Send(stanzas ...[]byte) error {
	n := 0
	for _, st := range stanzas {
		n += len(st) + len(xmlnsClient)
	}
	due := time.Now().Add(c.srv.cfg.ProgressTimeout.D())
	for {
		done, err := c.add(n, stanzas)
		if done || err != nil {
			return err
		}
		if !wait(c.room, due) {
			c.vanish()
			return errNoProgress
		}
	}
}

var errNoProgress = &lateError{"xmpp: the client fetches nothing"}

// add queues stanzas of n bytes in all when there is room.
func (c *boshConn) add(n int, stanzas [][]byte) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended || c.lost:
		return false, net.ErrClosed
	case len(c.out) > 0 && len(c.out)+n > int(c.srv.cfg.BOSH.MaxOutbound):
		return false, nil
	}
	for _, st := range stanzas {
		c.append(st)
	}
	c.pump()
	return true, nil
}

// append runs with mu held.
func (c *boshConn) append(st []byte) {
	c.streams = c.streams || strings.HasPrefix(string(st[:min(len(st), 8)]), "<stream:")
	c.out = appendStanding(c.out, st)
}

// Restart implements Conn.
func (c *boshConn) Restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reopen = true
}

// Authenticated implements Conn.
func (c *boshConn) Authenticated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late, c.until, c.heard = true, time.Time{}, time.Now()
}

// Close implements Conn. The client learns it from the response to a request
// that waits, or else to its next one.
func (c *boshConn) Close(reason *Error) {
	condition := ""
	if reason != nil {
		condition = boshStreamError // XEP-0206 section 6
		c.srv.metrics.errors.WithLabelValues(string(reason.Condition)).Inc()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if reason != nil {
		c.append(xmlstream.Append(nil, reason.Element(), scope))
	}
	c.end(condition)
}

// end runs with mu held.
func (c *boshConn) end(condition string) {
	c.ended, c.final = true, condition
	c.inbox, c.unread = nil, 0
	c.pump()
	c.dismiss(boshReply{body: emptyBody})
	c.rest()
}

// vanish ends a session whose client is gone, without a word to it.
func (c *boshConn) vanish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.lost = true
	c.dismiss(terminal(boshItemNotFound))
	c.srv.sessions.forget(c)
}

// dismiss gives every request that still waits the same response, and wakes
// who waits for the client. It runs with mu held, at the end.
func (c *boshConn) dismiss(reply boshReply) {
	for _, req := range append(c.rids.held, c.rids.ahead...) {
		if !req.gone {
			req.reply <- reply
		}
	}
	c.rids.held, c.rids.ahead = nil, nil
	signal(c.news)
	signal(c.room)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
