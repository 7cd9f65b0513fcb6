package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/acs/edge"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/mesh"
	"github.com/cxx-im/cxx/nas"
	"github.com/cxx-im/cxx/presence/memory"
	"github.com/cxx-im/cxx/presence/redis"
	"github.com/cxx-im/cxx/shard"
	"github.com/cxx-im/cxx/xmpp/c2s"
	"github.com/cxx-im/cxx/xmpp/stream"
)

// Role is what a process does.
type Role string

// The roles.
const (
	RoleAll Role = "serve" // NAS and ACS in one process
	RoleNAS Role = "nas"
	RoleACS Role = "acs"
)

func (r Role) acs() bool { return r != RoleNAS }
func (r Role) nas() bool { return r != RoleACS }

// Options are what a process is started with beside its configuration.
type Options struct {
	Role    Role
	Config  Config
	DataDir string
	Version string
	Log     *slog.Logger
	// Shared parts, for several nodes in one test process; nil: the node makes
	// its own and closes it.
	Store    *shard.Store
	Registry *memory.Registry
	// PlainMesh links peers without TLS; for test processes on loopback.
	PlainMesh bool
}

// Node is a process, or one of several nodes in a test process. Its listeners
// are open after New; Run serves.
type Node struct {
	opt     Options
	cfg     Config
	log     *slog.Logger
	domains []string
	self    im.Node
	started time.Time
	metrics *prometheus.Registry

	cert   *pki.Reloader
	caFile string

	store       *shard.Store
	registry    acs.Registry
	core        *acs.Server
	logins      *auth.Logins
	edge        *edge.Server
	xmpp        *c2s.Server
	xmppStreams *stream.Server
	mesh        *mesh.Mesh
	picker      *nas.Picker
	alloc       *nas.Allocator
	nas         *nas.Server // nil: only over HTTP
	nasListener net.Listener
	http        *httpServer
	admin       *httpServer

	stopOnce  sync.Once
	stopAsked chan struct{} // closed when an administrator asks for it

	closers []func() error // undo New, last first
}

