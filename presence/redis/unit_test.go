package redis

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/presence"
)

func TestBreaker(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var turns []bool
	b := newBreaker(func() time.Time { return now }, func(open bool) { turns = append(turns, open) })
	must := func(want bool) {
		t.Helper()
		err := b.allow()
		if (err == nil) != want || err != nil && !errors.Is(err, presence.ErrUnavailable) {
			t.Fatalf("allow gives %v, want allowed %v", err, want)
		}
	}
	b.report(false)
	b.report(false)
	b.report(true) // a success in between starts the count again
	b.report(false)
	b.report(false)
	must(true)
	b.report(false)
	must(false)
	now = now.Add(breakerPause)
	must(true)  // one attempt
	must(false) // and no second
	b.report(false)
	must(false)
	now = now.Add(breakerPause)
	must(true)
	b.abandon() // the caller gave up: somebody else may try
	must(true)
	b.report(true)
	must(true)
	must(true)
	if !slices.Equal(turns, []bool{true, false}) {
		t.Fatalf("turned %v", turns)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no address":      {func(c *Config) { c.Addr = "" }, "redis.addr"},
		"no port":         {func(c *Config) { c.Addr = "localhost" }, "redis.addr"},
		"prefix":          {func(c *Config) { c.Prefix = "a*" }, "redis.prefix"},
		"db":              {func(c *Config) { c.DB = -1 }, "redis.db"},
		"dial timeout":    {func(c *Config) { c.DialTimeout = config.Duration(time.Second) }, "redis.dial_timeout"},
		"timeout":         {func(c *Config) { c.Timeout = 0 }, "redis.timeout"},
		"pool":            {func(c *Config) { c.PoolSize = 0 }, "redis.pool_size"},
		"ttl":             {func(c *Config) { c.SessionTTL = 1 }, "redis.session_ttl"},
		"ca without tls":  {func(c *Config) { c.CAFile = "x" }, "redis.tls"},
		"ca missing":      {func(c *Config) { c.TLS, c.CAFile = true, filepath.Join(dir, "none") }, "redis.ca_file"},
		"ca not PEM":      {func(c *Config) { c.TLS, c.CAFile = true, open }, "redis.ca_file"},
		"password open":   {func(c *Config) { c.PasswordFile = open }, "chmod 600"},
		"password absent": {func(c *Config) { c.PasswordFile = filepath.Join(dir, "none") }, "redis.password_file"},
	} {
		cfg := Default()
		cfg.Addr = "127.0.0.1:6379"
		c.change(&cfg)
		if _, err := Open(cfg, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a word on %s", name, err, c.want)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
}

func TestNames(t *testing.T) {
	k := im.SessionKey{User: 1<<52 - 1, Node: 1023, NodeEpoch: 1<<64 - 1, Session: 1<<64 - 1}
	back, ok := parseField(k.User, field(k))
	if !ok || back != k {
		t.Fatalf("%q reads as %+v", field(k), back)
	}
	for _, bad := range []string{"", "1", "1:2", "1:2:x", "x:2:3", "70000:2:3", "1:-2:3", "1:2:3:4"} {
		if k, ok := parseField(1, bad); ok {
			t.Errorf("%q reads as %+v", bad, k)
		}
	}
}

func TestRunID(t *testing.T) {
	if got := runID("# Server\r\nredis_version:7.0.15\r\nrun_id:abc123\r\ntcp_port:1\r\n"); got != "abc123" {
		t.Fatalf("run id is %q", got)
	}
	if got := runID(""); got != "" {
		t.Fatalf("run id is %q", got)
	}
}

func FuzzBells(f *testing.F) {
	f.Add(appendBells(nil, []im.Bell{{User: 1<<52 - 1, Seq: 1}, {User: 2, Seq: 1<<64 - 1}}))
	f.Add([]byte{bellVersion})
	f.Add([]byte{2, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		bells, err := parseBells(b)
		if err != nil {
			return
		}
		again, err := parseBells(appendBells(nil, bells))
		if err != nil || !slices.Equal(again, bells) {
			t.Fatalf("%x reads as %v, and that as %v, %v", b, bells, again, err)
		}
	})
}

func FuzzSessionRecord(f *testing.F) {
	f.Add("1:5:7", []byte(`{"d":1,"e":2,"r":"phone","p":1,"s":5,"t":"x","y":-1,"c":"y"}`))
	f.Add("1:5", []byte(`{`))
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		k, ok := parseField(50, name)
		if !ok {
			return
		}
		s, err := decodeSession(k, string(value))
		if err != nil {
			return
		}
		once := encodeSession(&s)
		back, err := decodeSession(k, string(once))
		if err != nil || !bytes.Equal(encodeSession(&back), once) {
			t.Fatalf("%s reads as %+v, then as %+v, %v", value, s, back, err)
		}
	})
}
