package edge

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// reply is what a handler answers; the dispatcher writes it.
type reply struct {
	kind cxxpb.FrameType
	msg  proto.Message // nil: nothing to say
}

// requestError is an error that answers a request; every other error of a
// handler closes the connection.
type requestError struct {
	id  uint32
	err error
}

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

func failed(id uint32, err error) error { return &requestError{id, err} }

func (c *conn) answerError(err error) {
	var r *requestError
	if errors.As(err, &r) {
		c.refuse(r.id, r.err)
		return
	}
	c.fail(err)
}

// states is a set of states.
type states uint8

func in(list ...state) (s states) {
	for _, x := range list {
		s |= 1 << x
	}
	return s
}

func (s states) has(x state) bool { return s&(1<<x) != 0 }

var stateNames = map[uint32]string{
	uint32(fresh): "before Hello", uint32(greeted): "before the login", uint32(loggedIn): "after the login",
}

// entry says what is done with a frame type.
type entry struct {
	in     states
	inline bool // short and never blocking: runs in the reader when nothing waits before it
	// admit may hold a frame back (taken false) or deal with it (taken true) at
	// once; done false lets it through.
	admit  func(c *conn, body []byte) (taken, done bool)
	handle func(ctx context.Context, c *conn, body []byte) (reply, error)
}

// frames is the dispatch table. What has no handler is answered UNSUPPORTED.
var frames [64]entry

func init() {
	frames = [64]entry{
		cxxpb.FrameType_FRAME_HELLO:    {in: in(fresh), inline: true, handle: hello},
		cxxpb.FrameType_FRAME_LOGIN:    {in: in(greeted), handle: loginStep},
		cxxpb.FrameType_FRAME_SEND:     {in: in(loggedIn), inline: true, admit: admitSend, handle: sendMessage},
		cxxpb.FrameType_FRAME_CURSOR:   {in: in(loggedIn), inline: true, handle: cursor},
		cxxpb.FrameType_FRAME_SIGNAL:   {in: in(loggedIn), inline: true, admit: admitSignal, handle: signal},
		cxxpb.FrameType_FRAME_CALL:     {in: in(loggedIn), handle: call},
		cxxpb.FrameType_FRAME_ALLOCATE: {in: in(fresh, greeted, loggedIn), inline: true, handle: allocate},
	}
}

// allocate tells a client that has dialled the wrong port.
func allocate(_ context.Context, _ *conn, body []byte) (reply, error) {
	return reply{}, failed(requestID(body), im.Errorf(im.CodeUnsupported, "this is an ACS; ask a NAS for an allocation"))
}

// hello agrees on version, features and domain.
func hello(_ context.Context, c *conn, body []byte) (reply, error) {
	var m cxxpb.Hello
	if err := proto.Unmarshal(body, &m); err != nil {
		return reply{}, err
	}
	if m.Version < proto.Version {
		return reply{}, im.Errorf(im.CodeVersion, "protocol version %d is not spoken here; use %d", m.Version, proto.Version)
	}
	domain, err := c.srv.domain(m.Domain)
	if err != nil {
		return reply{}, err
	}
	c.domain = domain
	c.features = m.Features & uint64(cxxpb.Feature_FEATURE_ZSTD)
	c.login = &login{client: clip(m.ClientName, 64), version: clip(m.ClientVersion, 64)}
	c.state.CompareAndSwap(uint32(fresh), uint32(greeted))
	return reply{cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{
		Version:       proto.Version,
		Features:      c.features,
		ServerVersion: c.srv.deps.Version,
		Domain:        domain,
		Mechanisms:    c.mechanisms(),
		Registration:  c.srv.deps.Registration,
		TimeMs:        proto.Millis(c.srv.wall()),
		MaxFrame:      uint32(c.srv.cfg.MaxFrame),
	}}, nil
}

// clip cuts a text to n bytes without cutting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// requestID reads field 1 of a body, where every request has its id; zero when
// there is none.
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
