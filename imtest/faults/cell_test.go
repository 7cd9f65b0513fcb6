package faults

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/shard"
	"github.com/cxx-im/cxx/web"
)

const (
	domain   = "localhost"
	numACS   = 3
	numNAS   = 2
	patience = 30 * time.Second // how long a test waits for something that must happen
)

// cell is the processes of a cell.
type cell struct {
	dir     string
	cxxd    string
	backend *proc.Backend
	zones   [2]*env.MariaDB
	dsn     [2]string
	redis   *env.Redis
	acs     [numACS]*server
	nas     [numNAS]*server
	tls     *tls.Config  // for C-XX
	xtls    *tls.Config  // for XMPP, after STARTTLS
	store   *shard.Store // the zones, for what would take long through a server
}

// server is one of our processes; it keeps its addresses over restarts.
type server struct {
	cell  *cell
	role  string
	n     int
	data  string
	addr  string // what clients dial
	admin string
	args  []string
	proxy *proc.Proxy // in front of the mesh listener of an ACS
	xmpp  *proc.Proxy // in front of its XMPP listener

	direct string // address of that listener
	p      *proc.Process
}

func (s *server) String() string { return fmt.Sprintf("%s%d", s.role, s.n) }
func (s *server) log() string    { return filepath.Join(s.cell.dir, s.String()+".log") }

// newCell starts everything. What it returns has to be stopped even with an
// error.
func newCell() (*cell, error) {
	dir, err := os.MkdirTemp("/tmp", "cxx-faults-") // short, because unix sockets lie in it
	if err != nil {
		return nil, err
	}
	c := &cell{dir: dir, cxxd: filepath.Join(dir, "cxxd")}
	built := make(chan error, 1)
	go func() { built <- c.build() }()
	err = c.startStores()
	if err := errors.Join(err, <-built); err != nil {
		return c, err
	}
	if c.backend, err = proc.NewBackend(filepath.Join(dir, "jwt.key")); err != nil {
		return c, err
	}
	if err := c.keygen(); err != nil {
		return c, err
	}
	for i := range c.acs {
		if c.acs[i], err = c.newACS(i + 1); err != nil {
			return c, err
		}
	}
	for i := range c.nas {
		if c.nas[i], err = c.newNAS(i + 1); err != nil {
			return c, err
		}
	}
	return c, nil
}

// openStore opens the zones, which a server has prepared before.
func (c *cell) openStore(t *testing.T) {
	t.Helper()
	if c.store != nil {
		return
	}
	cfg := shard.Default()
	cfg.Timeout = config.Duration(patience) // ten thousand members are one transaction
	cfg.Zones = nil
	for i, dsn := range c.dsn {
		cfg.Zones = append(cfg.Zones, shard.ZoneConfig{ID: im.ZoneID(i + 1), Driver: "mysql", DSN: config.Secret(dsn), Slots: slots[i]})
	}
	store, err := shard.Open(t.Context(), cfg, c.dir, slog.New(slog.DiscardHandler), nil)
	must(t, err)
	c.store = store
}

func (c *cell) build() error {
	args := []string{"build", "-buildvcs=false", "-o", c.cxxd}
	if *racyFlag {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "../../cmd/cxxd")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func (c *cell) startStores() error {
	var errs [3]error
	done := make(chan struct{})
	start := func(i int, name string, f func(dir string) error) {
		dir := filepath.Join(c.dir, name)
		if errs[i] = os.Mkdir(dir, 0o700); errs[i] == nil {
			errs[i] = f(dir)
		}
		done <- struct{}{}
	}
	for i := range c.zones {
		go start(i, fmt.Sprintf("zone%d", i+1), func(dir string) (err error) {
			if c.zones[i], err = env.StartMariaDB(dir); err != nil {
				return err
			}
			c.dsn[i], err = c.zones[i].CreateDatabase("cxx")
			return err
		})
	}
	go start(2, "redis", func(dir string) (err error) {
		c.redis, err = env.StartRedis(dir)
		return err
	})
	for range errs {
		<-done
	}
	return errors.Join(errs[:]...)
}

// keygen makes one directory of keys, which every process gets a copy of.
func (c *cell) keygen() error {
	out, err := exec.Command(c.cxxd, "keygen", "--out", filepath.Join(c.dir, "keys"), "--nodes", "1,2,3", "--host", "127.0.0.1").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cxxd keygen: %w\n%s", err, out)
	}
	ca, err := os.ReadFile(filepath.Join(c.dir, "keys", "ca.pem"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	c.tls = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: []string{proto.ALPN}, MinVersion: tls.VersionTLS13}
	c.xtls = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13}
	return nil
}

