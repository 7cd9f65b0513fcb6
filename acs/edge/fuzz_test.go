package edge

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// silent is a transport that nobody listens to.
type silent struct{}

func (silent) wake()                      {}
func (silent) binding() im.ChannelBinding { return im.ChannelBinding{} }

// offline is a server without sockets.
func offline(t testing.TB) *Server {
	t.Helper()
	cfg := Default()
	cfg.Listen, cfg.TestMode, cfg.MaxConnections = nil, true, 16
	k := newCore()
	s, err := New(cfg, Deps{
		Sessions: k, Logins: &fakeLogins{core: k}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Domains: []string{"localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *Server) offlineConn() *conn {
	c := &conn{srv: s, tr: silent{}}
	c.queue.limit = s.cfg.MaxQueued
	return c
}

// settle lets all requests be answered, reading on where a limit had stopped it.
func (c *conn) settle() {
	c.srv.runners.Wait()
	for c.resume() {
		c.srv.runners.Wait()
	}
	c.srv.runners.Wait()
}

// Whatever a client sends, before or after login and in whatever pieces, the
// server answers with whole frames, never panics, and ends in the same state.
func FuzzDispatch(f *testing.F) {
	hello := frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1, Features: 1})
	f.Add(hello, uint8(1))
	f.Add(append(hello, frame(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(5))...), uint8(3))
	f.Add(frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1, To: 5, Text: "x", ClientId: make([]byte, 16)}), uint8(2))
	f.Add(frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}}), uint8(200))
	f.Add(frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_ProfileSet{ProfileSet: &cxxpb.ProfileSetCall{}}}), uint8(4))
	f.Add(frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: &cxxpb.Group{Id: 7, Title: "x", MutedUntilMs: 1 << 63}, Fields: []uint32{3, 23}}}}), uint8(9))
	f.Add(frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: 7, Acts: []*cxxpb.Act{{Verb: 5, User: 9, Role: 300}}}}}), uint8(9))
	f.Add(frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: &cxxpb.Group{Addr: "team"}, Invite: []uint64{9}}}}), uint8(9))
	f.Add(frame(cxxpb.FrameType_FRAME_SIGNAL, &cxxpb.Signal{Group: 7, Kind: 1}), uint8(9))
	f.Add([]byte{0, 0, 1, 60, 3, 60, 8, 1, 0x81, 0}, uint8(1))
	s := offline(f)
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		for _, login := range []bool{false, true} {
			c := s.offlineConn()
			if login {
				c.consume(hello)
				c.consume(frame(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(7)))
				c.settle()
				if !c.is(loggedIn) {
					t.Fatal("no login")
				}
				putBuffer(c.out.take())
			}
			step := int(size)%64 + 1
			for i := 0; i < len(data); i += step {
				c.consume(data[i:min(len(data), i+step)])
				c.settle()
			}
			if c.is(closing) {
				if c.closed.Load() == nil {
					t.Error("closing without a reason")
				}
			} else if len(c.in) > c.limit() {
				t.Errorf("%d bytes are kept", len(c.in))
			}
			wantFrames(t, c.out.take())
			c.gone(reasonPeer, func() {})
			s.runners.Wait()
			<-s.changed
		}
		if s.sessions.Load() != 0 {
			t.Errorf("%d sessions are left", s.sessions.Load())
		}
	})
}

func wantFrames(t *testing.T, out []byte) {
	t.Helper()
	for len(out) > 0 {
		_, n, err := proto.Parse(out, proto.MaxFrameFromServer)
		if err != nil || n == 0 {
			t.Fatalf("the server wrote %x: %v", out, err)
		}
		out = out[n:]
	}
}
