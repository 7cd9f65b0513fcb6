// Package imtest runs a whole cell inside a test process: nodes, mesh, zones,
// presence, edges, all real and on loopback, ready in milliseconds. Tests
// speak the bare protocol to it, or play conversation scripts.
package imtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/presence/memory"
	"github.com/cxx-im/cxx/shard"
)

// Domain is the domain of every test cell.
const Domain = "example.org"

// Patience is how long a test waits for something that must happen.
const Patience = time.Minute

// Cell is a running cell. Its methods are for the test's goroutine.
type Cell struct {
	t        testing.TB
	dir      string
	log      *slog.Logger
	key      []byte // signs the tokens by which sessions log in
	store    *shard.Store
	registry *memory.Registry
	nodes    []*Node
	change   func(*node.Config)
}

// Node is one node of a cell.
type Node struct {
	cell  *Cell
	id    int
	proxy *proxy // in front of its mesh listener
	node  *node.Node
	stop  context.CancelFunc
	done  chan error
}

// Option shapes a cell.
type Option func(*options)

type options struct {
	nodes, zones int
	change       func(*node.Config)
}

// Nodes sets how many nodes there are; one without it.
func Nodes(n int) Option { return func(o *options) { o.nodes = n } }

// Zones sets how many zones there are; one without it.
func Zones(n int) Option { return func(o *options) { o.zones = n } }

// Configure changes the configuration of every node.
func Configure(f func(*node.Config)) Option { return func(o *options) { o.change = f } }

// New starts a cell that ends with the test.
func New(t testing.TB, opts ...Option) *Cell {
	t.Helper()
	o := options{nodes: 1, zones: 1, change: func(*node.Config) {}}
	for _, f := range opts {
		f(&o)
	}
	c := &Cell{
		t: t, dir: t.TempDir(), log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		key: []byte(rand.Text() + rand.Text()), registry: memory.New(time.Now), change: o.change,
	}
	c.write("jwt.key", c.key)
	var err error
	if c.store, err = shard.Open(t.Context(), zones(o.zones), c.dir, c.log, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			n.Stop()
		}
		if err := c.store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	for range o.nodes {
		c.AddNode()
	}
	c.Linked()
	return c
}

// testWriter sends the nodes' log to the test, as long as it runs.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Helper()
	w.t.Log(string(b[:len(b)-1]))
	return len(b), nil
}

func zones(n int) shard.Config {
	cfg := shard.Default()
	cfg.Zones = nil
	for i := range n {
		cfg.Zones = append(cfg.Zones, shard.ZoneConfig{
			ID: im.ZoneID(i + 1), Driver: "sqlite", Path: fmt.Sprintf("zone%d.db", i+1),
			Slots: fmt.Sprintf("%d-%d", im.Slots*i/n, im.Slots*(i+1)/n-1),
		})
	}
	return cfg
}

func (c *Cell) write(name string, data []byte) string {
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func (c *Cell) config(id int) node.Config {
	cfg := node.Default()
	cfg.Server.Domains = []string{Domain}
	cfg.Server.Node = id
	cfg.Server.DrainSpread = 0
	cfg.ACS.Grace = config.Duration(time.Second)
	cfg.CXX.Listen, cfg.CXX.Plaintext, cfg.CXX.AllowPlain = nil, []string{"127.0.0.1:0"}, true
	cfg.CXX.TestMode, cfg.Auth.TestMode = true, true
	cfg.Auth.ScramIterations = 4096
	cfg.Auth.JWT = auth.JWTConfig{
		Keys:   []auth.JWTKey{{Algorithm: "HS256", File: filepath.Join(c.dir, "jwt.key")}},
		Issuer: "imtest", Audience: "cxx", UserClaim: "sub", AutoCreate: true, Leeway: config.Duration(time.Minute),
	}
	cfg.Auth.SealFile = filepath.Join(c.dir, "seal.key")
	cfg.Mesh.Listen = "127.0.0.1:0"
	cfg.NAS.Listen, cfg.NAS.Plaintext = "127.0.0.1:0", true
	cfg.XMPP.Listen, cfg.XMPP.TLSListen, cfg.XMPP.AllowPlain = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}, true
	cfg.XMPP.TestMode = true
	cfg.HTTP.Listen, cfg.Admin.Listen = "127.0.0.1:0", ""
	c.change(&cfg)
	return cfg
}

