package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// conn is a bare C-XX connection: no library, so that what is measured is the
// server and not our client.
type conn struct {
	*proto.Conn
	head uint64
	mu   sync.Mutex // held while write writes

	user   im.UserID
	device im.DeviceID
	token  []byte
}

// dial connects to an ACS; tlsConf nil means plaintext.
func dial(ctx context.Context, addr string, tlsConf *tls.Config) (*conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if tlsConf != nil {
		t := tls.Client(c, tlsConf)
		if err := t.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c = t
	}
	return &conn{Conn: proto.NewConn(c)}, nil
}

func (c *conn) hello() error {
	err := c.Send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: proto.Version, ClientName: "bench"})
	if err != nil {
		return err
	}
	return c.Expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{})
}

// login signs in by JWT the first time and by the device token later.
func (c *conn) login(jwt string) error {
	l := &cxxpb.Login{Id: 1, Mechanism: "CXX-JWT", Data: []byte(jwt), Device: &cxxpb.DeviceInfo{Resource: "bench"}}
	if c.token != nil {
		l = &cxxpb.Login{Id: 1, Mechanism: "CXX-TOKEN", Data: c.token, User: uint64(c.user), Device: &cxxpb.DeviceInfo{Id: uint64(c.device)}}
	}
	if err := c.Send(cxxpb.FrameType_FRAME_LOGIN, l); err != nil {
		return err
	}
	var r cxxpb.LoginReply
	if err := c.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &r); err != nil {
		return err
	}
	if !r.Done {
		return errors.New("the login is not done after one step")
	}
	c.user, c.device, c.token, c.head = im.UserID(r.User), im.DeviceID(r.Device), append([]byte(nil), r.Token...), r.Head
	return nil
}
