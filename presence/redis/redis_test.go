package redis

import (
	"crypto/rand"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/presence"
	"github.com/cxx-im/cxx/presence/presencetest"
)

var _ presence.Registry = (*Registry)(nil)

// patient waits longer than a node may: a busy machine is no reason to fail.
func patient(c *Config) {
	c.DialTimeout, c.Timeout = config.Duration(time.Minute), config.Duration(time.Minute)
}

// open returns a registry on the test server under a prefix that is cleared at
// the end.
func open(t testing.TB, prefix string) *Registry {
	t.Helper()
	addr := os.Getenv("CXX_TEST_REDIS")
	if addr == "" {
		t.Skip("needs a Redis: run make test, or set CXX_TEST_REDIS=host:port")
	}
	cfg := Default()
	cfg.Addr, cfg.Prefix = addr, prefix
	patient(&cfg)
	r, err := openAs(cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func randomPrefix() string { return "cxxtest-" + rand.Text()[:10] + ":" }

// forget removes everything of a prefix.
func forget(t testing.TB, r *Registry) {
	t.Helper()
	ctx := t.Context()
	if ctx.Err() != nil {
		return
	}
	it := r.client.Scan(ctx, 0, r.cfg.Prefix+"*", 1000).Iterator()
	var keys []string
	for it.Next(ctx) {
		keys = append(keys, it.Val())
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	if len(keys) == 0 {
		return
	}
	if err := r.client.Unlink(ctx, keys...).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	presencetest.Run(t, func(t *testing.T) presencetest.Cell {
		prefix := randomPrefix()
		a, b := open(t, prefix), open(t, prefix)
		return presencetest.Cell{
			A: a, B: b,
			Forget: func() { forget(t, a) },
			Expire: func(id im.NodeID) {
				if err := a.client.Del(t.Context(), a.nodeKey(id)).Err(); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
