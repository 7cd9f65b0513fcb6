package nas

import (
	"encoding/binary"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// frames handles the whole frames in buf and says how many bytes they took.
func (c *conn) frames(buf []byte) (used int, err error) {
	for {
		f, n, err := proto.Parse(buf[used:], proto.MaxFrameBeforeLogin)
		if err != nil || n == 0 {
			return used, err
		}
		used += n
		if c.count++; c.count > maxFrames {
			return used, im.Errorf(im.CodeRateLimited, "more than %d frames came over one connection; connect again when you need an ACS", maxFrames)
		}
		if err := c.frame(f); err != nil {
			return used, err
		}
	}
}

// frame handles one frame; an error closes the connection.
func (c *conn) frame(f proto.Frame) error {
	if f.Type == cxxpb.FrameType_FRAME_NONE {
		c.out = append(c.out, proto.Heartbeat)
		return nil
	}
	if f.Flags&proto.FlagZstd != 0 {
		return im.Errorf(im.CodeMalformed, "the server takes no compressed frames")
	}
	switch {
	case f.Type == cxxpb.FrameType_FRAME_HELLO:
		return c.onHello(f.Body)
	case !c.hello:
		return im.Errorf(im.CodeBadState, "the first frame has to be Hello")
	case f.Type == cxxpb.FrameType_FRAME_ALLOCATE:
		return c.onAllocate(f.Body)
	case f.Flags&proto.FlagOptional != 0:
		return nil
	}
	c.refuse(requestID(f.Body), im.Errorf(im.CodeUnsupported, "this is a NAS, which only hands out ACS; dial the ACS that Allocate names"))
	return nil
}

func (c *conn) onHello(body []byte) error {
	var m cxxpb.Hello
	if err := proto.Unmarshal(body, &m); err != nil {
		return err
	}
	if c.hello {
		return im.Errorf(im.CodeBadState, "Hello may be sent once")
	}
	if m.Version == 0 {
		return im.Errorf(im.CodeVersion, "protocol version 0 does not exist; this server speaks version %d", proto.Version)
	}
	c.hello = true
	c.out = proto.AppendFrame(c.out, cxxpb.FrameType_FRAME_HELLO_REPLY, 0, &cxxpb.HelloReply{
		Version:       min(m.Version, proto.Version),
		ServerVersion: c.srv.version,
		TimeMs:        proto.Millis(c.srv.alloc.now()),
		MaxFrame:      proto.MaxFrameBeforeLogin,
	})
	return nil
}

func (c *conn) onAllocate(body []byte) error {
	var m cxxpb.Allocate
	if err := proto.Unmarshal(body, &m); err != nil {
		return err
	}
	ans, err := c.srv.alloc.Allocate(m.Addr, c.from)
	var refused *im.Error
	switch {
	case err == nil:
		c.allocated(&cxxpb.Allocated{
			Id: m.Id, Acs: ans.ACS, Ticket: ans.Ticket, Alternatives: ans.Alternatives,
			WaitMs: uint32(ans.Wait.Milliseconds()),
		})
	case errors.As(err, &refused) && refused.Code == im.CodeRetryLater:
		// Nothing is wrong: wait and ask again.
		c.allocated(&cxxpb.Allocated{Id: m.Id, WaitMs: uint32(refused.RetryAfter.Milliseconds())})
	case errors.As(err, &refused):
		c.refuse(m.Id, refused)
	default:
		c.srv.log.Error("an allocation failed", "err", err)
		c.refuse(m.Id, im.Errorf(im.CodeInternal, "the server failed; try again"))
	}
	return nil
}

func (c *conn) allocated(m *cxxpb.Allocated) {
	c.out = proto.AppendFrame(c.out, cxxpb.FrameType_FRAME_ALLOCATED, 0, m)
}

// refuse answers a request with an error; the connection goes on.
func (c *conn) refuse(id uint32, e *im.Error) {
	c.out = proto.AppendFrame(c.out, cxxpb.FrameType_FRAME_ERROR, 0, proto.ErrorToPB(id, e))
}

// requestID reads field 1, the id, of a request of unknown type.
func requestID(body []byte) uint32 {
	if len(body) < 2 || body[0] != 1<<3 {
		return 0
	}
	id, n := binary.Uvarint(body[1:])
	if n <= 0 || id > 1<<32-1 {
		return 0
	}
	return uint32(id)
}
