package faults

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// device is one device of a user. It speaks the bare protocol, because what a
// library of ours would repair has to be seen here. One goroutine uses it.
type device struct {
	cell     *cell
	name     string // of the user
	resource string

	user  im.UserID
	id    im.DeviceID
	token []byte

	vouched atomic.Int64 // logins by JWT

	mu      sync.Mutex
	refused map[im.ErrorCode]int // guarded by mu: logins
}

func (c *cell) device(user, resource string) *device {
	return &device{cell: c, name: user, resource: resource, refused: make(map[im.ErrorCode]int)}
}

// link is a logged-in connection.
type link struct {
	conn   *proto.Conn
	acs    string // address of the ACS
	head   uint64 // of the inbox at login
	events chan event
	heard  *atomic.Int64 // when something came last, even a heartbeat

	closing sync.Once
	closed  chan struct{} // by us
	ended   chan struct{} // by whoever; nothing is read any more
	why     error         // read it after ended is closed
}

// event is a frame from the server; one field is set.
type event struct {
	at     time.Time
	ack    *cxxpb.SendAck
	push   []*cxxpb.Entry
	fail   *cxxpb.Error
	reply  *cxxpb.Reply
	away   *cxxpb.GoAway
	behind *cxxpb.SyncRequired
	post   *cxxpb.PostPush
	moved  *cxxpb.Moved
}

// heardConn notes when something comes.
type heardConn struct {
	net.Conn
	at *atomic.Int64
}

func (c heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.at.Store(time.Now().UnixNano())
	}
	return n, err
}

const dialTimeout = 3 * time.Second

// dial connects and says hello. The whole of it, and what follows until the
// deadline is lifted, has a deadline.
func (c *cell) dial(addr string, heard *atomic.Int64) (*proto.Conn, error) {
	nc, err := net.DialTimeout("tcp", addr, dialTimeout)
	if err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Now().Add(2 * dialTimeout))
	if heard != nil {
		nc = heardConn{nc, heard}
	}
	tc := tls.Client(nc, c.tls)
	if err := tc.Handshake(); err != nil {
		nc.Close()
		return nil, err
	}
	conn := proto.NewConn(tc)
	err = conn.Send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: proto.Version, ClientName: "faults"})
	if err == nil {
		err = conn.Expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{})
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return conn, nil
}

