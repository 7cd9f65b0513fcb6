package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql" // makes the database that the server is given

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/shard"
)

// cell is a server under test and the database beside it.
type cell struct {
	server  *proc.Process
	db      int // pid of the database, 0 when it is embedded
	stopDB  func()
	backend *proc.Backend // vouches for the users of the load generator
	dir     string
	zones   []shard.ZoneConfig // as the server is told; none: its default
}

// startCell starts a server with a fresh store. extra are further settings.
func startCell(ctx context.Context, o options, name string, extra ...string) (*cell, error) {
	c, err := newCell(o, name)
	if err != nil {
		return nil, err
	}
	return c, c.start(ctx, o, extra...)
}

// newCell makes a cell that has its database and no server yet.
func newCell(o options, name string) (*cell, error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	backend, err := proc.NewBackend(filepath.Join(dir, "jwt.key"))
	if err != nil {
		return nil, err
	}
	c := &cell{dir: dir, backend: backend, stopDB: func() {}}
	if o.engine == "mysql" {
		dsn, err := c.startDB(dir)
		if err != nil {
			c.stopDB()
			return nil, err
		}
		c.zones = []shard.ZoneConfig{{ID: 1, Driver: "mysql", DSN: config.Secret(dsn), Slots: "0-16383"}}
	}
	return c, nil
}

// data is the directory of the server's data.
func (c *cell) data() string { return filepath.Join(c.dir, "data") }

// start starts the server; when that fails, the database stops.
func (c *cell) start(ctx context.Context, o options, extra ...string) (err error) {
	args := []string{
		"serve", "--data", c.data(), "--set",
		"nas.listen=127.0.0.1:0", "cxx.listen=127.0.0.1:0", "cxx.allow_plaintext=true", "cxx.plaintext=127.0.0.1:0",
		"xmpp.listen=127.0.0.1:0", "xmpp.tls_listen=127.0.0.1:0", "http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "cxx.test_mode=true", "auth.test_mode=true", "log.level=warn",
	}
	args = append(args, c.backend.Settings()...)
	for _, z := range c.zones {
		args = append(args, fmt.Sprintf(`storage.zone=[{id=%d,driver=%q,dsn=%q,slots=%q}]`, z.ID, z.Driver, z.DSN.Reveal(), z.Slots))
	}
	if c.server, err = proc.Start(filepath.Join(c.dir, "cxxd.log"), o.server, append(args, extra...)...); err != nil {
		c.stopDB()
		return err
	}
	// The connections of an interrupted benchmark end with the server.
	context.AfterFunc(ctx, func() { _ = c.server.Signal(syscall.SIGTERM) })
	return nil
}

func (c *cell) startDB(dir string) (dsn string, err error) {
	db, err := env.StartMariaDB(filepath.Join(dir, "mariadb"))
	if err != nil {
		return "", err
	}
	c.db, c.stopDB = db.Pid(), func() { db.Stop() }
	admin, err := sql.Open("mysql", db.DSN())
	if err != nil {
		return "", err
	}
	defer admin.Close()
	_, err = admin.Exec("CREATE DATABASE IF NOT EXISTS cxx")
	return db.DSN() + "cxx", err
}

func (c *cell) stop() {
	_ = c.server.Stop()
	c.stopDB()
}

// cost is the CPU of server and database so far.
type cost struct{ server, db time.Duration }

func (c *cell) cost() (cost, error) {
	u, err := proc.UsageOf(c.server.Pid())
	if err != nil || c.db == 0 {
		return cost{server: u.CPU}, err
	}
	d, err := proc.UsageOf(c.db)
	return cost{u.CPU, d.CPU}, err
}

func (a cost) minus(b cost) cost { return cost{a.server - b.server, a.db - b.db} }

// collect makes the server collect its garbage and returns its heap profile.
func (c *cell) collect(ctx context.Context) ([]byte, error) {
	return c.debug(ctx, "heap?gc=1")
}

// debug reads a profile from the admin listener.
func (c *cell) debug(ctx context.Context, profile string) ([]byte, error) {
	token, err := os.ReadFile(filepath.Join(c.data(), "secret", "admin.token"))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.server.Ready["admin"]+"/debug/pprof/"+profile, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// tls is what the load generator trusts: anything, since it talks to loopback.
func (c *cell) tls() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto.ALPN}, MinVersion: tls.VersionTLS13}
}

// connect logs n users in, some at a time. conf nil means plaintext.
func (c *cell) connect(ctx context.Context, n int, conf *tls.Config) ([]*conn, error) {
	addr := c.server.Ready["plain"]
	if conf != nil {
		addr = c.server.Ready["cxx"]
	}
	out := make([]*conn, n)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	slots := make(chan struct{}, 32)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			one, err := login(ctx, addr, conf, c.backend.Token(fmt.Sprintf("user%d", i)))
			mu.Lock()
			defer mu.Unlock()
			if out[i] = one; err != nil && failed == nil {
				failed = fmt.Errorf("user %d: %w", i, err)
			}
		})
	}
	wg.Wait()
	return out, failed
}

func login(ctx context.Context, addr string, conf *tls.Config, jwt string) (*conn, error) {
	c, err := dial(ctx, addr, conf)
	if err != nil {
		return nil, err
	}
	if err := c.hello(); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.login(jwt); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}
