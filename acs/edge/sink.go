package edge

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// sink is the core's way to a connection.
type sink struct {
	c     *conn
	owner im.UserID
}

// Push implements im.Sink.
func (s *sink) Push(e *im.Entry) bool {
	c := s.c
	wake, taken, told := c.out.pushEntry(int(c.srv.cfg.SoftOutbound), e, s.owner)
	if wake {
		c.tr.wake()
	}
	switch {
	case taken:
		c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_PUSH)
	case told:
		c.srv.metrics.syncRequired.Inc()
		c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_SYNC_REQUIRED)
	}
	return taken
}

// PushPresence implements im.Sink.
func (s *sink) PushPresence(p im.UserPresence) {
	s.hint(cxxpb.FrameType_FRAME_PRESENCE, &cxxpb.Presence{Users: []*cxxpb.UserPresence{proto.UserPresenceToPB(p)}})
}

// PushSignal implements im.Sink. A stanza is for XMPP clients.
func (s *sink) PushSignal(x im.Signal) {
	if x.Kind == im.SignalStanza {
		return
	}
	s.hint(cxxpb.FrameType_FRAME_SIGNAL, &cxxpb.Signal{
		User: uint64(x.From), Kind: uint32(x.Kind), Group: uint64(x.Group), Nick: x.Nick, UpTo: x.UpTo,
	})
}

// hint queues what is first dropped under pressure: at half of what makes a
// connection fall behind.
func (s *sink) hint(kind cxxpb.FrameType, m proto.Message) {
	c := s.c
	wake, taken := c.out.push(int(c.srv.cfg.SoftOutbound)/2, func(b []byte) []byte {
		return proto.AppendFrame(b, kind, 0, m)
	})
	if wake {
		c.tr.wake()
	}
	if !taken {
		c.srv.metrics.dropped.Inc()
		return
	}
	c.srv.metrics.frameOut(kind)
}

// Close implements im.Sink.
func (s *sink) Close(reason *im.Error) { s.c.fail(reason) }
