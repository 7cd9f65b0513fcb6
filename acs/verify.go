package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// verify asks the storage whether the sessions that users have here may go on,
// and ends those that may not. A kick is quicker; this is for when it could not
// come: no link led here, it was lost with one, or the login was under way when
// the device was revoked, the account disabled or a later login made.
func (s *Server) verify(ctx context.Context, users []im.UserID) {
	for len(users) > 0 && ctx.Err() == nil {
		n := min(headBatch, len(users))
		states, err := s.store.DeviceStates(ctx, users[:n])
		if err != nil {
			s.log.Debug("devices could not be verified", "err", err)
		}
		for i := range states {
			s.settle(&states[i])
		}
		users = users[n:]
	}
}

// settle ends the sessions here that a device's state is against.
func (s *Server) settle(d *im.DeviceState) {
	for _, ss := range s.hub.of(d.User) {
		if ss.device != d.Device {
			continue
		}
		if code := against(d, ss.epoch); code != 0 {
			ss.kick(im.Errorf(code, "%s", kickDetail(code)))
		}
	}
}

// against says why a session with epoch has to end; zero: it may go on.
func against(d *im.DeviceState, epoch uint64) im.ErrorCode {
	switch {
	case d.Disabled:
		return im.CodeDisabled
	case d.Void:
		return im.CodeRevoked
	case epoch < d.Epoch:
		return im.CodeReplaced
	}
	return 0
}
