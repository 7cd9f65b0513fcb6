package acs

import (
	"context"
	"fmt"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// Draining reports whether the node takes no new sessions.
func (s *Server) Draining() bool { return s.draining.Load() }

// Check compares what the parts of the node believe and lists what disagrees:
// sessions of the hub that the table does not show, sessions of the table that
// the hub does not hold, and sessions that the registry lacks or has too many
// of. What changes in the same moment can show up by mistake; what stays is a
// bug.
func (s *Server) Check(ctx context.Context) []string {
	var out []string
	open := make(map[im.SessionID]bool)
	for _, ss := range s.hub.all() {
		open[ss.id] = true
	}
	users := make(map[im.UserID]bool)
	shown := make(map[im.SessionID]bool)
	for _, info := range s.table.sessionsOf(s.node.ID) {
		shown[info.Session] = true
		users[info.User] = true
		if !open[info.Session] && !s.announce.lingers(info.User, info.Session) {
			out = append(out, fmt.Sprintf("session %d of user %d is announced but not open", info.Session, info.User))
		}
	}
	for id := range open {
		if !shown[id] {
			out = append(out, fmt.Sprintf("session %d is open but not announced", id))
		}
	}
	return append(out, s.checkRegistry(ctx, users, shown)...)
}

func (s *Server) checkRegistry(ctx context.Context, users map[im.UserID]bool, shown map[im.SessionID]bool) []string {
	list := make([]im.UserID, 0, len(users))
	for u := range users {
		list = append(list, u)
	}
	found, err := s.registry.Lookup(ctx, list)
	if err != nil {
		return []string{"the registry does not answer: " + err.Error()}
	}
	var out []string
	known := make(map[im.SessionID]bool)
	for _, sessions := range found {
		for _, info := range sessions {
			if info.Node != s.node.ID {
				continue
			}
			if known[info.Session] = true; !shown[info.Session] {
				out = append(out, fmt.Sprintf("session %d of user %d is in the registry but not announced", info.Session, info.User))
			}
		}
	}
	for id := range shown {
		if !known[id] {
			out = append(out, fmt.Sprintf("session %d is announced but not in the registry", id))
		}
	}
	return out
}

func (a *announcer) lingers(u im.UserID, id im.SessionID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.linger[u], func(l lingering) bool { return l.info.Session == id })
}
