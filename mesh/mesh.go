package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

// Handler is what the mesh calls in the core. Calls for one peer come from one
// goroutine, in the order of the link: LinkUp, any number of Receive, LinkDown.
// From LinkUp on, Forward to the peer works. While a call lasts nothing more
// is read from that peer.
type Handler interface {
	LinkUp(peer im.NodeID, epoch uint64)
	LinkDown(peer im.NodeID, epoch uint64)
	Receive(peer im.NodeID, e im.Envelope)
}

// Mesh is this node's links to all others. Any goroutine may call its methods.
type Mesh struct {
	cfg     Config
	self    im.Node
	tls     TLS
	handler Handler
	log     *slog.Logger
	metrics *metrics

	// How connections are made; tests put pipes here.
	listenNet func(addr string) (net.Listener, error)
	dialNet   func(ctx context.Context, addr string) (net.Conn, error)

	stateBytes int // see defaultStateBytes

	tasks  sync.WaitGroup // all goroutines; Run waits for them
	warned atomic.Int64   // second in which a refusal was last logged

	mu       sync.RWMutex
	listener net.Listener        // guarded by mu
	peers    map[im.NodeID]*peer // guarded by mu
	running  context.Context     //nolint:containedctx // guarded by mu: of Run, nil before
	stopped  bool                // guarded by mu: Run is over or about to be
}

// New returns a mesh for node self, which needs ID and Epoch. It does nothing
// until Listen or Run. reg may be nil. h may be nil until Run, see Handle.
func New(cfg Config, self im.Node, tls TLS, h Handler, log *slog.Logger, reg prometheus.Registerer) (*Mesh, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	if self.ID == 0 || self.ID > im.MaxNode {
		return nil, fmt.Errorf("mesh: the node id is %d; choose 1 to %d, different for every ACS", self.ID, im.MaxNode)
	}
	if err := tls.validate(cfg.Listen); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Mesh{
		cfg: cfg, self: self, tls: tls, handler: h, log: log,
		peers: make(map[im.NodeID]*peer), stateBytes: defaultStateBytes, listenNet: listenTCP, dialNet: dialTCP,
	}
	var err error
	if m.metrics, err = newMetrics(reg, m.queuedBytes); err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	return m, nil
}

func listenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	// Heartbeats find a dead link sooner than the kernel's probes.
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr)
}

// Handle sets the handler, where core and mesh need each other. Call it before
// Run.
func (m *Mesh) Handle(h Handler) { m.handler = h }

// Listen opens the listener and returns its address, so that a node knows what
// to announce before it runs. Run does it otherwise.
func (m *Mesh) Listen() (net.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listener != nil {
		return m.listener.Addr(), nil
	}
	ln, err := m.listenNet(m.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("mesh: cannot accept peers at %s; set mesh.listen to an address that is free: %w", m.cfg.Listen, err)
	}
	m.listener = ln
	return ln.Addr(), nil
}

// Run keeps the links until ctx ends; then it stops accepting, and sends what
// waits in the queues, within a second. It returns when all goroutines of the
// mesh have ended and LinkDown has been called for every link. A Mesh runs
// once.
func (m *Mesh) Run(ctx context.Context) error {
	if m.handler == nil {
		return errors.New("mesh: Run without a handler")
	}
	if _, err := m.Listen(); err != nil {
		return err
	}
	// Links outlive ctx a little: a peer that is told goodbye while this node
	// still accepts would dial again.
	links, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	m.mu.Lock()
	m.running = links
	ln := m.listener
	for _, p := range m.peers {
		m.tasks.Go(func() { p.run(links) })
	}
	m.mu.Unlock()
	err := m.accept(ctx, ln)
	cancel()
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	m.tasks.Wait()
	return err
}

// peer returns the peer of that id, which it makes when need be.
func (m *Mesh) peer(id im.NodeID) *peer {
	m.mu.RLock()
	p := m.peers[id]
	m.mu.RUnlock()
	if p != nil {
		return p
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[id]; p != nil {
		return p
	}
	p = newPeer(m, id)
	m.peers[id] = p
	p.ended = m.stopped
	if ctx := m.running; ctx != nil && !m.stopped {
		m.tasks.Go(func() { p.run(ctx) })
	}
	return p
}

func (m *Mesh) allPeers() []*peer {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*peer, 0, len(m.peers))
	for _, p := range m.peers {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *peer) int { return int(a.id) - int(b.id) })
	return list
}

// SetPeers says which nodes have a lease; the core calls it about once per
// second. A peer that is no longer among them keeps the link it has, and is
// dialled for mesh.forget_after, as leases are late when the registry is.
func (m *Mesh) SetPeers(nodes []im.Node) {
	alive := make(map[im.NodeID]bool, len(nodes))
	for _, n := range nodes {
		if n.ID == m.self.ID || n.ID == 0 || n.ID > im.MaxNode || n.Mesh == "" {
			continue
		}
		alive[n.ID] = true
		m.peer(n.ID).seen(n)
	}
	for _, p := range m.allPeers() {
		if !alive[p.id] {
			p.gone()
		}
	}
}
