package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const (
	xmppDomain   = "localhost"
	xmppPassword = "a password for all"
)

// jabber is an XMPP server under test: ours or another one.
type jabber struct {
	name, addr, tls string
	pid, db         int
	settle          func(ctx context.Context) // collects garbage, where the server can be asked to
	restart         func() error              // keeps the accounts
	cell            *cell                     // ours; nil: another one
	stop            func()
}

// contestants are started one after the other. Those that this machine lacks
// are left out, with a word.
var contestants = []struct {
	name  string
	start func(ctx context.Context, o options, dir string) (*jabber, error)
}{
	{"cxxd", startOurs},
	{"ejabberd", startEjabberd},
	{"ejabberd+mam", startEjabberdMAM},
	{"prosody", startProsody},
}

func startOurs(ctx context.Context, o options, dir string) (*jabber, error) {
	o.dir = dir
	j := &jabber{name: "cxxd"}
	var c *cell
	begin := func() (err error) {
		c, err = startCell(
			ctx, o, "cxxd", "xmpp.domain="+xmppDomain, "xmpp.registration=true", "server.test_mode=true",
			"xmpp.listen=127.0.0.1:0", "xmpp.tls_listen=127.0.0.1:0", "xmpp.allow_plaintext=true", "xmpp.session.ping=10m",
			"auth.scram_iterations=4096",
		)
		if err == nil {
			j.cell, j.addr, j.tls, j.pid, j.db, j.stop = c, c.server.Ready["xmpp"], c.server.Ready["xmpps"], c.server.Pid(), c.db, c.stop
		}
		return err
	}
	j.settle = func(ctx context.Context) {
		profile, err := c.collect(ctx)
		if o.profile != "" && err == nil {
			_ = os.WriteFile(o.profile, profile, 0o600)
		}
	}
	j.restart = func() error { c.stop(); return begin() }
	return j, begin()
}

func startEjabberd(_ context.Context, _ options, dir string) (*jabber, error) {
	j, err := env.StartEjabberd(dir, nil)
	return other("ejabberd", j, err)
}

func startEjabberdMAM(_ context.Context, _ options, dir string) (*jabber, error) {
	db, err := env.StartMariaDB(filepath.Join(dir, "db"))
	if err != nil {
		return nil, err
	}
	e, err := env.StartEjabberd(filepath.Join(dir, "ejabberd"), db)
	j, err := other("ejabberd+mam", e, err)
	if err != nil {
		db.Stop()
		return nil, err
	}
	j.db = db.Pid()
	j.stop = func() { e.Stop(); db.Stop() }
	return j, nil
}

func startProsody(_ context.Context, _ options, dir string) (*jabber, error) {
	j, err := env.StartProsody(dir)
	return other("prosody", j, err)
}

func other(name string, j *env.Jabber, err error) (*jabber, error) {
	if err != nil {
		return nil, err
	}
	out := &jabber{name: name, addr: j.Addr(), tls: j.TLS, pid: j.Pid(), stop: j.Stop, settle: func(context.Context) {}}
	out.restart = func() error {
		j.Stop()
		err := j.Start()
		out.pid = j.Pid()
		return err
	}
	return out, nil
}

// eachJabber starts the servers one after the other and measures each.
func eachJabber(ctx context.Context, o options, what string, measure func(j *jabber) error) error {
	for _, c := range contestants {
		if !slices.Contains(strings.Split(o.servers, ","), c.name) {
			continue
		}
		dir := filepath.Join(o.dir, what, c.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		j, err := c.start(ctx, o, dir)
		if err != nil && c.name != "cxxd" {
			fmt.Printf("%s: left out: %v\n", c.name, err)
			continue
		}
		if err != nil {
			return err
		}
		err = measure(j)
		j.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// cost is the CPU of server and database so far.
func (j *jabber) cost() (cost, error) {
	u, err := proc.UsageOf(j.pid)
	if err != nil || j.db == 0 {
		return cost{server: u.CPU}, err
	}
	d, err := proc.UsageOf(j.db)
	return cost{u.CPU, d.CPU}, err
}

func (j *jabber) options(user int, secure bool) xmpptest.Options {
	o := xmpptest.Options{Addr: j.addr, Domain: xmppDomain, User: xmppUser(user), Password: xmppPassword, Resource: "bench", Mechanism: "SCRAM-SHA-1", SCRAM: keys.of(user)}
	if secure {
		o.Via, o.Addr, o.TLS = xmpptest.DirectTLS, j.tls, &tls.Config{InsecureSkipVerify: true, ServerName: xmppDomain}
	}
	return o
}

func xmppUser(n int) string { return fmt.Sprintf("user%d", n) }

// keyring keeps the clients' derived keys, so that the load generator derives
// them once.
type keyring struct {
	mu  sync.Mutex
	all map[string]*scram.Client // guarded by mu
}

var keys = keyring{all: make(map[string]*scram.Client)}

func (k *keyring) of(user int) func(mechanism string) *scram.Client {
	return func(mechanism string) *scram.Client {
		k.mu.Lock()
		defer k.mu.Unlock()
		name := mechanism + xmppUser(user)
		c := k.all[name]
		if c == nil {
			c, _ = xmpptest.NewSCRAM(mechanism, xmppUser(user), xmppPassword) // the caller knows the mechanism
			k.all[name] = c
		}
		return c
	}
}

// some runs do for 0 … n-1, some at a time.
func some(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	slots := make(chan struct{}, 16)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := do(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if failed == nil {
					failed = fmt.Errorf("user %d: %w", i, err)
				}
			}
		})
	}
	wg.Wait()
	return failed
}

const xmppPatience = 60 * time.Second

// register makes n accounts in-band.
func (j *jabber) register(ctx context.Context, n int) error {
	return some(n, func(i int) error {
		ctx, cancel := context.WithTimeout(ctx, xmppPatience)
		defer cancel()
		c, err := xmpptest.Dial(ctx, j.options(i, false))
		if err != nil {
			return err
		}
		defer c.Abort()
		_, err = c.IQ(ctx, "set", "", "<query xmlns='jabber:iq:register'><username>"+xmppUser(i)+"</username><password>"+xmppPassword+"</password></query>")
		return err
	})
}

// login logs n users in and shows them.
func (j *jabber) login(ctx context.Context, n int, secure bool) ([]*xmpptest.Client, error) {
	out := make([]*xmpptest.Client, n)
	err := some(n, func(i int) error {
		ctx, cancel := context.WithTimeout(ctx, xmppPatience)
		defer cancel()
		c, err := xmpptest.Login(ctx, j.options(i, secure))
		if err != nil {
			return err
		}
		out[i] = c
		if err := c.Send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>"); err != nil {
			return err
		}
		return c.RoundTrip(ctx)
	})
	return out, err
}

func abortAll(clients []*xmpptest.Client) {
	for _, c := range clients {
		if c != nil {
			c.Abort()
		}
	}
}
