// Package clienttest is a small C-XX cell in memory, for tests of programs that
// use package client: accounts, inboxes, contacts, presence, groups, real frames,
// and faults on demand. It keeps none of the product's promises beyond one test.
package clienttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
)

// Addresses of the cell's servers. They are loopback addresses, so that clients
// speak plaintext to them, but nothing listens there: Cell.Dial leads to them.
const (
	NAS  = "127.0.0.9:7000"
	NAS2 = "127.0.0.8:7000"
	ACS1 = "127.0.0.1:7100"
	ACS2 = "127.0.0.2:7100"
	ACS3 = "127.0.0.3:7100"
)

// Verdict says what becomes of a frame.
type Verdict int

// The verdicts.
const (
	Pass     Verdict = iota
	Drop             // nothing happens
	Cut              // the connection ends before the frame has an effect
	CutAfter         // the frame has its effect; the connection ends before the answer
)

// Cell is the cell. Its fields are set before the first connection, or under
// Do; its methods are safe for any goroutine.
type Cell struct {
	Domain string
	// OnFrame judges frames from clients; OnPush entries about to be pushed.
	OnFrame func(c *Conn, f Frame) Verdict
	OnPush  func(c *Conn, e im.Entry) Verdict
	// OnPost judges entries of timelines about to be pushed.
	OnPost func(c *Conn, g im.GroupID, e im.Entry) Verdict
	// Fail answers a message with an error instead of committing it.
	Fail func(to im.UserID, text string) *im.Error
	// GroupPage is how many groups one answer lists; zero: all.
	GroupPage int
	// Lost is a group whose zone is out of reach, for lists of groups.
	Lost im.GroupID
	// Fresh is how long a token that was replaced works once more.
	Fresh time.Duration

	mu    sync.Mutex
	wg    sync.WaitGroup
	users map[im.UserID]*user
	rooms map[im.GroupID]*group
	down  map[string]bool
	live  []string // ACS that NAS names
	turn  int
	conns map[*Conn]bool
	dials map[string]int
	clock *im.Clock
}

type user struct {
	id       im.UserID
	addr     im.Addr
	creds    scram.StoredCredentials
	inbox    []im.Entry
	sent     map[im.ClientID]im.Ack
	devices  map[im.DeviceID]*device
	contacts map[im.UserID]*im.Contact
	read     map[im.UserID]im.MsgID
	blocked  []im.Addr
	booked   map[im.GroupID]im.Membership
}

type device struct {
	im.Device
	token, before string
	replaced      time.Time
}

// New returns a cell with one NAS and the servers ACS1 and ACS2 alive.
func New() *Cell {
	return &Cell{
		Domain: "example.org", Fresh: time.Minute,
		users: make(map[im.UserID]*user), rooms: make(map[im.GroupID]*group), down: make(map[string]bool), live: []string{ACS1, ACS2},
		conns: make(map[*Conn]bool), dials: make(map[string]int), clock: im.NewClock(1, time.Now),
	}
}

// AddUser makes an account and returns its id.
func (x *Cell) AddUser(name, password string) im.UserID {
	x.mu.Lock()
	defer x.mu.Unlock()
	u := &user{
		addr: im.Addr{Local: name, Domain: x.Domain}, creds: credentials(name, password),
		sent: make(map[im.ClientID]im.Ack), devices: make(map[im.DeviceID]*device),
		contacts: make(map[im.UserID]*im.Contact), read: make(map[im.UserID]im.MsgID),
		booked: make(map[im.GroupID]im.Membership),
	}
	u.id = im.MakeUserID(u.addr.Slot(), uint64(len(x.users)+1))
	x.users[u.id] = u
	return u.id
}

func credentials(name, password string) scram.StoredCredentials {
	c, err := scram.SHA256.NewClientUnprepped(name, password, "")
	if err != nil {
		panic(err)
	}
	s, err := c.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt of " + name, Iters: 4096})
	if err != nil {
		panic(err)
	}
	return s
}

// Do runs f while no frame is handled.
func (x *Cell) Do(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
}

// Live sets which ACS the NAS names, in turn.
func (x *Cell) Live(acs ...string) { x.Do(func() { x.live = acs }) }

