package c2s

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/disco"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// session is a bound session. Fields without a note belong to the runner.
type session struct {
	srv    *Server
	core   im.Session
	addr   im.Addr
	full   string // of addr
	lang   string // of the client's stream, when it is not that of ours
	device im.Device
	queue  queue
	behind atomic.Bool   // entries were refused: read the log
	missed atomic.Bool   // presence was refused: look at all contacts
	flags  atomic.Uint32 // iq.Flag; any goroutine reads, the runner writes
	ctx    context.Context
	cancel context.CancelFunc

	conn    stream.Conn // nil while the client is away
	info    stream.Info // of the newest connection
	over    bool        // the session has ended
	out     [][]byte    // what the next flush writes
	in      inbound
	sm      outbound
	feed    feed
	smID    string // previd of resumption; "" without
	away    *time.Timer
	waiting []func() // for all stanzas of the client's to be settled
	seq     uint64   // newest entry of the inbox that was handled
	asks    asks
	silence silence
	caps    disco.Client
	photo   photo
	box     box
	csi     csi
	known   recent // ids of messages, for read marks

	presence  im.Presence // as the client and Interests made it
	available bool
	hidden    bool   // the client is away; others are shown that it is offline
	shown     uint64 // newest entry of the inbox that was written to the client
	greeted   bool   // has been available in this session
	seen      presence.Seen
	parked    parked
	backlog   backlog
	directed  map[im.Addr]struct{} // who got directed presence (RFC 6121 section 4.6)
}

// box holds stanzas that Send has queued.
type box struct {
	mu    sync.Mutex
	items [][]byte // guarded by mu
}

