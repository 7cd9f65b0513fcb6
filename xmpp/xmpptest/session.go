package xmpptest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Session is a session of an XMPP client in the cell; it implements iq.Session.
// It keeps what is sent to the client, for the test to look at.
type Session struct {
	core *Core

	mu        sync.Mutex // guards all below
	sent      []*xmlstream.Element
	asked     []Question
	flags     iq.Flag
	interests []string
}

// Question is a request to the client that waits for the test's answer.
type Question struct {
	Get     bool
	Payload *xmlstream.Element
	done    func(context.Context, *xmlstream.Element)
}

// Answer gives the client's answer, an iq stanza or nil.
func (q Question) Answer(st *xmlstream.Element) { q.done(context.Background(), st) }

var _ iq.Session = (*Session)(nil)

// Session opens a session with a full address, "romeo/orchard", and makes the
// account when there is none. It is not available before the test makes it so.
func (c *Cell) Session(name string) *Session {
	local, resource, _ := strings.Cut(name, "/")
	return &Session{core: c.open(local, resource, im.ProtocolXMPP)}
}

// CXX opens a session of a C-XX client and sets its presence.
func (c *Cell) CXX(name string, p im.Presence) *Core {
	local, resource, _ := strings.Cut(name, "/")
	s := c.open(local, resource, im.ProtocolCXX)
	s.Present(p)
	return s
}

func (c *Cell) open(local, resource string, protocol im.Protocol) *Core {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.user(Addr(local))
	c.last++
	a := u.account.Addr
	a.Resource = resource
	d := im.Device{ID: im.DeviceID(c.last), Resource: resource, Protocol: protocol, Created: c.Clock, LastLogin: c.Clock, Epoch: 1}
	s := &Core{cell: c, me: u, addr: a, id: im.SessionID(c.last), device: d, protocol: protocol}
	u.sessions = append(u.sessions, s)
	u.devices = append(u.devices, d)
	return s
}

// Present sets the presence of the session, as SetPresence does.
func (s *Core) Present(p im.Presence) {
	s.cell.mu.Lock()
	defer s.cell.mu.Unlock()
	s.presence = p
}

// Present sets the presence of the session in the core.
func (s *Session) Present(p im.Presence) { s.core.Present(p) }

// Core implements iq.Session.
func (s *Session) Core() im.Session { return s.core }

// Addr implements iq.Session.
func (s *Session) Addr() im.Addr { return s.core.addr }

// Domain implements iq.Session.
func (s *Session) Domain() string { return s.core.addr.Domain }

// Device implements iq.Session.
func (s *Session) Device() im.Device { return s.core.device }

// Send implements iq.Session.
func (s *Session) Send(st *xmlstream.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, st)
}

// Ask implements iq.Session.
func (s *Session) Ask(payload *xmlstream.Element, get bool, done func(context.Context, *xmlstream.Element)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, Question{get, payload, done})
}

// Has implements iq.Session.
func (s *Session) Has(f iq.Flag) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flags&f != 0
}

// Turn implements iq.Session.
func (s *Session) Turn(f iq.Flag, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flags &^= f
	if on {
		s.flags |= f
	}
}

// Interests implements iq.Session.
func (s *Session) Interests(nodes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interests = slices.Clone(nodes)
}

// Interested returns what Interests was given last.
func (s *Session) Interested() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interests
}

// Sent returns what was sent to the client since the last call.
func (s *Session) Sent() []*xmlstream.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.sent
	s.sent = nil
	return out
}

// Asked returns the requests to the client since the last call.
func (s *Session) Asked() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	s.asked = nil
	return out
}