func (c *cell) newServer(role string, n int) (*server, error) {
	s := &server{cell: c, role: role, n: n, data: filepath.Join(c.dir, fmt.Sprintf("%s%d", role, n))}
	if err := os.CopyFS(s.data, os.DirFS(filepath.Join(c.dir, "keys"))); err != nil {
		return nil, err
	}
	// CopyFS opens files to everybody; keys are not for everybody.
	err := filepath.WalkDir(s.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		return nil, err
	}
	if s.addr, err = env.FreeAddr(); err != nil {
		return nil, err
	}
	if s.admin, err = env.FreeAddr(); err != nil {
		return nil, err
	}
	s.args = []string{role, "--data", s.data, "--set", "admin.listen=" + s.admin, "http.listen=", "redis.addr=" + c.redis.Addr()}
	return s, nil
}

func (c *cell) newACS(n int) (*server, error) {
	s, err := c.newServer("acs", n)
	if err != nil {
		return nil, err
	}
	mesh, err := env.FreeAddr()
	if err != nil {
		return nil, err
	}
	if s.proxy, err = proc.NewProxy(mesh); err != nil {
		return nil, err
	}
	if s.direct, err = env.FreeAddr(); err != nil {
		return nil, err
	}
	if s.xmpp, err = proc.NewProxy(s.direct); err != nil {
		return nil, err
	}
	s.args = append(s.args, fmt.Sprintf("server.node=%d", n), "cxx.listen="+s.addr, "nas.listen=",
		"mesh.listen="+mesh, "mesh.advertise="+s.proxy.Addr(), "server.test_mode=true",
		"xmpp.listen="+s.direct, "xmpp.tls_listen=",
		"server.drain_spread=2s", "log.level=debug", "auth.test_mode=true", "auth.scram_iterations=4096",
		fmt.Sprintf(`storage.zone=[{id=1,driver="mysql",dsn=%q,slots=%q},{id=2,driver="mysql",dsn=%q,slots=%q}]`, c.dsn[0], slots[0], c.dsn[1], slots[1]))
	s.args = append(s.args, c.backend.Settings()...)
	return s, nil
}

func (c *cell) newNAS(n int) (*server, error) {
	s, err := c.newServer("nas", n)
	if err == nil {
		s.args = append(s.args, "nas.listen="+s.addr)
	}
	return s, err
}

// slots are those of the two zones.
var slots = [2]string{"0-8191", "8192-16383"}

// bareAccount makes a user without a password.
func (c *cell) bareAccount(ctx context.Context, user string) (im.UserID, error) {
	return c.store.CreateAccount(ctx, im.Account{Addr: im.Addr{Local: user, Domain: domain}, Created: time.Now().UTC()})
}

// at names the ACS with an address.
func (c *cell) at(addr string) string {
	for _, s := range c.acs {
		if s.addr == addr {
			return s.String()
		}
	}
	return addr
}

// zoneOf is 0 or 1, the place in cell.zones of a user's zone.
func zoneOf(user string) int { return int(im.SlotOf(domain, user)) / (im.Slots / 2) }

func (s *server) running() bool {
	if s.p == nil {
		return false
	}
	select {
	case <-s.p.Ended():
		return false
	default:
		return true
	}
}

