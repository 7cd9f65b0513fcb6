package xmpptest

import (
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Domain is the domain of the cell.
const Domain = "example.org"

// Now is the time in the cell until a test sets another.
var Now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Cell is a cell in memory. Its methods may be called from any goroutine; the
// exported fields are for the test, between calls.
type Cell struct {
	// Clock is the time of entries and items.
	Clock time.Time
	// Fail makes methods of im.Session answer an error, by their names; the name
	// "*" stands for all that can.
	Fail map[string]error
	// Refuse makes Signal answer that nobody gets it.
	Refuse bool

	mu      sync.Mutex // guards all below
	users   map[im.UserID]*user
	byAddr  map[im.Addr]im.UserID
	signals []im.Signal
	calls   []string
	reads   int
	last    uint64
}

type user struct {
	account  im.Account
	contacts map[im.UserID]im.Contact
	log      []im.Entry
	leaves   map[string]*leaf
	blocks   []im.Addr
	sessions []*Core
	devices  []im.Device
	reached  uint64
}

// New returns an empty cell.
func New() *Cell {
	return &Cell{Clock: Now, Fail: map[string]error{}, users: map[im.UserID]*user{}, byAddr: map[im.Addr]im.UserID{}}
}

// User makes an account, or returns the one that is there.
func (c *Cell) User(local string) im.UserID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user(im.Addr{Local: local, Domain: Domain}).account.ID
}

// user runs with mu held.
func (c *Cell) user(a im.Addr) *user {
	a = a.Bare()
	if id, ok := c.byAddr[a]; ok {
		return c.users[id]
	}
	c.last++
	id := im.MakeUserID(a.Slot(), c.last)
	u := &user{contacts: map[im.UserID]im.Contact{}, leaves: map[string]*leaf{}}
	u.account = im.Account{ID: id, Addr: a, Created: c.Clock, Profile: im.Profile{User: id, Addr: a}}
	c.users[id], c.byAddr[a] = u, id
	return u
}

// Addr returns the bare address of a name in the cell.
func Addr(local string) im.Addr { return im.Addr{Local: local, Domain: Domain} }

// Profile sets what a user says of himself.
func (c *Cell) Profile(local string, p im.Profile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.user(Addr(local))
	p.User, p.Addr = u.account.ID, u.account.Addr
	u.account.Profile = p
}

// Befriend puts two users on each other's lists with subscription both.
func (c *Cell) Befriend(a, b string) {
	c.Relate(a, b, im.SubBoth)
	c.Relate(b, a, im.SubBoth)
}

// Relate sets the entry that owner has of peer, without a trace in the log.
func (c *Cell) Relate(owner, peer string, sub im.Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, p := c.user(Addr(owner)), c.user(Addr(peer))
	o.contacts[p.account.ID] = im.Contact{User: p.account.ID, Addr: p.account.Addr, Sub: sub, Listed: sub&^im.SubPendingIn != 0}
}

// PutContact sets an entry of owner's list as it is, without a trace in the log.
func (c *Cell) PutContact(owner string, x im.Contact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user(Addr(owner)).contacts[x.User] = x
}

// Log returns the log of a user.
func (c *Cell) Log(local string) []im.Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.user(Addr(local)).log)
}

// Append adds an entry to the log of a user and returns its place.
func (c *Cell) Append(local string, e im.Entry) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.append(c.user(Addr(local)), e)
}

// append runs with mu held.
func (c *Cell) append(u *user, e im.Entry) uint64 {
	c.last++
	e.Seq = uint64(len(u.log)) + 1
	if e.MsgID == 0 {
		e.MsgID = im.MakeMsgID(c.Clock, int(c.last), 1)
	}
	u.log = append(u.log, e)
	return e.Seq
}

// Reach says how far some device of a user has come in the log.
func (c *Cell) Reach(local string, seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user(Addr(local)).reached = seq
}

// LastSeen sets when a user was last online.
func (c *Cell) LastSeen(local string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user(Addr(local)).account.LastSeen = at
}

// Signals returns the signals since the last call, oldest first.
func (c *Cell) Signals() []im.Signal {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.signals
	c.signals = nil
	return out
}

// Calls returns the names of the methods of im.Session that were called since
// the last call of Calls, without those that only read.
func (c *Cell) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = nil
	return out
}

// Reads returns how many calls of methods of im.Session only read, since the last
// call of Reads.
func (c *Cell) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.reads
	c.reads = 0
	return out
}

// enter locks the cell for a method of a core session and answers the error
// that the test wishes; then nothing is locked.
func (c *Cell) enter(method string, writes bool) error {
	c.mu.Lock()
	err := c.Fail[method]
	if err == nil {
		err = c.Fail["*"]
	}
	if err != nil {
		c.mu.Unlock()
		return err
	}
	if writes {
		c.calls = append(c.calls, method)
	} else {
		c.reads++
	}
	return nil
}
