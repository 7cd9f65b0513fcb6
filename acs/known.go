package acs

import "github.com/cxx-im/cxx/im"

// Known returns what this node knows of the sessions of a user, in the whole
// cell. Tests wait with it until a change has come to a node.
func (s *Server) Known(u im.UserID) (all []im.SessionInfo) {
	s.table.mu.RLock()
	defer s.table.mu.RUnlock()
	for _, e := range s.table.users[u] {
		all = append(all, e.SessionInfo)
	}
	return all
}
