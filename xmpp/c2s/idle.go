package c2s

import (
	"context"
	"sync/atomic"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// silence counts how often in a row the client was silent for a whole interval.
type silence struct{ n atomic.Int32 }

// heard notes that the client lives.
func (s *session) heard() { s.silence.n.Store(0) }

// poke asks a silent client whether it is there (XEP-0199, or XEP-0198 where it
// speaks that); after a second silence the connection is lost.
func (s *session) poke(conn stream.Conn) bool {
	if s.silence.n.Add(1) > 1 {
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			if s.conn != conn {
				return
			}
			if s.smID != "" {
				s.lost(conn)
				return
			}
			s.end(streamError(im.Errorf(im.CodeIdle, "there was no answer for too long")), true)
		}})
		return false
	}
	s.queue.post(event{kind: evCall, call: func(context.Context) {
		if s.sm.on {
			s.sm.out()
			s.raw(requestAck)
			return
		}
		ping := xmlstream.New("urn:xmpp:ping", "ping")
		s.ask(ping, true, func(context.Context, *xmlstream.Element) {})
	}})
	return true
}