// newSession returns a session that has no place in the core yet.
func newSession(srv *Server, conn stream.Conn, device im.Device) *session {
	s := &session{srv: srv, conn: conn, info: conn.Info(), device: device}
	s.queue.init(s.run)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Core implements iq.Session.
func (s *session) Core() im.Session { return s.core }

// Addr implements iq.Session.
func (s *session) Addr() im.Addr { return s.addr }

// Domain implements iq.Session.
func (s *session) Domain() string { return s.addr.Domain }

// Device implements iq.Session.
func (s *session) Device() im.Device { return s.device }

// Has implements iq.Session.
func (s *session) Has(f iq.Flag) bool { return s.flags.Load()&uint32(f) != 0 }

// Turn implements iq.Session.
func (s *session) Turn(f iq.Flag, on bool) {
	if on {
		s.flags.Or(uint32(f))
		return
	}
	s.flags.And(^uint32(f))
}

// Send implements iq.Session.
func (s *session) Send(st *xmlstream.Element) {
	s.box.mu.Lock()
	s.box.items = append(s.box.items, stanza.Bytes(st))
	first := len(s.box.items) == 1
	s.box.mu.Unlock()
	if first {
		s.queue.post(event{kind: evCall, call: func(context.Context) { s.empty() }})
	}
}

// empty writes what Send has queued. The runner calls it before it writes what
// has to stand behind that.
func (s *session) empty() {
	s.box.mu.Lock()
	items := s.box.items
	s.box.items = nil
	s.box.mu.Unlock()
	for _, data := range items {
		s.write(data, 0)
	}
}

// Interests implements iq.Session.
func (s *session) Interests(nodes []string) {
	joined := ""
	for _, n := range nodes {
		joined += n + "\n"
	}
	if joined == s.presence.Interests {
		return
	}
	fresh := pep.Fresh(s.presence.Interests, joined)
	s.presence.Interests = joined
	if s.available {
		s.announce(s.ctx)
		s.lastItems(fresh)
	}
}

// run handles a batch of events and writes what they led to.
func (s *session) run(batch []event) {
	defer s.recovered()
	for i := range batch {
		if !s.over {
			s.handle(&batch[i])
		}
	}
	if !s.over {
		s.flush()
	}
}

// recovered closes the session of a handler that has panicked; nobody else is
// harmed.
func (s *session) recovered() {
	r := recover()
	if r == nil {
		return
	}
	s.srv.metrics.panics.Inc()
	s.srv.log.Error("handler panicked", "session", s.core.ID(), "user", s.core.User(), "err", r, "stack", stack())
	s.end(stream.Errorf(stream.InternalServerError, ""), false)
}

func (s *session) handle(e *event) {
	switch e.kind {
	case evStanza:
		s.received(e.stanza, e.conn)
	case evEntry:
		s.entry(e.entry)
	case evPresence:
		s.contactPresence(&e.presence)
	case evSignal:
		s.signal(&e.signal)
	case evSettled:
		s.settle(e.receipt)
	case evCall:
		e.call(s.ctx)
	}
}

// write queues a stanza for the client; seq is its place in the inbox, zero for
// what is not in the log.
func (s *session) write(data []byte, seq uint64) {
	if s.sm.on {
		s.sm.add(data, seq)
	}
	s.shown = max(s.shown, seq)
	s.out = append(s.out, data)
	if !s.sm.on && seq > 0 {
		s.core.Acknowledge(seq)
	}
}

// send is write for what was made just now.
func (s *session) send(st *xmlstream.Element) { s.write(stanza.Bytes(st), 0) }

// raw queues what is no stanza and is not counted.
func (s *session) raw(data []byte) { s.out = append(s.out, data) }

// flush hands what was written to the transport.
func (s *session) flush() {
	conn := s.conn
	if s.sm.on && (len(s.sm.unacked) > s.srv.cfg.MaxUnacked || s.sm.size > int(s.srv.cfg.MaxUnackedSize)) {
		s.end(errUnacked, false)
		return
	}
	if conn == nil {
		s.out = nil // unacked has it
		return
	}
	if s.sm.ask(s.crowded()) { // also when an <a/> has not covered all
		s.raw(requestAck)
	}
	if len(s.out) == 0 {
		return
	}
	err := conn.Send(s.out...)
	clear(s.out)
	s.out = s.out[:0]
	if cap(s.out) > 64 {
		s.out = nil
	}
	if err != nil {
		s.lost(conn)
	}
}

// read feeds the session from a connection until that ends. It runs on the
// connection's goroutine. Its frame stays small, and so the stack of a client that
// is silent: what it does with an event is done elsewhere.
func (s *session) read(conn stream.Conn) {
	pace := &pacer{rate: s.srv.cfg.SendRate, burst: s.srv.cfg.SendBurst}
	for {
		ev, err := conn.Next()
		if err != nil {
			if !s.unread(conn, err) {
				return
			}
			continue
		}
		if !s.took(conn, ev, pace) {
			return
		}
	}
}

// unread handles what Next returns instead of an event; false: nothing more will
// come.
func (s *session) unread(conn stream.Conn, err error) bool {
	if errors.Is(err, stream.ErrIdle) {
		return s.poke(conn)
	}
	s.broken(conn, err)
	return false
}

// took hands an event to the runner; false: it was the last of the connection.
//
//go:noinline
func (s *session) took(conn stream.Conn, ev xmlstream.Event, pace *pacer) bool {
	switch ev.Kind {
	case xmlstream.Close:
		s.queue.post(event{kind: evCall, call: func(context.Context) { s.closed(conn) }})
		return false
	case xmlstream.Open:
		s.fail(conn, stream.Errorf(xmlstream.BadFormat, "a stream header within the stream"))
		return false
	}
	s.heard(conn)
	if stanza.IsStanza(ev.Element) {
		pace.wait(s.ctx)
	}
	return s.queue.postStanza(ev.Element, conn)
}

// done returns when the session has done with a connection that is not read any
// more: whoever serves it closes it then, and must not cut off the last words.
func (s *session) done(conn stream.Conn) {
	left := make(chan struct{})
	s.queue.post(event{kind: evCall, call: func(context.Context) {
		s.lost(conn) // unless that is known
		close(left)
	}})
	select {
	case <-left:
	case <-s.ctx.Done(): // it has ended, with all that it had to say
	}
}

// broken ends a connection that cannot be read on.
func (s *session) broken(conn stream.Conn, err error) {
	var x *xmlstream.Error
	if errors.As(err, &x) {
		s.fail(conn, stream.FromXML(x))
		return
	}
	if !errors.Is(err, io.EOF) {
		s.srv.log.Debug("connection broke", "session", s.core.ID(), "user", s.core.User(), "err", err)
	}
	s.queue.post(event{kind: evCall, call: func(context.Context) { s.lost(conn) }})
}

// fail ends the session for a mistake of its client on conn.
func (s *session) fail(conn stream.Conn, reason *stream.Error) {
	s.queue.post(event{kind: evCall, call: func(context.Context) {
		if s.conn == conn {
			s.end(reason, false)
		}
	}})
}

// lost notes that conn is gone: the client may come back and resume.
func (s *session) lost(conn stream.Conn) {
	if conn != s.conn || s.over {
		return
	}
	if !s.resumable() || s.srv.draining.Load() {
		s.end(nil, true)
		return
	}
	s.srv.closeLater(conn, nil)
	s.attach(nil)
	s.later(s.srv.cfg.Grace.D(), s.hide)
}

// later runs f on the runner when d has passed and the client is still away.
func (s *session) later(d time.Duration, f func()) {
	s.away = time.AfterFunc(d, func() {
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			if s.conn == nil {
				f()
			}
		}})
	})
}

// hide shows the user's contacts that the client is away for longer than a change
// of networks takes (contract clause 9). It may still come back.
func (s *session) hide() {
	if s.available {
		s.hidden = true
		s.announce(s.ctx)
	}
	s.later(s.srv.cfg.ResumeWindow.D()-s.srv.cfg.Grace.D(), func() { s.end(nil, true) })
}

// closed ends the session as its client wished (RFC 6120 section 4.4).
func (s *session) closed(conn stream.Conn) {
	if conn == s.conn {
		s.end(nil, false)
	}
}

// attach sets where the client is.
func (s *session) attach(conn stream.Conn) {
	s.conn = conn
	if s.away != nil {
		s.away.Stop()
		s.away = nil
	}
}

// end ends the session once, on its runner. silent: the client is not there to
// hear it.
func (s *session) end(reason *stream.Error, silent bool) {
	if s.over {
		return
	}
	s.over = true
	conn := s.conn
	s.queue.close()
	s.leave()
	s.core.Close()
	if conn != nil {
		if len(s.out) > 0 && !silent {
			_ = conn.Send(s.out...) // the last words; the connection may be gone
		}
		conn.Close(reason)
	}
	s.out, s.sm.unacked = nil, nil
	s.cancel()
	s.srv.forget(s)
	s.asks.abort(context.Background())
}