// Down makes servers refuse connections and ends those there are; Up undoes it.
func (x *Cell) Down(addrs ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range addrs {
		x.down[a] = true
	}
	for c := range x.conns {
		if slices.Contains(addrs, c.At) {
			_ = c.nc.Close()
		}
	}
}

// Up makes servers accept connections again.
func (x *Cell) Up(addrs ...string) {
	x.Do(func() {
		for _, a := range addrs {
			delete(x.down, a)
		}
	})
}

// Dials returns how often a server was dialled.
func (x *Cell) Dials(addr string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dials[addr]
}

// Sessions returns the connections that are signed in as u.
func (x *Cell) Sessions(u im.UserID) []*Conn {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sessions(u)
}

func (x *Cell) sessions(u im.UserID) []*Conn {
	var list []*Conn
	for c := range x.conns {
		if c.user != nil && c.user.id == u {
			list = append(list, c)
		}
	}
	return list
}

// CutAll ends all connections.
func (x *Cell) CutAll() {
	x.Do(func() {
		for c := range x.conns {
			_ = c.nc.Close()
		}
	})
}

// Close ends all connections and waits for their goroutines.
func (x *Cell) Close() {
	x.CutAll()
	x.wg.Wait()
}

// Dial is client.Options.Dialer.
func (x *Cell) Dial(_ context.Context, addr string) (net.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dials[addr]++
	if x.down[addr] {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	x.serve(far, addr, nil)
	return near, nil
}

// Inbox returns a copy of a user's inbox.
func (x *Cell) Inbox(u im.UserID) []im.Entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.users[u].inbox)
}

// Cursor returns how far the devices of u have acknowledged, the furthest.
func (x *Cell) Cursor(u im.UserID) (most uint64) {
	x.Do(func() {
		for _, d := range x.users[u].devices {
			most = max(most, d.Cursor)
		}
	})
	return most
}

// Devices returns how many devices u has.
func (x *Cell) Devices(u im.UserID) (n int) {
	x.Do(func() { n = len(x.users[u].devices) })
	return n
}

// Truncate cuts a user's inbox, as a restore from a backup does.
func (x *Cell) Truncate(u im.UserID, head int) {
	x.Do(func() { x.users[u].inbox = x.users[u].inbox[:head] })
}

// Log puts an entry into a user's inbox.
func (x *Cell) Log(u im.UserID, e im.Entry) { x.Do(func() { x.log(x.users[u], e, nil) }) }

// Say commits a message as if from had sent it from elsewhere, and pushes it.
func (x *Cell) Say(from, to im.UserID, text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.commit(x.users[from], im.Outgoing{To: to, Text: text}, nil)
}

// Push pushes entries of u's inbox to all of its sessions, in the given order,
// whatever they have seen.
func (x *Cell) Push(u im.UserID, seqs ...uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.sessions(u) {
		for _, seq := range seqs {
			c.push(x.users[u].inbox[seq-1])
		}
	}
}

// commit runs with mu held.
func (x *Cell) commit(from *user, m im.Outgoing, origin *Conn) (im.Ack, *im.Error) {
	to := x.users[m.To]
	if to == nil {
		return im.Ack{}, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	if ack, ok := from.sent[m.ClientID]; ok && !m.ClientID.IsZero() {
		ack.Duplicate = true
		return ack, nil
	}
	e := im.Entry{MsgID: x.clock.Next(), Kind: im.KindMessage, From: from.id, Peer: from.id, ClientID: m.ClientID, Text: m.Text, Ext: m.Ext}
	if to != from {
		x.log(to, e, nil)
	}
	e.Peer = to.id
	seq := x.log(from, e, origin)
	ack := im.Ack{MsgID: e.MsgID, Seq: seq}
	from.sent[m.ClientID] = ack
	return ack, nil
}

// log appends to an inbox and pushes to all sessions but origin; mu is held.
func (x *Cell) log(u *user, e im.Entry, origin *Conn) uint64 {
	if e.MsgID == 0 {
		e.MsgID = x.clock.Next()
	}
	e.Seq = uint64(len(u.inbox) + 1)
	u.inbox = append(u.inbox, e)
	for _, c := range x.sessions(u.id) {
		if c != origin && (x.OnPush == nil || x.OnPush(c, e) == Pass) {
			c.push(e)
		}
	}
	return e.Seq
}

func (x *Cell) newToken() string { return "cxt_" + fmt.Sprint(rand.Text()) }
