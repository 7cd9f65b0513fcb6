package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// behalf returns a session that acts for a user without being one of his: it is in no
// table, gets nothing, and is not to be closed.
func (s *Server) behalf(ctx context.Context, u im.UserID) (im.Session, error) {
	addr, err := s.addrs.get(ctx, u)
	if err != nil {
		return nil, err
	}
	ss := &session{srv: s, user: u, addr: addr.Bare(), proto: im.ProtocolXMPP, opened: s.now()}
	ss.presence.Store(&im.Presence{})
	return ss, nil
}
