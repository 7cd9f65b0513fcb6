package edge

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestRate(t *testing.T) {
	const step = 50 * time.Millisecond // 20 per second
	var r rate
	now := 10 * time.Second
	for i := range 60 {
		if w := r.take(now, step, 60); w != 0 {
			t.Fatalf("token %d: wait %v", i, w)
		}
	}
	if w := r.take(now, step, 60); w != step {
		t.Errorf("empty bucket: wait %v", w)
	}
	if w := r.take(now+step, step, 60); w != 0 {
		t.Errorf("after one step: wait %v", w)
	}
	if w := r.take(now+step+step/2, step, 60); w != step/2 {
		t.Errorf("half a step later: wait %v", w)
	}
	// A long silence fills the bucket, and not more.
	n := 0
	for r.take(now+time.Hour, step, 60) == 0 {
		n++
	}
	if n != 60 {
		t.Errorf("%d tokens after an hour", n)
	}
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	for name, change := range map[string]func(*Config){
		"cxx.listen":            func(c *Config) { c.Listen = []string{"5210"} },
		"cxx.plaintext":         func(c *Config) { c.Plaintext, c.AllowPlain = []string{"0.0.0.0:1"}, true },
		"cxx.max_frame":         func(c *Config) { c.MaxFrame = 100 },
		"cxx.hard_outbound":     func(c *Config) { c.HardOutbound = 1 },
		"cxx.idle_timeout":      func(c *Config) { c.IdleTimeout = 0 },
		"cxx.max_unacked":       func(c *Config) { c.MaxUnacked = 0 },
		"cxx.websocket_origins": func(c *Config) { c.WebSocketOrigins = []string{"example.org"} },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err == nil || !contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := Default()
	c.Plaintext = []string{"127.0.0.1:0"}
	if err := c.Validate(); err == nil {
		t.Error("plaintext without its flag")
	}
}

func contains(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// Who says nothing, or half of something, is closed in time.
func TestDeadlines(t *testing.T) {
	quick := func(c *Config, _ *Deps) {
		c.HandshakeTimeout, c.LoginTimeout, c.IdleTimeout = short(100*time.Millisecond), short(200*time.Millisecond), short(300*time.Millisecond)
	}
	t.Run("silent handshake", func(t *testing.T) {
		r := newRig(t, quick)
		for _, start := range []string{"", "\x16", "\x16\x03\x01\x02\x00half"} {
			nc, err := net.Dial("tcp", r.srv.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_, _ = io.WriteString(nc, start)
			if _, err := io.ReadAll(nc); err != nil {
				t.Errorf("%q: %v", start, err)
			}
		}
		r.empty()
		if n := r.count("cxx_edge_closes_total", "timeout"); n != 3 {
			t.Errorf("%v timeouts", n)
		}
	})
	t.Run("login", func(t *testing.T) {
		r := newRig(t, quick)
		for _, dial := range dials {
			p := dial(r)
			p.hello()
			p.wantError(0, im.CodeTimeout)
			p.wantClose()
		}
	})
	t.Run("idle", func(t *testing.T) {
		r := newRig(t, quick)
		for _, dial := range dials {
			p := dial(r)
			p.enter(r.core, "alice")
			p.wantError(0, im.CodeIdle)
			p.wantClose()
		}
	})
	t.Run("slow call", func(t *testing.T) {
		r := newRig(t, func(c *Config, d *Deps) {
			c.CallTimeout = short(50 * time.Millisecond)
			d.Sessions.(*core).onSync = func(ctx context.Context, _ *fakeSession) { <-ctx.Done() }
		})
		p := r.plain()
		p.enter(r.core, "alice")
		p.send(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
		if e := p.wantError(1, im.CodeUnknownOutcome); !e.Indefinite {
			t.Error("definite")
		}
	})
}

// held keeps the answers of sends back until release.
type held struct {
	mu    sync.Mutex
	dones []func()      // guarded by mu
	some  chan struct{} // cap large: one for each
	open  bool          // guarded by mu
}

func (h *held) take(s *fakeSession, m im.Outgoing, done func(im.Ack, error)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open {
		return false
	}
	h.dones = append(h.dones, func() { done(im.Ack{MsgID: 1, Seq: 1}, nil) })
	h.some <- struct{}{}
	return true
}

func (h *held) release() {
	h.mu.Lock()
	dones := h.dones
	h.dones, h.open = nil, true
	h.mu.Unlock()
	for _, f := range dones {
		f()
	}
}

// A session with too many unanswered sends is not read from, and everything it
// had sent is answered in order once the core catches up.
func TestUnackedCap(t *testing.T) {
	for name, dial := range dials {
		t.Run(name, func(t *testing.T) {
			h := &held{some: make(chan struct{}, 10_000)}
			r := newRig(t, func(c *Config, d *Deps) {
				c.MaxUnacked = 8
				d.Sessions.(*core).onSend = h.take
			})
			p := dial(r)
			p.enter(r.core, "alice")
			const n = 3000
			go func() {
				var b []byte
				for id := uint32(1); id <= n; id++ {
					b = append(b, frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: id, To: 99, Text: "0123456789012345678901234567890123456789"})...)
				}
				_, _ = p.conn.Write(b)
			}()
			for range 8 {
				<-h.some
			}
			h.mu.Lock()
			if len(h.dones) != 8 {
				t.Errorf("%d sends reached the core", len(h.dones))
			}
			h.mu.Unlock()
			h.release()
			acked, last := map[uint32]bool{}, uint32(0)
			for range n {
				var ack cxxpb.SendAck
				p.want(cxxpb.FrameType_FRAME_SEND_ACK, &ack)
				// The first eight are answered while the rest is already running.
				if acked[ack.Id] || ack.Id > 8 && ack.Id < last {
					t.Fatalf("ack %d after %d", ack.Id, last)
				}
				if acked[ack.Id] = true; ack.Id > 8 {
					last = ack.Id
				}
			}
		})
	}
}

// While the server does not read, what a flooding client sends stays in the
// client, and the memory of the server is bounded.
func TestFloodStaysOutside(t *testing.T) {
	h := &held{some: make(chan struct{}, 10_000)}
	r := newRig(t, func(c *Config, d *Deps) {
		c.MaxUnacked = 4
		d.Sessions.(*core).onSend = h.take
	})
	p := r.plain()
	p.enter(r.core, "alice")
	b := frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1, To: 9, Text: string(make([]byte, 4000))})
	_ = p.conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	sent := 0
	for {
		n, err := p.conn.Write(b)
		sent += n
		if err != nil {
			break // the socket took no more: that is what is wanted
		}
		if sent > 256<<20 {
			t.Fatal("the server takes everything")
		}
	}
	if r.srv.Connections() != 1 {
		t.Error("the connection was closed")
	}
	if got := r.count("cxx_edge_bytes_total", "in"); got > 256<<10 {
		t.Errorf("%v bytes were taken", got)
	}
	h.release()
}

