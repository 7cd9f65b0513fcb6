package nas

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/nas/ticket"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestConversation(t *testing.T) {
	bubble(t, Default(), []im.Node{acsNode(1), acsNode(2)}, func(t *testing.T, _ *pipes, _ *Server, c *client) {
		c.send(append(append([]byte{proto.Heartbeat}, helloFrame...), askFrame...)) // pipelined
		c.expect(cxxpb.FrameType_FRAME_NONE, nil)
		var h cxxpb.HelloReply
		c.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &h)
		if h.Version != 1 || h.Features != 0 || h.ServerVersion != "test" || h.MaxFrame != 4096 || h.TimeMs == 0 {
			t.Fatalf("HelloReply is %v", &h)
		}
		var a cxxpb.Allocated
		c.expect(cxxpb.FrameType_FRAME_ALLOCATED, &a)
		if a.Id != 7 || a.Acs != "10.0.0.1:5210" || len(a.Ticket) != ticket.Size || len(a.Alternatives) != 1 || a.WaitMs != 0 {
			t.Fatalf("Allocated is %v", &a)
		}
		c.send(proto.AppendRaw(nil, 40, proto.FlagOptional, []byte{8, 3}))
		c.send(proto.AppendRaw(nil, 40, 0, []byte{8, 3}))
		c.expectError(3, im.CodeUnsupported)
		c.send(proto.AppendFrame(nil, cxxpb.FrameType_FRAME_ALLOCATE, 0, &cxxpb.Allocate{Id: 8, Addr: "a@@b"}))
		c.expectError(8, im.CodeInvalid)
		for _, b := range askFrame { // in drops
			c.send([]byte{b})
		}
		c.expect(cxxpb.FrameType_FRAME_ALLOCATED, &a)
	})
}

func TestClosingErrors(t *testing.T) {
	login := proto.AppendFrame(nil, cxxpb.FrameType_FRAME_LOGIN, 0, &cxxpb.Login{Id: 1})
	for _, c := range []struct {
		name string
		send []byte
		code im.ErrorCode
	}{
		{"allocate before hello", askFrame, im.CodeBadState},
		{"login before hello", login, im.CodeBadState},
		{"hello twice", append(append([]byte{}, helloFrame...), helloFrame...), im.CodeBadState},
		{"no version", proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{}), im.CodeVersion},
		{"oversized, from the length alone", []byte{0x81, 0x20}, im.CodeFrameTooLarge},
		{"absurd length", []byte{0xff, 0xff, 0xff, 0xff}, im.CodeFrameTooLarge},
		{"type zero", []byte{1, 0}, im.CodeMalformed},
		{"compressed", proto.AppendRaw(nil, cxxpb.FrameType_FRAME_HELLO, proto.FlagZstd, nil), im.CodeMalformed},
		{"broken body", proto.AppendRaw(nil, cxxpb.FrameType_FRAME_HELLO, 0, []byte{0xff}), im.CodeMalformed},
		{"HTTP", []byte("GET / HTTP/1.1\r\n"), im.CodeBadState},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "HTTP" { // 'G' is a length of 71: garbage shorter than that is waited for
				c.send = append(c.send, make([]byte, 71)...)
			}
			bubble(t, Default(), []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, _ *Server, cl *client) {
				go cl.nc.Write(c.send) // the server may close before it has read all
				for {
					f, err := cl.next()
					if err != nil {
						t.Fatalf("closed without a word: %v", err)
					}
					if f.Type == cxxpb.FrameType_FRAME_HELLO_REPLY {
						continue
					}
					var e cxxpb.Error
					if err := proto.Unmarshal(f.Body, &e); err != nil || e.Id != 0 || e.Code != uint32(c.code) {
						t.Fatalf("got frame %s %v, %v; want %s", f.Type, &e, err, c.code)
					}
					cl.expectEnd()
					return
				}
			})
		})
	}
}

