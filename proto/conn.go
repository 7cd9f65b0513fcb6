package proto

import (
	"fmt"
	"net"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Conn reads and writes frames on a connection, one call at a time in each
// direction. It is for tools and tests that speak the bare protocol; it has no
// deadlines of its own and does not answer heartbeats.
type Conn struct {
	net.Conn
	buf []byte // read and not parsed yet
}

// NewConn returns a Conn over c.
func NewConn(c net.Conn) *Conn { return &Conn{Conn: c} }

// Send writes one message.
func (c *Conn) Send(t cxxpb.FrameType, m Message) error {
	_, err := c.Write(AppendFrame(nil, t, 0, m))
	return err
}

// Next returns the next frame that is not a heartbeat. Its body is good until
// the next call.
func (c *Conn) Next() (Frame, error) {
	for {
		f, n, err := Parse(c.buf, MaxFrameAfterLogin)
		if err != nil {
			return f, err
		}
		c.buf = c.buf[n:]
		switch {
		case n == 0:
			if err := c.fill(); err != nil {
				return f, err
			}
		case f.Type != cxxpb.FrameType_FRAME_NONE:
			return f, nil
		}
	}
}

const readSize = 8 << 10

func (c *Conn) fill() error {
	rest := len(c.buf)
	grown := make([]byte, rest, rest+readSize)
	copy(grown, c.buf)
	n, err := c.Read(grown[rest:cap(grown)])
	c.buf = grown[:rest+n]
	if n > 0 {
		return nil
	}
	return err
}

// Pending reports whether a whole frame has been read already.
func (c *Conn) Pending() bool {
	_, n, err := Parse(c.buf, MaxFrameAfterLogin)
	return err == nil && n > 0
}

// Expect reads one frame of type t into m. An Error frame instead becomes the
// *im.Error that it holds.
func (c *Conn) Expect(t cxxpb.FrameType, m Message) error {
	f, err := c.Next()
	if err != nil {
		return err
	}
	if f.Type == cxxpb.FrameType_FRAME_ERROR {
		var e cxxpb.Error
		if err := e.UnmarshalVT(f.Body); err != nil {
			return err
		}
		return ErrorFromPB(&e)
	}
	if f.Type != t {
		return fmt.Errorf("proto: got frame %v; want %v", f.Type, t)
	}
	return m.UnmarshalVT(f.Body)
}
