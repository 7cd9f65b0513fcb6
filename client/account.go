package client

import (
	"context"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Devices returns the user's devices; current is the one of this client.
func (c *Client) Devices(ctx context.Context) (devices []im.Device, current im.DeviceID, err error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Devices{Devices: &cxxpb.DevicesCall{}}})
	if err != nil {
		return nil, 0, err
	}
	for _, d := range r.GetDevices().GetDevices() {
		if d.Current {
			current = im.DeviceID(d.Id)
		}
	}
	return fromPB(r.GetDevices().GetDevices(), proto.DeviceFromPB), current, nil
}

// RevokeDevice signs a device out for good.
func (c *Client) RevokeDevice(ctx context.Context, d im.DeviceID) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_DeviceRevoke{DeviceRevoke: &cxxpb.DeviceRevokeCall{Device: uint64(d)}}})
}

// ChangePassword sets a new password when old is right; endOthers also signs
// every other device out. When the connection ends before the answer, the
// error is CodeUnknownOutcome: try the new password first.
func (c *Client) ChangePassword(ctx context.Context, old, new string, endOthers bool) error {
	_, err := c.callOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_Password{Password: &cxxpb.PasswordCall{
		Old: old, New: new, EndOthers: endOthers,
	}}})
	return unknownWhenCut(err)
}

// Logout voids the token of this device on the server, forgets it here, and
// ends the client.
func (c *Client) Logout(ctx context.Context) error {
	_, err := c.callOnce(ctx, &cxxpb.Call{Op: &cxxpb.Call_Logout{Logout: &cxxpb.LogoutCall{}}})
	if code := im.CodeOf(err); err != nil && !errors.Is(err, errLinkDown) && code != im.CodeLoggedOut && code != im.CodeRevoked {
		return unknownWhenCut(err)
	}
	c.forget(true)
	c.Close()
	return nil
}

func unknownWhenCut(err error) error {
	if errors.Is(err, errLinkDown) {
		return &im.Error{Code: im.CodeUnknownOutcome, Detail: "the connection ended before the answer", Err: err}
	}
	return err
}

// ProfileSet sets the user's own profile.
func (c *Client) ProfileSet(ctx context.Context, p im.Profile) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_ProfileSet{ProfileSet: &cxxpb.ProfileSetCall{Profile: proto.ProfileToPB(&p)}}})
}
