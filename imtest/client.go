package imtest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Client speaks the bare C-XX protocol to a node and keeps what it hears as
// lines of text, the notation of conversation scripts. Its methods are for the
// test's goroutine.
type Client struct {
	t      testing.TB
	cell   *Cell
	Name   string // user or user/device, as in scripts
	conn   *proto.Conn
	user   im.UserID
	device im.DeviceID
	token  []byte
	head   uint64
	nextID uint32
	names  *names

	mu     sync.Mutex
	heard  []string              // guarded by mu: events that no expectation has taken
	log    []string              // guarded by mu: all events, for the report of a failure
	seq    uint64                // guarded by mu: of the last entry pushed
	posts  map[uint64]uint64     // guarded by mu: the same of timelines
	calls  map[uint32]chan reply // guarded by mu: calls that wait for an answer
	change chan struct{}         // guarded by mu: closed and replaced when something is heard
	done   chan struct{}         // closed when the reader has ended
}

type reply struct {
	r   *cxxpb.Reply
	err error
}

// names translates between users and the names of a script.
type names struct {
	mu   sync.Mutex
	user map[string]im.UserID // guarded by mu
	name map[im.UserID]string // guarded by mu
	seqs map[post]uint64      // guarded by mu: where messages stand in timelines
}

// post is a message of a group.
type post struct {
	group im.UserID
	id    im.MsgID
}

func newNames() *names {
	return &names{user: make(map[string]im.UserID), name: make(map[im.UserID]string), seqs: make(map[post]uint64)}
}

// post notes where a message stands.
func (n *names) post(g im.UserID, seq uint64, id im.MsgID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seqs[post{g, id}] = seq
}

func (n *names) seqOf(g im.UserID, id im.MsgID) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seqs[post{g, id}]
}

// postAt is the message at a seq, or the newest one before.
func (n *names) postAt(g im.UserID, seq uint64) (out im.MsgID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	best := uint64(0)
	for p, at := range n.seqs {
		if p.group == g && at <= seq && at > best {
			best, out = at, p.id
		}
	}
	return out
}

func (n *names) put(name string, u im.UserID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.user[name], n.name[u] = u, name
}

// title names a group by its title, unless the script has named it already.
func (n *names) title(title string, g im.GroupID) {
	n.mu.Lock()
	_, known := n.name[im.UserID(g)]
	n.mu.Unlock()
	if !known {
		n.put(title, im.UserID(g))
	}
}

func (n *names) of(u im.UserID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name, ok := n.name[u]; ok {
		return name
	}
	return u.String()
}

func (n *names) id(name string) im.UserID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.user[name]
}

// User returns the account name of the client.
func (c *Client) User() string {
	name, _, _ := strings.Cut(c.Name, "/")
	return name
}

// Connect logs a client in on a node, the first time as a new device and later
// by its token.
func (c *Client) Connect(n *Node) error {
	c.t.Helper()
	nc, err := net.Dial("tcp", n.Addr())
	if err != nil {
		return err
	}
	c.conn = proto.NewConn(nc)
	if err := c.login(); err != nil {
		nc.Close()
		return err
	}
	c.names.put(c.User(), c.user)
	c.mu.Lock()
	c.calls, c.change, c.seq = make(map[uint32]chan reply), make(chan struct{}), c.head
	c.mu.Unlock()
	c.done = make(chan struct{})
	go c.read(c.conn, c.done)
	return nil
}

func (c *Client) login() error {
	if err := c.conn.Send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: proto.Version, ClientName: "imtest"}); err != nil {
		return err
	}
	if err := c.conn.Expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{}); err != nil {
		return err
	}
	_, resource, named := strings.Cut(c.Name, "/")
	if !named {
		resource = "main"
	}
	l := &cxxpb.Login{Id: 1, Mechanism: "CXX-JWT", Data: []byte(c.cell.token(c.User())), Device: &cxxpb.DeviceInfo{Resource: resource}}
	if c.token != nil {
		l = &cxxpb.Login{Id: 1, Mechanism: "CXX-TOKEN", Data: c.token, User: uint64(c.user), Device: &cxxpb.DeviceInfo{Id: uint64(c.device)}}
	}
	if err := c.conn.Send(cxxpb.FrameType_FRAME_LOGIN, l); err != nil {
		return err
	}
	var r cxxpb.LoginReply
	if err := c.conn.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &r); err != nil {
		return err
	}
	c.user, c.device, c.token, c.head = im.UserID(r.User), im.DeviceID(r.Device), slices.Clone(r.Token), r.Head
	return nil
}

// Disconnect breaks the connection and waits until nothing is read any more.
func (c *Client) Disconnect() {
	if c.conn == nil {
		return
	}
	c.conn.Close()
	<-c.done
	c.conn = nil
}

func (c *Client) read(conn *proto.Conn, done chan struct{}) {
	defer close(done)
	for {
		f, err := conn.Next()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				c.hear("disconnected")
			}
			return
		}
		c.frame(f)
	}
}

func (c *Client) hear(lines ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, lines...)
	c.log = append(c.log, lines...)
	close(c.change)
	c.change = make(chan struct{})
}