// New builds a node and opens its listeners, so that whatever is wrong with
// the configuration is known at once.
func New(ctx context.Context, opt Options) (_ *Node, err error) {
	n := &Node{opt: opt, cfg: opt.Config.Effective(), log: opt.Log, started: time.Now(), metrics: prometheus.NewRegistry(), stopAsked: make(chan struct{})}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	n.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if n.domains, err = n.cfg.Server.domains(); err != nil {
		return nil, err
	}
	n.self = im.Node{
		ID: im.NodeID(n.cfg.Server.Node), Epoch: uint64(time.Now().UnixMilli()), Role: "acs", Version: opt.Version,
	}
	// What can be wrong without anything being made comes first.
	steps := []func(context.Context) error{n.openRegistry, n.checkCell, n.claimData, n.checkKeys, n.openCert}
	if opt.Role.acs() {
		steps = append(steps, n.openStore, n.openMesh, n.openCore, n.openEdge, n.openXMPP)
	}
	if opt.Role.nas() {
		steps = append(steps, n.openNAS)
	}
	for _, step := range append(steps, n.openHTTP, n.openAdmin, n.writeRunFile, n.announce) {
		if err = step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// announce makes the node known before it says that it is ready: a client that
// asks NAS at once gets an answer. The listeners are open; Run accepts.
func (n *Node) announce(ctx context.Context) error {
	if n.core != nil {
		if err := n.core.Claim(ctx); err != nil {
			return err
		}
	}
	if n.picker != nil {
		n.picker.Refresh(ctx)
	}
	return nil
}

func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

func (n *Node) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

func (n *Node) openCert(context.Context) error {
	var err error
	n.cert, n.caFile, err = pki.Server(n.opt.DataDir, n.cfg.TLS, n.domains, n.log)
	return err
}

func (n *Node) openRegistry(context.Context) error {
	switch {
	case n.opt.Registry != nil:
		n.registry = n.opt.Registry
	case n.cfg.Redis.Addr != "":
		r, err := redis.Open(n.cfg.Redis, n.log, n.metrics)
		if err != nil {
			return err
		}
		n.registry = r
		n.onClose(r.Close)
	case n.opt.Role != RoleAll:
		return fmt.Errorf("redis.addr is empty; %q is part of a cell, whose processes find each other through Redis: set it to host:port, or run cxxd serve, which is everything in one process", n.opt.Role)
	default:
		n.registry = memory.New(time.Now)
	}
	return nil
}

func (n *Node) openStore(ctx context.Context) error {
	if n.store = n.opt.Store; n.store != nil {
		return nil
	}
	var err error
	if n.store, err = shard.Open(ctx, n.cfg.Storage, n.opt.DataDir, n.log, n.metrics); err != nil {
		return err
	}
	n.onClose(n.store.Close)
	if n.store.Relaxed() {
		n.log.Warn("durability is relaxed: an acknowledged message can be lost when a database host loses power; see docs/OPERATIONS.md")
	}
	return nil
}

// alone reports whether the node can have no peers.
func (n *Node) alone() bool { return n.opt.Registry == nil && n.cfg.Redis.Addr == "" }

func (n *Node) openMesh(context.Context) error {
	if n.alone() {
		return nil
	}
	links := mesh.Plain
	if !n.opt.PlainMesh {
		files, err := n.meshFiles()
		if err != nil {
			return err
		}
		id, err := pki.LoadMesh(files, n.self.ID, n.log)
		if err != nil {
			return err
		}
		links = mesh.TLS{Server: id.MeshServerConfig(), Client: id.MeshClientConfig}
	}
	var err error
	if n.mesh, err = mesh.New(n.cfg.Mesh, n.self, links, nil, n.log, n.metrics); err != nil {
		return err
	}
	addr, err := n.mesh.Listen()
	if err != nil {
		return err
	}
	n.self.Mesh = n.cfg.Mesh.AdvertiseAddr(addr)
	return nil
}

// Addrs are where a node listens; empty where it does not.
type Addrs struct{ NAS, CXX, Plain, XMPP, XMPPS, HTTP, Admin string }

// Addrs returns the addresses of the open listeners.
func (n *Node) Addrs() Addrs {
	a := Addrs{HTTP: n.http.addr(), Admin: n.admin.addr()}
	if n.nas != nil {
		a.NAS = n.nasListener.Addr().String()
	}
	if n.edge != nil {
		// The edge lists those with TLS first.
		list := n.edge.Addrs()
		secure := len(n.cfg.CXX.Listen)
		if secure > 0 {
			a.CXX = list[0].String()
		}
		if len(list) > secure {
			a.Plain = list[secure].String()
		}
	}
	if n.xmppStreams != nil {
		list := n.xmppStreams.Addrs()
		starttls := len(n.cfg.XMPP.Listen)
		if starttls > 0 {
			a.XMPP = list[0].String()
		}
		if len(list) > starttls {
			a.XMPPS = list[starttls].String()
		}
	}
	return a
}

// Core returns the core, nil in a NAS.
func (n *Node) Core() *acs.Server { return n.core }

// Ready is the line that says where the node listens.
func (n *Node) Ready() string {
	a := n.Addrs()
	line := "ready"
	for _, w := range [][2]string{
		{"nas", a.NAS}, {"cxx", a.CXX}, {"plain", a.Plain}, {"xmpp", a.XMPP}, {"xmpps", a.XMPPS}, {"http", a.HTTP}, {"admin", a.Admin}, {"durability", n.durability()},
	} {
		if w[1] != "" {
			line += " " + w[0] + "=" + w[1]
		}
	}
	return line
}

// durability is what commits promise, empty where there is no storage.
func (n *Node) durability() string {
	switch {
	case n.store == nil:
		return ""
	case n.store.Relaxed():
		return "relaxed"
	}
	return "strict"
}

// CA is the file with the authority that clients have to trust; empty when the
// operator has brought a certificate.
func (n *Node) CA() string { return n.caFile }

// Run serves until ctx ends. It returns when everything it started has ended.
func (n *Node) Run(ctx context.Context) error {
	// Parts end in the reverse of the order in which they need each other: the
	// edges first, then the core, then the mesh, which carries its last words,
	// then the storage.
	outer, stopOuter := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOuter()
	middle, stopMiddle := context.WithCancel(context.WithoutCancel(ctx))
	defer stopMiddle()
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	var edges, core, links sync.WaitGroup
	failed := make(chan error, 16)
	run := func(wg *sync.WaitGroup, ctx context.Context, name string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	if n.core != nil {
		run(&core, middle, "core", n.core.Run)
	}
	if n.mesh != nil {
		run(&links, inner, "mesh", n.mesh.Run)
	}
	if n.picker != nil {
		run(&edges, outer, "nas", n.picker.Run)
	}
	if n.nas != nil {
		run(&edges, outer, "nas", func(ctx context.Context) error { return n.nas.Serve(ctx, n.nasListener) })
	}
	if n.edge != nil {
		run(&edges, outer, "cxx", n.edge.Run)
	}
	if n.xmppStreams != nil {
		run(&edges, outer, "xmpp", n.xmppStreams.Run)
	}
	run(&edges, outer, "http", func(ctx context.Context) error { return n.serveHTTP(ctx, n.http) })
	run(&edges, outer, "admin", func(ctx context.Context) error { return n.serveHTTP(ctx, n.admin) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopOuter()
	edges.Wait()
	stopMiddle()
	core.Wait()
	stopInner()
	links.Wait()
	return errors.Join(err, n.close())
}

// Drain takes the node out of the rotation and asks its clients to reconnect
// elsewhere, spread over a while. It returns when they have gone, or ctx ends.
func (n *Node) Drain(ctx context.Context) error {
	if n.core == nil {
		return nil
	}
	n.core.SetDraining(ctx, true)
	spread := n.cfg.Server.DrainSpread.D()
	var xmpp error
	var wg sync.WaitGroup
	wg.Go(func() { xmpp = n.xmpp.Drain(ctx, spread) })
	err := n.edge.Drain(ctx, spread)
	wg.Wait()
	return errors.Join(err, xmpp)
}
