package c2s

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/disco"
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
	seen      presence.Seen
	parked    parked
	backlog   backlog
	directed  map[im.Addr]struct{} // who got directed presence (RFC 6121 section 4.6)

	rooms  map[im.GroupID]*joined // that the client is in (XEP-0045)
	toAttr []byte                 // the attribute 'to' of what it gets from them
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
	s.queue.runners = srv.runners
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
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
		s.contactPresence(e.presence)
	case evSignal:
		s.signal(e.signal)
	case evSettled:
		s.settle(e.receipt)
	case evCall:
		e.call(s.ctx)
	case evPost:
		s.post(e.post)
	case evOccupant:
		s.occupant(e.occupant)
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
