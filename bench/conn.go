package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// conn is a bare C-XX connection: no library, so that what is measured is the
// server and not our client.
type conn struct {
	net.Conn
	buf  []byte // the unparsed rest of what was read
	head uint64

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
	return &conn{Conn: c}, nil
}

func (c *conn) write(t cxxpb.FrameType, m proto.Message) error {
	_, err := c.Write(proto.AppendFrame(nil, t, 0, m))
	return err
}

// next returns the next frame that is not a heartbeat. Its body is good until
// the next call.
func (c *conn) next() (proto.Frame, error) {
	for {
		f, n, err := proto.Parse(c.buf, 1<<20)
		if err != nil {
			return f, err
		}
		if n > 0 {
			c.buf = c.buf[n:]
			if f.Type != cxxpb.FrameType_FRAME_NONE {
				return f, nil
			}
			continue
		}
		if err := c.more(); err != nil {
			return f, err
		}
	}
}

func (c *conn) more() error {
	rest := len(c.buf)
	grown := make([]byte, rest, rest+8<<10)
	copy(grown, c.buf)
	n, err := c.Read(grown[rest:cap(grown)])
	c.buf = grown[:rest+n]
	if n > 0 {
		return nil
	}
	return err
}

// expect reads one frame of type t into m.
func (c *conn) expect(t cxxpb.FrameType, m proto.Message) error {
	f, err := c.next()
	if err != nil {
		return err
	}
	if f.Type == cxxpb.FrameType_FRAME_ERROR {
		var e cxxpb.Error
		if err := e.UnmarshalVT(f.Body); err != nil {
			return err
		}
		return proto.ErrorFromPB(&e)
	}
	if f.Type != t {
		return fmt.Errorf("got frame %v; want %v", f.Type, t)
	}
	return m.UnmarshalVT(f.Body)
}

func (c *conn) hello() error {
	err := c.write(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: proto.Version, ClientName: "bench"})
	if err != nil {
		return err
	}
	return c.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{})
}

// login signs in by JWT the first time and by the device token later.
func (c *conn) login(jwt string) error {
	l := &cxxpb.Login{Id: 1, Mechanism: "CXX-JWT", Data: []byte(jwt), Device: &cxxpb.DeviceInfo{Resource: "bench"}}
	if c.token != nil {
		l = &cxxpb.Login{Id: 1, Mechanism: "CXX-TOKEN", Data: c.token, User: uint64(c.user), Device: &cxxpb.DeviceInfo{Id: uint64(c.device)}}
	}
	if err := c.write(cxxpb.FrameType_FRAME_LOGIN, l); err != nil {
		return err
	}
	var r cxxpb.LoginReply
	if err := c.expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &r); err != nil {
		return err
	}
	if !r.Done {
		return errors.New("the login is not done after one step")
	}
	c.user, c.device, c.token, c.head = im.UserID(r.User), im.DeviceID(r.Device), append([]byte(nil), r.Token...), r.Head
	return nil
}
