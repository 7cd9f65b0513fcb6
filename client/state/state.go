// Package state is what a client keeps between runs: who it is and its token,
// the servers it has seen, how far it has come in the inbox and in each group,
// and the messages that are not acknowledged yet.
//
// It knows nothing of connections. Package client calls a Store from one
// goroutine at a time and decides what is worth a synced write.
package state

import (
	"maps"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// Identity is who a device is and how it proves it. The token is a secret.
type Identity struct {
	Addr     string      `json:"addr"`
	User     im.UserID   `json:"user,omitempty"`
	Device   im.DeviceID `json:"device,omitempty"`
	Resource string      `json:"resource,omitempty"`
	Token    string      `json:"token,omitempty"`
	ACS      []string    `json:"acs,omitempty"` // servers known to have existed, for while every NAS is down
}

// State is all that a Store holds.
type State struct {
	Identity  Identity
	Cursor    uint64 // the newest inbox entry that the application has handled
	HasCursor bool   // false: a device that has never been online
	// Groups has the same for the timeline of each group that is followed.
	Groups map[im.GroupID]uint64
	Outbox []im.Outgoing
}

// GroupCursor is how far the application has come in the timeline of a group.
type GroupCursor struct {
	Group im.GroupID
	Seq   uint64
	Gone  bool // the group is not followed any more
}

// note takes cursors into s.
func (s *State) note(list []GroupCursor) {
	for _, c := range list {
		if c.Gone {
			delete(s.Groups, c.Group)
			continue
		}
		if s.Groups == nil {
			s.Groups = make(map[im.GroupID]uint64)
		}
		s.Groups[c.Group] = c.Seq
	}
	if len(s.Groups) == 0 {
		s.Groups = nil
	}
}

// Store keeps a State. Its methods are called by one goroutine at a time.
type Store interface {
	// Load returns what is stored; a store that is new returns the zero State.
	Load() (State, error)
	// SaveIdentity returns when id would survive a power cut.
	SaveIdentity(id Identity) error
	// Add returns when the messages would survive a power cut; they come after
	// those of earlier calls.
	Add(messages []im.Outgoing) error
	// Remove forgets messages. Losing that only costs a resend, which the
	// server recognises.
	Remove(ids []im.ClientID) error
	// SaveCursor keeps the cursor. Losing the last one repeats an event.
	SaveCursor(seq uint64) error
	// SaveGroups does the same for groups; cursors that it does not name stay.
	SaveGroups(list []GroupCursor) error
	// Close ends the use of the store.
	Close() error
}

// Memory returns a store that lives as long as the process.
func Memory() Store { return &memory{} }

type memory struct{ s State }

func (m *memory) Load() (State, error) {
	s := m.s
	s.Outbox, s.Groups = slices.Clone(s.Outbox), maps.Clone(s.Groups)
	return s, nil
}

func (m *memory) SaveIdentity(id Identity) error {
	m.s.Identity = id
	return nil
}

func (m *memory) Add(messages []im.Outgoing) error {
	m.s.Outbox = append(m.s.Outbox, messages...)
	return nil
}

func (m *memory) Remove(ids []im.ClientID) error {
	m.s.Outbox = without(m.s.Outbox, ids)
	return nil
}

func (m *memory) SaveCursor(seq uint64) error {
	m.s.Cursor, m.s.HasCursor = seq, true
	return nil
}

func (m *memory) SaveGroups(list []GroupCursor) error {
	m.s.note(list)
	return nil
}

func (m *memory) Close() error { return nil }

func without(messages []im.Outgoing, ids []im.ClientID) []im.Outgoing {
	gone := make(map[im.ClientID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	return slices.DeleteFunc(messages, func(m im.Outgoing) bool { return gone[m.ClientID] })
}