// AddNode starts one more node.
func (c *Cell) AddNode() *Node {
	c.t.Helper()
	n := &Node{cell: c, id: len(c.nodes) + 1, proxy: newProxy(c.t)}
	c.nodes = append(c.nodes, n)
	n.Start()
	return n
}

// Node returns the node with a number, from 1.
func (c *Cell) Node(id int) *Node { return c.nodes[id-1] }

// Start starts a node that was stopped, as a new incarnation.
func (n *Node) Start() {
	n.cell.t.Helper()
	cfg := n.cell.config(n.id)
	ln := n.proxy.reserve(n.cell.t)
	cfg.Mesh.Listen, cfg.Mesh.Advertise = ln, n.proxy.Addr()
	role := node.RoleACS
	if n.id == 1 {
		role = node.RoleAll
	}
	var err error
	n.node, err = node.New(n.cell.t.Context(), node.Options{
		Role: role, Config: cfg, DataDir: filepath.Join(n.cell.dir, fmt.Sprintf("node%d", n.id)), Version: "test",
		Log: n.cell.log.With("node", n.id), Store: n.cell.store, Registry: n.cell.registry, PlainMesh: true,
	})
	if err != nil {
		n.cell.t.Fatalf("node %d: %v", n.id, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.done = stop, make(chan error, 1)
	go func() { n.done <- n.node.Run(ctx) }()
}

// Stop ends a node and waits for it. Stopping twice is fine.
func (n *Node) Stop() {
	n.cell.t.Helper()
	if n.stop == nil {
		return
	}
	n.stop()
	if err := <-n.done; err != nil {
		n.cell.t.Errorf("node %d ended with %v", n.id, err)
	}
	n.stop = nil
}

// Addr is where the node's edge takes C-XX without TLS.
func (n *Node) Addr() string { return n.node.Addrs().Plain }

// Cut cuts the node's incoming mesh links and keeps them cut; Heal lets them
// come back.
func (n *Node) Cut()  { n.proxy.cut(true) }
func (n *Node) Heal() { n.proxy.cut(false) }

// Linked waits until every running node is linked to every other.
func (c *Cell) Linked() {
	c.t.Helper()
	running := 0
	for _, n := range c.nodes {
		if n.stop != nil {
			running++
		}
	}
	for _, n := range c.nodes {
		if n.stop == nil {
			continue
		}
		n.node.Core().Renew(context.Background())
	}
	for _, n := range c.nodes {
		if n.stop != nil {
			c.Until(func() bool {
				n.node.Core().Renew(context.Background())
				return n.node.Core().Peers() >= running-1
			}, "node %d has no link to each of the other %d", n.id, running-1)
		}
	}
}

// Announced waits until every running node that has links knows of n sessions
// of a user, or more: ephemeral things reach only sessions that are known.
func (c *Cell) Announced(u im.UserID, n int) {
	c.t.Helper()
	for _, at := range c.nodes {
		if at.stop == nil || at.proxy.isCut() {
			continue
		}
		c.Until(func() bool { return at.node.Core().SessionsOf(u) >= n }, "node %d knows %d sessions of user %d; want %d", at.id, at.node.Core().SessionsOf(u), u, n)
	}
}

// Unlinked waits until a node has noticed that it has no links.
func (n *Node) Unlinked() {
	n.cell.t.Helper()
	n.cell.Until(func() bool { return n.node.Core().Peers() == 0 }, "node %d still has links", n.id)
}

// Until waits for a condition that nothing announces.
func (c *Cell) Until(ok func() bool, format string, args ...any) {
	c.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(Patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			c.t.Fatalf("after %v: %s", Patience, fmt.Sprintf(format, args...))
		}
	}
}

// token vouches for a user as an operator's backend would.
func (c *Cell) token(user string) string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "iss": "imtest", "aud": "cxx", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}