// allocate asks one NAS.
func (c *cell) allocate(nas *server) (*cxxpb.Allocated, error) {
	conn, err := c.dial(nas.addr, nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Send(cxxpb.FrameType_FRAME_ALLOCATE, &cxxpb.Allocate{Id: 1}); err != nil {
		return nil, err
	}
	var a cxxpb.Allocated
	if err := conn.Expect(cxxpb.FrameType_FRAME_ALLOCATED, &a); err != nil {
		return nil, err
	}
	if a.Acs == "" {
		return nil, fmt.Errorf("%v has no ACS to give; wait %d ms", nas, a.WaitMs)
	}
	return &a, nil
}

// login signs in on an ACS, by token when there is one, else vouched for.
func (d *device) login(addr string, ticket []byte) (*link, error) {
	heard := new(atomic.Int64)
	conn, err := d.cell.dial(addr, heard)
	if err != nil {
		return nil, err
	}
	var r cxxpb.LoginReply
	err = d.signIn(conn, ticket, &r)
	if code := im.CodeOf(err); d.token != nil && (code == im.CodeTokenInvalid || code == im.CodeRevoked) {
		d.token = nil
		err = d.signIn(conn, nil, &r) // the ticket was used
	}
	if err != nil {
		if isIM(err) {
			d.mu.Lock()
			d.refused[im.CodeOf(err)]++
			d.mu.Unlock()
		}
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	d.user, d.id, d.token = im.UserID(r.User), im.DeviceID(r.Device), slices.Clone(r.Token)
	l := &link{
		conn: conn, acs: addr, head: r.Head, heard: heard, events: make(chan event, 256),
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.read()
	return l, nil
}

func (d *device) signIn(conn *proto.Conn, ticket []byte, r *cxxpb.LoginReply) error {
	info := &cxxpb.DeviceInfo{Id: uint64(d.id), Resource: d.resource}
	m := &cxxpb.Login{Id: 1, Mechanism: "CXX-JWT", Data: []byte(d.cell.backend.Token(d.name)), Device: info, Ticket: ticket}
	if d.token != nil {
		m.Mechanism, m.Data, m.User = "CXX-TOKEN", d.token, uint64(d.user)
	} else {
		d.vouched.Add(1)
	}
	if err := conn.Send(cxxpb.FrameType_FRAME_LOGIN, m); err != nil {
		return err
	}
	err := conn.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, r)
	if err == nil && !r.Done {
		err = errors.New("the login is not done after one step")
	}
	return err
}

// connect goes through a NAS to an ACS, and tries on until ctx ends.
func (d *device) connect(ctx context.Context) (*link, error) {
	for try := 0; ; try++ {
		l, err := d.once(d.cell.nas[rand.IntN(numNAS)])
		if err == nil {
			return l, nil
		}
		// A client backs off; 50 ms to 500 ms keeps the tests short.
		t := time.NewTimer(time.Duration(50+rand.IntN(50<<min(try, 3))) * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("%s could not log in: %w", d.name, err)
		case <-t.C:
		}
	}
}

// once asks a NAS and tries what it names, then the alternatives.
func (d *device) once(nas *server) (*link, error) {
	a, err := d.cell.allocate(nas)
	if err != nil {
		return nil, err
	}
	l, err := d.login(a.Acs, a.Ticket)
	for _, other := range a.Alternatives {
		if err == nil || isIM(err) {
			break
		}
		l, err = d.login(other, nil)
	}
	return l, err
}

func isIM(err error) bool {
	e := (*im.Error)(nil)
	return errors.As(err, &e)
}

// read turns frames into events until the connection ends.
func (l *link) read() {
	defer close(l.ended)
	for {
		f, err := l.conn.Next()
		if err != nil {
			l.why = err
			return
		}
		e := event{at: time.Now()}
		var m proto.Message
		switch f.Type {
		case cxxpb.FrameType_FRAME_SEND_ACK:
			e.ack = new(cxxpb.SendAck)
			m = e.ack
		case cxxpb.FrameType_FRAME_PUSH:
			m = new(cxxpb.Push)
		case cxxpb.FrameType_FRAME_ERROR:
			e.fail = new(cxxpb.Error)
			m = e.fail
		case cxxpb.FrameType_FRAME_REPLY:
			e.reply = new(cxxpb.Reply)
			m = e.reply
		case cxxpb.FrameType_FRAME_GO_AWAY:
			e.away = new(cxxpb.GoAway)
			m = e.away
		case cxxpb.FrameType_FRAME_SYNC_REQUIRED:
			e.behind = new(cxxpb.SyncRequired)
			m = e.behind
		case cxxpb.FrameType_FRAME_POST:
			e.post = new(cxxpb.PostPush)
			m = e.post
		case cxxpb.FrameType_FRAME_MOVED:
			e.moved = new(cxxpb.Moved)
			m = e.moved
		default:
			continue
		}
		if err := m.UnmarshalVT(f.Body); err != nil {
			l.why = err
			return
		}
		if p, ok := m.(*cxxpb.Push); ok {
			e.push = p.Entries
		}
		select {
		case l.events <- e:
		case <-l.closed:
			l.why = net.ErrClosed
			return
		}
	}
}

// close ends the connection and waits for the reader.
func (l *link) close() {
	l.closing.Do(func() { close(l.closed) })
	// TLS would wait to say goodbye to a frozen peer.
	if tc, ok := l.conn.Conn.(*tls.Conn); ok {
		tc.NetConn().Close()
	}
	<-l.ended
}

// quiet is how long nothing was heard.
func (l *link) quiet() time.Duration {
	return time.Since(time.Unix(0, l.heard.Load()))
}

// beat asks for a sign of life.
func (l *link) beat() error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(dialTimeout))
	_, err := l.conn.Write([]byte{proto.Heartbeat})
	return err
}

func (l *link) send(t cxxpb.FrameType, m proto.Message) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(dialTimeout))
	return l.conn.Send(t, m)
}

// wait returns the next event that want takes, or fails the test.
func (l *link) wait(t *testing.T, limit time.Duration, what string, want func(event) bool) event {
	t.Helper()
	end := time.After(limit)
	for {
		select {
		case e := <-l.events:
			if want(e) {
				return e
			}
		case <-l.ended:
			select { // what came before the end comes first
			case e := <-l.events:
				if want(e) {
					return e
				}
				continue
			default:
			}
			t.Fatalf("the connection ended (%v) before %s", l.why, what)
		case <-end:
			t.Fatalf("%s did not come within %v", what, limit)
		}
	}
}

// sync reads the inbox of a logged-in device from the beginning.
func (d *device) sync(l *link) ([]*cxxpb.Entry, error) {
	var all []*cxxpb.Entry
	after, id := uint64(0), uint32(1000)
	end := time.After(patience)
	for {
		id++
		call := &cxxpb.Call{Id: id, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: after}}}
		if err := l.send(cxxpb.FrameType_FRAME_CALL, call); err != nil {
			return nil, err
		}
		var page *cxxpb.SyncResult
		for page == nil {
			select {
			case e := <-l.events:
				switch {
				case e.reply != nil && e.reply.Id == id:
					page = e.reply.GetSync()
				case e.fail != nil:
					return nil, proto.ErrorFromPB(e.fail)
				}
			case <-l.ended:
				return nil, l.why
			case <-end:
				return nil, errors.New("no answer to a sync")
			}
		}
		all = append(all, page.Entries...)
		if len(page.Entries) > 0 {
			after = page.Entries[len(page.Entries)-1].Seq
		}
		if after >= page.Head || len(page.Entries) == 0 {
			return all, nil
		}
	}
}