func TestTooManyFrames(t *testing.T) {
	bubble(t, Default(), []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, _ *Server, c *client) {
		go c.nc.Write(make([]byte, 1000)) // heartbeats
		for range maxFrames {
			c.expect(cxxpb.FrameType_FRAME_NONE, nil)
		}
		c.expectError(0, im.CodeRateLimited)
	})
}

// Deadlines end connections that hold a place without using it, however they
// drip.
func TestSlowConnections(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin []byte // sent at once
		drip  []byte // sent again and again, one second apart
		want  time.Duration
	}{
		{"silent", nil, nil, helloTime},
		{"heartbeats without hello", nil, []byte{0}, helloTime},
		{"hello in drops that never ends", []byte{0x70, 1}, []byte{'x'}, helloTime},
		{"silent after hello", helloFrame, nil, frameTime},
		{"a frame in drops", append(append([]byte{}, helloFrame...), 0x70, 16), []byte{'x'}, frameTime},
		{"heartbeats for ever", helloFrame, []byte{0}, lifeTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, Default(), []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, _ *Server, cl *client) {
				start := time.Now()
				var wg sync.WaitGroup
				defer wg.Wait()
				defer cl.nc.Close()
				wg.Go(func() {
					_, err := cl.nc.Write(c.begin)
					for err == nil && c.drip != nil {
						<-time.After(time.Second)
						_, err = cl.nc.Write(c.drip)
					}
				})
				var last cxxpb.Error
				for {
					f, err := cl.next()
					if err != nil {
						break
					}
					if f.Type == cxxpb.FrameType_FRAME_ERROR {
						if err := proto.Unmarshal(f.Body, &last); err != nil {
							t.Fatal(err)
						}
					}
				}
				if got := time.Since(start); got != c.want || last.Code != uint32(im.CodeTimeout) {
					t.Fatalf("ended after %s with %v, want %s and TIMEOUT", got, &last, c.want)
				}
			})
		})
	}
}

// A client that does not read its answers is given up too.
func TestSlowReader(t *testing.T) {
	bubble(t, Default(), []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, s *Server, c *client) {
		c.send(helloFrame)
		<-time.After(writeTime + time.Millisecond)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.open) != 0 {
			t.Fatal("the connection is still open")
		}
	})
}

func TestRefusals(t *testing.T) {
	ask := func(c *client) {
		c.send(helloFrame)
		c.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
		c.send(askFrame)
	}
	bubble(t, Default(), nil, func(t *testing.T, _ *pipes, _ *Server, c *client) {
		ask(c)
		if e := c.expectError(7, im.CodeNoACS); e.RetryAfterMs < 1000 || e.RetryAfterMs > 3000 {
			t.Fatalf("told to ask again after %d ms", e.RetryAfterMs)
		}
	})
	storm := Default()
	storm.Logins, storm.LoginBurst, storm.MaxWait = 1, 1, 0
	bubble(t, storm, []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, _ *Server, c *client) {
		ask(c)
		c.expect(cxxpb.FrameType_FRAME_ALLOCATED, nil)
		c.send(askFrame)
		var a cxxpb.Allocated
		c.expect(cxxpb.FrameType_FRAME_ALLOCATED, &a)
		if a.Id != 7 || a.Acs != "" || len(a.Ticket) != 0 || a.WaitMs == 0 {
			t.Fatalf("in a storm the answer is %v", &a)
		}
	})
	limited := Default()
	limited.AddressRate, limited.AddressBurst = 1, 1
	bubble(t, limited, []im.Node{acsNode(1)}, func(t *testing.T, _ *pipes, _ *Server, c *client) {
		ask(c)
		c.expect(cxxpb.FrameType_FRAME_ALLOCATED, nil)
		c.send(askFrame)
		if e := c.expectError(7, im.CodeRateLimited); e.RetryAfterMs != 1000 {
			t.Fatalf("told to ask again after %d ms, want 1000", e.RetryAfterMs)
		}
	})
}
