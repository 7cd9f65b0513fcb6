package c2s

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

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