// start starts the process if it does not run.
func (s *server) start() (err error) {
	if !s.running() {
		s.p, err = proc.Start(s.log(), s.cell.cxxd, s.args...)
	}
	return err
}

func (s *server) api() *web.Client {
	token, _ := os.ReadFile(filepath.Join(s.data, "secret", "admin.token"))
	return &web.Client{Addr: s.admin, Token: config.Secret(strings.TrimSpace(string(token)))}
}

// links is how many peers the node is linked to.
func (s *server) links() int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	st, err := s.api().Status(ctx)
	if err != nil {
		return -1
	}
	n := 0
	for _, l := range st.Links {
		if l.State == "up" {
			n++
		}
	}
	return n
}

// disagreements is what /debug/check of all ACS says.
func (c *cell) disagreements() []string {
	var all []string
	for _, s := range c.acs {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		list, err := s.api().Check(ctx)
		cancel()
		if err != nil {
			list = append(list, err.Error())
		}
		for _, line := range list {
			all = append(all, s.String()+": "+line)
		}
	}
	return all
}

// whole starts what does not run, and waits until all are linked.
func (c *cell) whole(t *testing.T) {
	t.Helper()
	for _, z := range c.zones {
		if z.Pid() == 0 {
			must(t, z.Start())
		}
	}
	if c.redis.Pid() == 0 {
		must(t, c.redis.Start())
	}
	for _, s := range append(c.acs[:], c.nas[:]...) {
		for _, p := range s.proxies() {
			p.Heal()
		}
		must(t, s.start())
	}
	c.linked(t)
}

// proxies are those in front of the server.
func (s *server) proxies() (all []*proc.Proxy) {
	for _, p := range []*proc.Proxy{s.proxy, s.xmpp} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// linked waits until every ACS is linked to every other.
func (c *cell) linked(t *testing.T) {
	t.Helper()
	for _, s := range c.acs {
		until(t, patience, func() bool { return s.links() == numACS-1 }, "%v is not linked to all others", s)
	}
}

// stop ends everything and returns what the logs hold that no log may hold.
func (c *cell) stop() (bad []string) {
	if c.store != nil {
		c.store.Close()
	}
	for _, s := range append(c.nas[:], c.acs[:]...) {
		if s != nil && s.running() {
			_ = s.p.Signal(syscall.SIGCONT) // a frozen one would never end
			_ = s.p.Stop()
		}
		if s != nil {
			for _, p := range s.proxies() {
				p.Close()
			}
			bad = append(bad, s.complaints()...)
		}
	}
	if c.redis != nil {
		c.redis.Kill()
	}
	for _, z := range c.zones {
		if z != nil {
			z.Kill()
		}
	}
	if *keepFlag || len(bad) > 0 {
		fmt.Println("logs and data are in", c.dir)
		return bad
	}
	os.RemoveAll(c.dir)
	return bad
}

// complaints are the lines of the log that tell of a bug, whatever else went
// well.
func (s *server) complaints() (bad []string) {
	text, _ := os.ReadFile(s.log())
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic:") || strings.Contains(line, "panicked") || strings.HasPrefix(line, "fatal error:") {
			bad = append(bad, s.String()+": "+strings.TrimSpace(line))
		}
	}
	return bad
}

// tails shows the ends of the logs of a failed test.
func (c *cell) tails(t *testing.T) {
	for _, s := range append(c.acs[:], c.nas[:]...) {
		if s == nil {
			continue
		}
		var kept []string
		text, _ := os.ReadFile(s.log())
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "level=DEBUG") {
				kept = append(kept, line)
			}
		}
		t.Logf("log of %v:\n%s", s, strings.Join(kept[max(0, len(kept)-15):], ""))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition that nothing announces.
func until(t *testing.T, limit time.Duration, ok func() bool, format string, args ...any) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %v: %s", limit, fmt.Sprintf(format, args...))
		}
	}
}