// Over its rate a session is slowed down, then refused.
func TestSendRate(t *testing.T) {
	r := newRig(t, func(c *Config, _ *Deps) {
		c.TestMode, c.SendRate, c.SendBurst, c.SendDelay = false, 20, 10, short(300*time.Millisecond)
	})
	p := r.overTLS()
	p.enter(r.core, "alice")
	const n = 60
	for id := uint32(1); id <= n; id++ {
		p.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: id, To: 99, Text: "x"})
	}
	acks, refused := 0, 0
	for range n {
		f, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		switch f.Type {
		case cxxpb.FrameType_FRAME_SEND_ACK:
			acks++
		case cxxpb.FrameType_FRAME_ERROR:
			refused++
			var e cxxpb.Error
			if err := e.UnmarshalVT(f.Body); err != nil || e.Code != uint32(im.CodeRateLimited) || e.RetryAfterMs > 100 {
				t.Fatalf("%v %v", &e, err)
			}
		}
	}
	if acks < 12 || refused < 20 {
		t.Errorf("%d acks, %d refused", acks, refused)
	}
	if r.count("cxx_edge_pauses_total", "rate") == 0 {
		t.Error("the session was not slowed down")
	}
}

// At the limit of connections the next one waits until one ends.
func TestMaxConnections(t *testing.T) {
	r := newRig(t, func(c *Config, _ *Deps) { c.MaxConnections = 16 })
	var first *peer
	for i := range 16 - 2*acceptors {
		p := r.plain()
		p.hello()
		if i == 0 {
			first = p
		}
	}
	// The acceptors hold slots for whom they wait; those are given out too.
	var more []*peer
	for range 2*acceptors + 1 {
		p := r.plain()
		p.send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1})
		more = append(more, p)
	}
	answered := make(chan int, len(more))
	for i, p := range more {
		go func() {
			if _, err := p.next(); err == nil {
				answered <- i
			}
		}()
	}
	for range acceptors {
		<-answered
	}
	if n := r.srv.Connections(); n > 16 {
		t.Errorf("%d connections", n)
	}
	first.conn.Close()
	for _, p := range more[:acceptors] {
		p.conn.Close()
	}
}
