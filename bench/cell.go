package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "github.com/go-sql-driver/mysql" // makes the database that the server is given

	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/proto"
)

// cell is a server under test and the database beside it.
type cell struct {
	server *process
	db     int // pid of the database, 0 when it is embedded
	stopDB func()
	key    []byte // signs the tokens by which the load generator logs in
	dir    string
}

// startCell starts a server with a fresh store. extra are further settings.
func startCell(ctx context.Context, o options, name string, extra ...string) (*cell, error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &cell{dir: dir, key: make([]byte, 32), stopDB: func() {}}
	rand.Read(c.key)
	keyFile := filepath.Join(dir, "jwt.key")
	if err := os.WriteFile(keyFile, c.key, 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"serve", "--data", filepath.Join(dir, "data"), "--set",
		"nas.listen=127.0.0.1:0", "cxx.listen=127.0.0.1:0", "cxx.allow_plaintext=true", "cxx.plaintext=127.0.0.1:0",
		"http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "cxx.test_mode=true", "auth.test_mode=true",
		fmt.Sprintf(`auth.jwt.keys=[{algorithm="HS256",file=%q}]`, keyFile),
		"auth.jwt.issuer=bench", "auth.jwt.audience=cxx", "auth.jwt.auto_create=true", "log.level=warn",
	}
	if o.engine == "mysql" {
		dsn, err := c.startDB(dir)
		if err != nil {
			return nil, err
		}
		args = append(args, fmt.Sprintf(`storage.zone=[{id=1,driver="mysql",dsn=%q,slots="0-16383"}]`, dsn))
	}
	var err error
	c.server, err = start(ctx, filepath.Join(dir, "cxxd.log"), o.server, append(args, extra...)...)
	if err != nil {
		c.stopDB()
		return nil, err
	}
	return c, nil
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
	_, err = admin.Exec("CREATE DATABASE cxx")
	return db.DSN() + "cxx", err
}

func (c *cell) stop() {
	c.server.stop()
	c.stopDB()
}

// cost is the CPU of server and database so far.
type cost struct{ server, db time.Duration }

func (c *cell) cost() (cost, error) {
	u, err := usageOf(c.server.pid)
	if err != nil || c.db == 0 {
		return cost{server: u.cpu}, err
	}
	d, err := usageOf(c.db)
	return cost{u.cpu, d.cpu}, err
}

func (a cost) minus(b cost) cost { return cost{a.server - b.server, a.db - b.db} }

// collect makes the server collect its garbage and returns its heap profile.
func (c *cell) collect(ctx context.Context) ([]byte, error) {
	token, err := os.ReadFile(filepath.Join(c.dir, "data", "secret", "admin.token"))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.server.ready["admin"]+"/debug/pprof/heap?gc=1", nil)
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

// jwt vouches for a user, as an operator's backend would.
func (c *cell) jwt(user string) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]any{
		"sub": user, "iss": "bench", "aud": "cxx", "exp": time.Now().Add(time.Hour).Unix(),
	})
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// connect logs n users in, some at a time. conf nil means plaintext.
func (c *cell) connect(ctx context.Context, n int, conf *tls.Config) ([]*conn, error) {
	addr := c.server.ready["plain"]
	if conf != nil {
		addr = c.server.ready["cxx"]
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
			one, err := login(ctx, addr, conf, c.jwt(fmt.Sprintf("user%d", i)))
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
