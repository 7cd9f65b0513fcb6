package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// DeviceList implements im.Devices.
func (s *session) DeviceList(ctx context.Context) ([]im.Device, error) {
	all, err := s.srv.store.Devices(ctx, s.user)
	if err != nil {
		return nil, s.srv.public("devices", err)
	}
	live := all[:0]
	for _, d := range all {
		if !d.Revoked {
			live = append(live, d)
		}
	}
	return live, nil
}

// DeviceRevoke implements im.Devices.
func (s *session) DeviceRevoke(ctx context.Context, d im.DeviceID) error {
	return s.srv.public("device revoke", s.srv.RevokeDevice(ctx, s.user, d, im.CodeRevoked))
}

// Logout implements im.Devices.
func (s *session) Logout(ctx context.Context) error {
	return s.srv.public("logout", s.srv.RevokeDevice(ctx, s.user, s.device, im.CodeLoggedOut))
}

// RevokeDevice voids a device for good: its token is gone, its sessions end
// with code, and the user's other devices learn it from the inbox.
func (s *Server) RevokeDevice(ctx context.Context, u im.UserID, d im.DeviceID, code im.ErrorCode) error {
	logged, err := s.store.UpdateDevices(ctx, u, func(all []im.Device) ([]im.Device, []im.Entry, error) {
		for _, dev := range all {
			if dev.ID != d || dev.Revoked {
				continue
			}
			dev.Revoked, dev.TokenHash, dev.PrevHash = true, nil, nil
			return []im.Device{dev}, []im.Entry{{
				MsgID: s.clock.Next(), Kind: im.KindDevice, From: u, Peer: u, Device: &dev,
			}}, nil
		}
		return nil, nil, im.Errorf(im.CodeNotFound, "there is no such device")
	})
	if err != nil {
		return err
	}
	s.Kick(im.Kick{User: u, Device: d, Code: code})
	s.Deliver(u, logged)
	return nil
}

// PasswordChange implements im.Devices.
func (s *session) PasswordChange(ctx context.Context, old, new string, endOthers bool) error {
	if _, err := s.srv.password.ChangePassword(ctx, s.user, old, new, endOthers, s.device); err != nil {
		return s.srv.public("password change", err)
	}
	if endOthers {
		s.srv.fence(im.Kick{User: s.user, Except: s.device, Code: im.CodeRevoked})
	}
	return nil
}