// frame turns a frame from the server into events.
func (c *Client) frame(f proto.Frame) {
	switch f.Type {
	case cxxpb.FrameType_FRAME_SEND_ACK:
		c.decode(f, new(cxxpb.SendAck), func(m proto.Message) { c.hear(renderAck(m.(*cxxpb.SendAck))) })
	case cxxpb.FrameType_FRAME_PUSH:
		c.decode(f, new(cxxpb.Push), func(m proto.Message) {
			for _, e := range m.(*cxxpb.Push).Entries {
				c.pushed(e)
			}
		})
	case cxxpb.FrameType_FRAME_POST:
		c.decode(f, new(cxxpb.PostPush), func(m proto.Message) {
			for _, e := range m.(*cxxpb.PostPush).Entries {
				c.posted(m.(*cxxpb.PostPush).Group, e)
			}
		})
	case cxxpb.FrameType_FRAME_PRESENCE:
		c.decode(f, new(cxxpb.Presence), func(m proto.Message) {
			for _, p := range m.(*cxxpb.Presence).Users {
				c.hear(c.renderPresence(p))
			}
		})
	case cxxpb.FrameType_FRAME_SIGNAL:
		c.decode(f, new(cxxpb.Signal), func(m proto.Message) { c.hear(c.renderSignal(m.(*cxxpb.Signal))) })
	case cxxpb.FrameType_FRAME_ERROR:
		c.decode(f, new(cxxpb.Error), func(m proto.Message) { c.failed(m.(*cxxpb.Error)) })
	case cxxpb.FrameType_FRAME_REPLY:
		c.decode(f, new(cxxpb.Reply), func(m proto.Message) {
			r := m.(*cxxpb.Reply)
			c.answer(r.Id, reply{r: r})
		})
	default:
		c.hear(strings.ToLower(strings.TrimPrefix(f.Type.String(), "FRAME_")))
	}
}

func (c *Client) decode(f proto.Frame, m proto.Message, use func(proto.Message)) {
	if err := m.UnmarshalVT(f.Body); err != nil {
		c.hear(fmt.Sprintf("undecodable %v", f.Type))
		return
	}
	use(m)
}

// pushed checks the one thing that holds for every push: the entries of an
// inbox come as 1, 2, 3 …, but for those that an ack has told.
func (c *Client) pushed(e *cxxpb.Entry) {
	c.mu.Lock()
	if e.Seq <= c.seq {
		c.t.Errorf("%s: entry %d was pushed after entry %d", c.Name, e.Seq, c.seq)
	}
	c.seq = e.Seq
	c.mu.Unlock()
	c.hear(c.renderEntry(e))
}

func (c *Client) failed(e *cxxpb.Error) {
	code := im.ErrorCode(e.Code).String()
	if e.Id == 0 {
		c.hear("closed " + code)
		return
	}
	if !c.answer(e.Id, reply{err: proto.ErrorFromPB(e)}) {
		c.hear("error " + code)
	}
}

func (c *Client) answer(id uint32, r reply) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, ok := c.calls[id]
	if ok {
		delete(c.calls, id)
		ch <- r
	}
	return ok
}

// Call sends a request and waits for its answer.
func (c *Client) Call(call *cxxpb.Call) (*cxxpb.Reply, error) {
	c.t.Helper()
	c.nextID++
	call.Id = c.nextID
	ch := make(chan reply, 1)
	c.mu.Lock()
	c.calls[call.Id] = ch
	c.mu.Unlock()
	if err := c.conn.Send(cxxpb.FrameType_FRAME_CALL, call); err != nil {
		return nil, err
	}
	select {
	case r := <-ch:
		return r.r, r.err
	case <-time.After(Patience):
		c.t.Fatalf("%s: no answer to %v after %v", c.Name, call, Patience)
		return nil, nil
	}
}

// SendText sends a message; the ack comes as an event.
func (c *Client) SendText(to im.UserID, id im.ClientID, text string) error {
	return c.sendFrame(&cxxpb.Send{To: uint64(to), ClientId: id[:], Text: text})
}

// take removes the first event for which match is true, waiting for it.
func (c *Client) take(match func(event string) bool) (ok bool, heard []string) {
	end := time.After(Patience)
	for {
		c.mu.Lock()
		for i, e := range c.heard {
			if match(e) {
				c.heard = slices.Delete(c.heard, i, i+1)
				c.mu.Unlock()
				return true, nil
			}
		}
		change := c.change
		heard = slices.Clone(c.heard)
		c.mu.Unlock()
		select {
		case <-change:
		case <-end:
			return false, heard
		}
	}
}

// Rest returns the events that no expectation has taken, without those that may or
// may not come: presence, and one's own joining of a group, which is pushed when
// somebody else at this node follows it.
func (c *Client) Rest() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, e := range c.heard {
		_, who, _ := strings.Cut(e, " joined ")
		own := strings.HasPrefix(e, "group ") && strings.Trim(who, `"`) == c.User()
		if !own && !strings.HasPrefix(e, "presence ") {
			out = append(out, e)
		}
	}
	return out
}
