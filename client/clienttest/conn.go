package clienttest

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Frame is what OnFrame judges: the type, and the decoded body of a Login, Send
// or Call.
type Frame struct {
	Type  cxxpb.FrameType
	Login *cxxpb.Login
	Send  *cxxpb.Send
	Call  *cxxpb.Call
}

// Conn is a client's connection to one server of the cell.
type Conn struct {
	At string // the server's address

	x      *Cell
	nc     net.Conn
	tls    *tls.Conn
	user   *user // guarded by Cell.mu: who is signed in
	device *device
	scram  *scram.ServerConversation
	info   *cxxpb.DeviceInfo
	follow bool // it has asked for its groups

	mu   sync.Mutex
	out  []byte // guarded by mu
	wake chan struct{}
}

// serve runs a connection; mu is held.
func (x *Cell) serve(nc net.Conn, at string, tc *tls.Conn) {
	c := &Conn{At: at, x: x, nc: nc, tls: tc, wake: make(chan struct{}, 1)}
	x.conns[c] = true
	stop := make(chan struct{})
	x.wg.Go(func() { c.writer(stop) })
	x.wg.Go(func() {
		defer close(stop)
		defer nc.Close()
		c.reader()
		x.Do(func() { delete(x.conns, c) })
	})
}

func (c *Conn) writer(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-c.wake:
		}
		c.mu.Lock()
		out := c.out
		c.out = nil
		c.mu.Unlock()
		if _, err := c.nc.Write(out); err != nil {
			return
		}
	}
}

func (c *Conn) write(t cxxpb.FrameType, m proto.Message) {
	c.raw(proto.AppendFrame(nil, t, 0, m))
}

func (c *Conn) raw(b []byte) {
	c.mu.Lock()
	c.out = append(c.out, b...)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Conn) reader() {
	var buf []byte
	chunk := make([]byte, 4<<10)
	for {
		n, err := c.nc.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for {
			f, used, err := proto.Parse(buf, proto.MaxFrameAfterLogin)
			if err != nil {
				return
			}
			if used == 0 {
				break
			}
			if !c.handle(f) {
				return
			}
			buf = buf[used:]
		}
	}
}

// handle answers one frame; false ends the connection.
func (c *Conn) handle(f proto.Frame) bool {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	in := Frame{Type: f.Type}
	switch f.Type {
	case cxxpb.FrameType_FRAME_LOGIN:
		in.Login = new(cxxpb.Login)
		_ = proto.Unmarshal(f.Body, in.Login)
	case cxxpb.FrameType_FRAME_SEND:
		in.Send = new(cxxpb.Send)
		_ = proto.Unmarshal(f.Body, in.Send)
	case cxxpb.FrameType_FRAME_CALL:
		in.Call = new(cxxpb.Call)
		_ = proto.Unmarshal(f.Body, in.Call)
	}
	verdict := Pass
	if c.x.OnFrame != nil {
		verdict = c.x.OnFrame(c, in)
	}
	switch verdict {
	case Drop:
		return true
	case Cut:
		return false
	case CutAfter:
		quiet := &Conn{At: c.At, x: c.x, tls: c.tls, user: c.user, device: c.device, scram: c.scram, info: c.info, wake: make(chan struct{}, 1)}
		quiet.act(f, in)
		return false
	}
	c.act(f, in)
	return true
}

func (c *Conn) act(f proto.Frame, in Frame) {
	switch f.Type {
	case cxxpb.FrameType_FRAME_NONE:
		c.raw([]byte{proto.Heartbeat})
	case cxxpb.FrameType_FRAME_HELLO:
		c.hello()
	case cxxpb.FrameType_FRAME_ALLOCATE:
		c.allocate()
	case cxxpb.FrameType_FRAME_LOGIN:
		c.login(in.Login)
	case cxxpb.FrameType_FRAME_SEND:
		c.send(in.Send)
	case cxxpb.FrameType_FRAME_CURSOR:
		var m cxxpb.Cursor
		_ = proto.Unmarshal(f.Body, &m)
		c.device.Cursor = max(c.device.Cursor, m.Seq)
	case cxxpb.FrameType_FRAME_SIGNAL:
		var m cxxpb.Signal
		_ = proto.Unmarshal(f.Body, &m)
		if m.Group != 0 {
			c.signalGroup(&m)
			return
		}
		for _, o := range c.x.sessions(im.UserID(m.User)) {
			o.write(cxxpb.FrameType_FRAME_SIGNAL, &cxxpb.Signal{User: uint64(c.user.id), Kind: m.Kind})
		}
	case cxxpb.FrameType_FRAME_CALL:
		c.call(in.Call)
	}
}

func (c *Conn) hello() {
	mechanisms := []string{"SCRAM-SHA-256", "CXX-TOKEN", "CXX-JWT"}
	if c.tls != nil {
		mechanisms = append([]string{"SCRAM-SHA-256-PLUS"}, mechanisms...)
	}
	c.write(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{
		Version: 1, Domain: c.x.Domain, Mechanisms: mechanisms, Registration: true, MaxFrame: proto.MaxFrameAfterLogin,
	})
}

func (c *Conn) allocate() {
	x := c.x
	if len(x.live) == 0 {
		c.write(cxxpb.FrameType_FRAME_ALLOCATED, &cxxpb.Allocated{Id: 1, WaitMs: 2000})
		return
	}
	at := x.turn % len(x.live)
	x.turn++
	c.write(cxxpb.FrameType_FRAME_ALLOCATED, &cxxpb.Allocated{
		Id: 1, Acs: x.live[at], Ticket: []byte("ticket for " + x.live[at]),
		Alternatives: append(slices.Clone(x.live[at+1:]), x.live[:at]...),
	})
}

// Refuse sends an error; request 0 is the connection.
func (c *Conn) Refuse(id uint32, e *im.Error) {
	c.write(cxxpb.FrameType_FRAME_ERROR, proto.ErrorToPB(id, e))
}

// End tells the client why the connection ends, and ends it when the client
// hangs up.
func (c *Conn) End(e *im.Error) { c.Refuse(0, e) }

// Close ends the connection without a word.
func (c *Conn) Close() { _ = c.nc.Close() }

// GoAway asks the client to leave.
func (c *Conn) GoAway(within time.Duration) {
	c.write(cxxpb.FrameType_FRAME_GO_AWAY, &cxxpb.GoAway{DelayMs: uint32(within.Milliseconds())})
}

// SyncRequired tells the client to read the log.
func (c *Conn) SyncRequired(head uint64) {
	c.write(cxxpb.FrameType_FRAME_SYNC_REQUIRED, &cxxpb.SyncRequired{Head: head})
}

// Presence shows another user to the client.
func (c *Conn) Presence(p im.UserPresence) {
	c.write(cxxpb.FrameType_FRAME_PRESENCE, &cxxpb.Presence{Users: []*cxxpb.UserPresence{proto.UserPresenceToPB(p)}})
}

func (c *Conn) push(e im.Entry) {
	c.write(cxxpb.FrameType_FRAME_PUSH, &cxxpb.Push{Entries: []*cxxpb.Entry{proto.EntryToPB(&e, c.user.id)}})
}
