package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callDevices(ctx context.Context, c *conn, _ *cxxpb.DevicesCall) (*cxxpb.Reply, error) {
	list, err := c.session.DeviceList(ctx)
	if err != nil {
		return nil, err
	}
	devices := proto.Convert(list, proto.DeviceToPB)
	for _, d := range devices {
		d.Current = im.DeviceID(d.Id) == c.device
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Devices{Devices: &cxxpb.DevicesResult{Devices: devices}}}, nil
}

func callDeviceRevoke(ctx context.Context, c *conn, op *cxxpb.DeviceRevokeCall) (*cxxpb.Reply, error) {
	return done(c.session.DeviceRevoke(ctx, im.DeviceID(op.Device)))
}

func callPassword(ctx context.Context, c *conn, op *cxxpb.PasswordCall) (*cxxpb.Reply, error) {
	return done(c.session.PasswordChange(ctx, op.Old, op.New, op.EndOthers))
}

func callLogout(ctx context.Context, c *conn, _ *cxxpb.LogoutCall) (*cxxpb.Reply, error) {
	return done(c.session.Logout(ctx))
}
