package acs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

// Passwords changes passwords; package acs/auth implements it.
type Passwords interface {
	// ChangePassword sets a new password when old is right. With endOthers every
	// device but keep loses its token; those are returned.
	ChangePassword(ctx context.Context, u im.UserID, old, new string, endOthers bool, keep im.DeviceID) (ended []im.DeviceID, err error)
}

// Deps is what the core works with.
type Deps struct {
	Node     im.Node // ID, Epoch, Role, addresses, version; the core keeps Sessions and Draining
	Store    Store
	Registry Registry
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil: none
	Now      func() time.Time      // nil: time.Now
}

// Server is the core of one ACS. It implements im.Sessions and MeshHandler.
type Server struct {
	cfg      Config
	node     im.Node
	store    Store
	registry Registry
	log      *slog.Logger
	now      func() time.Time
	clock    *im.Clock
	metrics  *metrics

	mesh     Mesh      // set by UseMesh before Run
	password Passwords // set by UsePasswords before Run
	booker   Booker    // set by UseBooker before Run; nil: none
	hub      *hub
	table    *table
	presence *presence
	announce *announcer
	bells    *bells
	peers    *peers
	addrs    *addrCache
	names    *nameCache
	blocks   *blocks
	cursors  *cursors
	rooms    *rooms
	tasks    tasks

	lastSession atomic.Uint64
	pollSoon    atomic.Bool   // pushes may have been lost: compare heads at the next second
	fills       chan struct{} // one for each gap that is being read
	draining    atomic.Bool
	sessions    atomic.Int64
}

// New returns the core. It does nothing until Run.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Node.ID == 0 || d.Node.ID > im.MaxNode {
		return nil, im.Errorf(im.CodeInvalid, "the node id is %d; choose 1 to %d, different for every ACS", d.Node.ID, im.MaxNode)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Server{
		cfg: cfg, node: d.Node, store: d.Store, registry: d.Registry,
		log: d.Log, now: d.Now, clock: im.NewClock(d.Node.ID, d.Now), metrics: newMetrics(d.Metrics),
		mesh: noMesh{}, hub: newHub(), table: newTable(), fills: make(chan struct{}, maxFills),
	}
	s.lastSession.Store(uint64(d.Now().UnixMilli()) << 20)
	s.tasks.init()
	s.presence = newPresence(s)
	s.announce = newAnnouncer(s)
	s.bells = newBells(s)
	s.peers = newPeers(s)
	s.addrs = newAddrCache(s.store)
	s.names = newNameCache(s)
	s.blocks = newBlocks(s)
	s.cursors = newCursors()
	s.rooms = newRooms(s)
	return s, nil
}

// UseMesh sets the links to the peers. Call it before Run.
func (s *Server) UseMesh(m Mesh) { s.mesh = m }

// UsePasswords sets who changes passwords. Call it before Run.
func (s *Server) UsePasswords(p Passwords) { s.password = p }

// Advertise sets the address that NAS gives to clients and how many of them
// there may be. Call it before Run.
func (s *Server) Advertise(cxx string, capacity int) { s.node.CXX, s.node.Capacity = cxx, capacity }

// Clock returns the node's clock of message ids.
func (s *Server) Clock() *im.Clock { return s.clock }

// Sessions returns the number of open sessions.
func (s *Server) Sessions() int { return int(s.sessions.Load()) }

// SetDraining says in the node's lease whether it takes new clients, and tells
// the registry at once.
func (s *Server) SetDraining(ctx context.Context, draining bool) {
	s.draining.Store(draining)
	s.peers.keep(ctx)
}

// CatchUp reads the newest message id of the cell, so that ids go on after it:
// the node may have followed a faster clock before it was restarted. Call it
// before the edges take sessions.
func (s *Server) CatchUp(ctx context.Context) error {
	newest, err := s.store.MaxMsgID(ctx)
	if err != nil {
		return fmt.Errorf("acs: read the newest message id: %w", err)
	}
	s.clock.Observe(newest)
	return nil
}

// Run keeps the node alive in the cell until ctx ends; then it withdraws the
// lease, ends what sessions are left and returns when its goroutines have. It
// ends by itself, with im.CodeConflict, when a newer incarnation of the node
// has appeared. The mesh has to outlive it, to carry its last words.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	defer stop()
	for _, loop := range []func(context.Context){
		s.announce.run, s.bells.run, s.peers.run, s.presence.run, s.pollLoop, s.cursorLoop, s.rooms.run, s.owedLoop,
	} {
		wg.Go(func() { loop(running) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.peers.fenced:
		s.log.Error("node was ended", "node", s.node.ID, "err", err)
	}
	stop()
	wg.Wait()
	for _, ss := range s.hub.all() {
		ss.kick(im.Errorf(im.CodeGoAway, "the server is shutting down"))
	}
	s.announce.flush()
	s.tasks.close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	s.cursors.save(last, s)
	s.presence.saveSeen(last)
	if err := s.registry.Withdraw(last, s.node.ID, s.node.Epoch); err != nil {
		s.log.Warn("lease was not withdrawn; it will run out", "node", s.node.ID, "err", err)
	}
	return err
}

// after runs f in a goroutine of its own when d has passed, unless the server
// ends before.
func (s *Server) after(d time.Duration, f func(context.Context)) { s.tasks.after(d, f) }

// tasks are short goroutines that the server waits for.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool // guarded by mu
	wg     sync.WaitGroup

	waiting map[*time.Timer]struct{} // guarded by mu: for what comes after a while
}

func (t *tasks) init() {
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.waiting = make(map[*time.Timer]struct{})
}

func (t *tasks) after(d time.Duration, f func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.wg.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		defer t.wg.Done()
		t.mu.Lock()
		delete(t.waiting, timer)
		t.mu.Unlock()
		if t.ctx.Err() == nil {
			f(t.ctx)
		}
	})
	t.waiting[timer] = struct{}{}
}

// do runs f in a goroutine of its own, whose ctx may have ended already. False:
// the server has ended and f does not run.
func (t *tasks) do(f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(func() { f(t.ctx) })
	return true
}

func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	for timer := range t.waiting {
		if timer.Stop() {
			t.wg.Done()
		}
	}
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
}

// noMesh is the mesh of a cell with one node.
type noMesh struct{}

func (noMesh) Forward(im.NodeID, im.Envelope) bool { return false }
func (noMesh) Broadcast(im.Envelope)               {}
func (noMesh) SetPeers([]im.Node)                  {}

// public turns any error into one that may be shown: what we do not know
// becomes INTERNAL, and is logged here, once, with an id that the user can
// quote.
func (s *Server) public(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *im.Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &im.Error{Code: im.CodeUnknownOutcome, Detail: "no answer in time; try again with the same id", Err: err}
	}
	id := s.clock.Next().String()
	s.log.Error("request failed", "op", op, "id", id, "err", err)
	return im.Errorf(im.CodeInternal, "something went wrong on the server; quote %s to its operator", id)
}
