package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/presence"
	"github.com/cxx-im/cxx/presence/presencetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// private starts a Redis that the test may kill.
func private(t *testing.T) *env.Redis {
	t.Helper()
	if os.Getenv("CXX_TEST_REDIS") == "" {
		t.Skip("needs a Redis: run make test, or set CXX_TEST_REDIS=host:port")
	}
	server, err := env.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// clock is the time of a registry, moved by the test.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func openAt(t *testing.T, addr string, change func(*Config)) (*Registry, *clock) {
	t.Helper()
	cfg := Default()
	cfg.Addr = addr
	if change != nil {
		change(&cfg)
	}
	r, err := openAs(cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{}
	r.now = c.now
	t.Cleanup(func() { r.Close() })
	return r, c
}

func announced1(t *testing.T, r *Registry, want bool) im.Node {
	t.Helper()
	n := presencetest.Node(1, 5)
	known, err := r.Announce(t.Context(), n, presencetest.Lease)
	if err != nil || known != want {
		t.Fatalf("Announce = %v, %v; want %v", known, err, want)
	}
	return n
}

func sessions(t *testing.T, r *Registry, u im.UserID) int {
	t.Helper()
	got, err := r.Lookup(t.Context(), []im.UserID{u})
	if err != nil {
		t.Fatal(err)
	}
	return len(got[u])
}

// Redis dies and comes back with nothing: calls fail at once meanwhile, and
// afterwards the node learns that it has to put its sessions again.
func TestServerDiesAndComesBackEmpty(t *testing.T) {
	server := private(t)
	r, clock := openAt(t, server.Addr(), nil)
	n := announced1(t, r, false)
	announced1(t, r, true)
	s := presencetest.Session(50, n, 1)
	if err := r.Put(t.Context(), []im.SessionInfo{s}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wg.Go(func() {
		r.Listen(ctx, 1, func([]im.Bell) {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
	})
	ringUntilHeard(t, r, heard)

	server.Kill()
	for range breakerFailures {
		if _, err := r.Lookup(t.Context(), []im.UserID{50}); !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("without a server Lookup gives %v", err)
		}
	}
	if err := r.breaker.allow(); !errors.Is(err, presence.ErrUnavailable) {
		t.Fatalf("after %d failures the breaker says %v", breakerFailures, err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	clock.advance(breakerPause)
	announced1(t, r, false)
	if got := sessions(t, r, 50); got != 0 {
		t.Fatalf("an empty Redis has %d sessions", got)
	}
	announced1(t, r, true)
	if err := r.Put(t.Context(), []im.SessionInfo{s}); err != nil {
		t.Fatal(err)
	}
	if got := sessions(t, r, 50); got != 1 {
		t.Fatalf("the session is not there: %d", got)
	}
	select { // what was rung before
	case <-heard:
	default:
	}
	ringUntilHeard(t, r, heard)
}

func ringUntilHeard(t *testing.T, r *Registry, heard <-chan struct{}) {
	t.Helper()
	for {
		if err := r.Ring(t.Context(), 1, []im.Bell{{User: 50, Seq: 1}}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
			return
		default:
		}
	}
}

// Redis comes back with an older snapshot: the lease is there, later sessions
// are not. The node must not take itself for known.
func TestServerComesBackOlder(t *testing.T) {
	server := private(t)
	r, clock := openAt(t, server.Addr(), nil)
	n := announced1(t, r, false)
	announced1(t, r, true)
	if err := r.client.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(t.Context(), []im.SessionInfo{presencetest.Session(50, n, 1)}); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	clock.advance(breakerPause)
	if exists, err := r.client.Exists(t.Context(), r.nodeKey(1)).Result(); err != nil || exists != 1 {
		t.Fatalf("the snapshot did not bring the lease back (%d, %v): the test tests nothing", exists, err)
	}
	announced1(t, r, false)
	announced1(t, r, true)
}

// A Redis that hangs is given up, and used again when it goes on.
func TestServerHangs(t *testing.T) {
	server := private(t)
	r, clock := openAt(t, server.Addr(), func(c *Config) { c.Timeout = 50e6; c.DialTimeout = 50e6 })
	announced1(t, r, false)
	if err := server.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range breakerFailures {
		if err := r.Ping(t.Context()); !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("a server that hangs gives %v", err)
		}
	}
	if err := r.Ping(t.Context()); !errors.Is(err, presence.ErrUnavailable) {
		t.Fatalf("the breaker lets through: %v", err)
	}
	if err := server.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// A machine under load may need more than one attempt.
	for r.Ping(t.Context()) != nil {
		clock.advance(breakerPause)
	}
	announced1(t, r, true)
}

// The script cache may be emptied at any moment.
func TestScriptsAreLoadedAgain(t *testing.T) {
	server := private(t)
	r, _ := openAt(t, server.Addr(), nil)
	for range 3 {
		if err := r.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Lookup(t.Context(), []im.UserID{1}); err != nil {
			t.Fatal(err)
		}
		if err := r.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Nodes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// An account that may touch the prefix only, and not ask for INFO, is enough.
func TestLimitedAccount(t *testing.T) {
	server := private(t)
	admin, _ := openAt(t, server.Addr(), patient)
	err := admin.client.Do(t.Context(), "ACL", "SETUSER", "cxx", "on", ">s3cret", "~cell:*", "&cell:*",
		"+@all", "-@admin", "-@dangerous").Err()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	limited := func(c *Config) {
		patient(c)
		c.Username, c.PasswordFile, c.Prefix = "cxx", file, "cell:"
	}
	presencetest.Run(t, func(t *testing.T) presencetest.Cell {
		forget(t, admin)
		if err := admin.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		r, _ := openAt(t, server.Addr(), limited)
		return presencetest.Cell{
			A: r, B: r,
			Forget: func() { admin.client.FlushAll(t.Context()) },
			Expire: func(id im.NodeID) { r.client.Del(t.Context(), r.nodeKey(id)) },
		}
	})
	wrong, _ := openAt(t, server.Addr(), func(c *Config) { limited(c); c.Username = "nobody" })
	if err := wrong.Ping(t.Context()); !errors.Is(err, presence.ErrUnavailable) {
		t.Fatalf("a wrong account gives %v", err)
	}
}

// Half way to the expiry of its records a node is asked to put them again.
func TestRecordsAreRenewed(t *testing.T) {
	r := open(t, randomPrefix())
	c := &clock{}
	r.now = c.now
	announced1(t, r, false)
	c.advance(r.cfg.SessionTTL.D()/2 - time.Minute)
	announced1(t, r, true)
	c.advance(2 * time.Minute)
	announced1(t, r, false)
	announced1(t, r, true)
}

// Records expire by themselves when nobody sweeps them.
func TestRecordsExpire(t *testing.T) {
	r := open(t, randomPrefix())
	n := announced1(t, r, false)
	s := presencetest.Session(50, n, 1)
	if err := r.Put(t.Context(), []im.SessionInfo{s}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{r.userKey(50), r.ownedKey(owner(s.SessionKey)), r.nodeKey(1)} {
		if ttl, err := r.client.PTTL(t.Context(), key).Result(); err != nil || ttl <= 0 {
			t.Errorf("%s lives for %v, %v", key, ttl, err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	r, _ := openAt(t, addr, nil)
	for range 2 * breakerFailures {
		if _, err := r.Announce(t.Context(), presencetest.Node(1, 5), presencetest.Lease); !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("Announce gives %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Listen(ctx, 1, func([]im.Bell) {}) }()
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("Listen ended with %v", err)
	}
}
