package shard_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
)

var quiet = slog.New(slog.DiscardHandler)

// wantRefusal opens a store that must not open, and looks for the words that
// tell the operator what is wrong.
func wantRefusal(t *testing.T, cfg shard.Config, dir string, words ...string) {
	t.Helper()
	s, err := shard.Open(context.Background(), cfg, dir, quiet, nil)
	if err == nil {
		s.Close()
		t.Fatal("the store opened")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

// closed opens a store once, does something, and closes it.
func closed(t *testing.T, cfg shard.Config, dir string, f func(s *shard.Store) error) {
	t.Helper()
	s, err := shard.Open(context.Background(), cfg, dir, quiet, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f != nil {
		if err := f(s); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// bothEngines gives configurations of two zones.
func bothEngines(t *testing.T, f func(t *testing.T, cfg shard.Config, dir string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, sqliteConfig(2), t.TempDir()) })
	t.Run("mysql", func(t *testing.T) { f(t, mysqlConfig(t, 2), t.TempDir()) })
}

func TestReopen(t *testing.T) {
	bothEngines(t, func(t *testing.T, cfg shard.Config, dir string) {
		closed(t, cfg, dir, func(s *shard.Store) error {
			a := create(t, s, "alice")
			send(t, s, message(a, a, "note"))
			return nil
		})
		s := openIn(t, cfg, dir, quiet)
		all, err := s.Accounts(context.Background(), 0, 10)
		if err != nil || len(all) != 1 || len(inbox(t, s, all[0].ID)) != 1 {
			t.Error(all, err)
		}
		if s.Relaxed() {
			t.Error("the databases are set up to be durable")
		}
	})
}

func TestNewerSchema(t *testing.T) {
	bothEngines(t, func(t *testing.T, cfg shard.Config, dir string) {
		closed(t, cfg, dir, func(s *shard.Store) error { return shard.SetSchemaVersion(s, shard.SchemaVersion()+1) })
		wantRefusal(t, cfg, dir, "zone 1", fmt.Sprintf("schema %d", shard.SchemaVersion()+1), fmt.Sprintf("knows %d", shard.SchemaVersion()), "newer release")
		reports, err := shard.Check(context.Background(), cfg, dir)
		if err != nil || reports[0].Problem == nil || !strings.Contains(reports[0].Problem.Error(), "newer release") {
			t.Error(reports, err)
		}
	})
}

func TestMapDisagreement(t *testing.T) {
	bothEngines(t, func(t *testing.T, cfg shard.Config, dir string) {
		closed(t, cfg, dir, nil)
		z := cfg.Zones
		swapped := cfg
		swapped.Zones = []shard.ZoneConfig{z[1], z[0]}
		swapped.Zones[0].ID, swapped.Zones[1].ID = 1, 2
		wantRefusal(t, swapped, dir, "zone 1", "holds zone 2", "exchange")
		moved := cfg
		moved.Zones = []shard.ZoneConfig{z[0], z[1]}
		moved.Zones[0].Slots, moved.Zones[1].Slots = "0-99", "100-16383"
		wantRefusal(t, moved, dir, "map version 1", "0-8191 in zone 1", "0-99 in zone 1")
		if _, err := shard.Check(context.Background(), moved, dir); err == nil {
			t.Error("a check found nothing wrong")
		}
		openIn(t, cfg, dir, quiet)
	})
}

func TestForeignZone(t *testing.T) {
	dir, cfg := t.TempDir(), sqliteConfig(2)
	other := sqliteConfig(2)
	other.Zones[0].Path, other.Zones[1].Path = "other1.db", "other2.db"
	closed(t, cfg, dir, nil)
	closed(t, other, dir, nil)
	cfg.Zones[1].Path = "other2.db"
	wantRefusal(t, cfg, dir, "zones 1 and 2", "two different cells")
}

func TestInterruptedFirstStart(t *testing.T) {
	dir, cfg := t.TempDir(), sqliteConfig(2)
	closed(t, cfg, dir, nil)
	if err := os.Remove(filepath.Join(dir, "zone2.db")); err != nil {
		t.Fatal(err)
	}
	openIn(t, cfg, dir, quiet) // the second zone had not been written
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	openIn(t, shard.Default(), dir, quiet)
	wantRefusal(t, shard.Default(), dir, "zone 1", "in use by process")
}

func TestUnreachable(t *testing.T) {
	cfg := shard.Default()
	z := shard.ZoneConfig{ID: 1, Driver: "mysql", Slots: "0-16383"}
	with := func(dsn string) shard.Config {
		z.DSN = config.Secret(dsn)
		cfg.Zones = []shard.ZoneConfig{z}
		return cfg
	}
	wantRefusal(t, with("me:hush@tcp(127.0.0.1:1)/cxx"), "", "zone 1", "cxx at 127.0.0.1:1", "server runs")
	wantRefusal(t, with("nonsense"), "", "user:password@tcp(host:3306)/database")
	wantRefusal(t, with("me@tcp(127.0.0.1:1)/"), "", "names no database")
	for _, dsn := range []string{"me:hush@tcp(127.0.0.1:1)/cxx", "me:hush@tcp(127.0.0.1", "me:hush@nothing(/cxx?x"} {
		if _, err := shard.Open(context.Background(), with(dsn), "", quiet, nil); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte("me:hush@tcp(127.0.0.1:1)/cxx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg = with("")
	cfg.Zones[0].DSNFile = file
	wantRefusal(t, cfg, "", "0644", "chmod 600")
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, cfg, "", "server runs")
}

func TestUnknownDatabase(t *testing.T) {
	cfg := mysqlConfig(t, 1)
	cfg.Zones[0].DSN = config.Secret(strings.Replace(cfg.Zones[0].DSN.Reveal(), "/cxx_test_", "/cxx_absent_", 1))
	wantRefusal(t, cfg, "", "CREATE DATABASE")
}

func TestCheckWritesNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T, cfg shard.Config, dir string) {
		for range 2 {
			reports, err := shard.Check(context.Background(), cfg, dir)
			if err != nil || len(reports) != 2 {
				t.Fatal(reports, err)
			}
			for _, r := range reports {
				if !r.New || len(r.Pending) != shard.SchemaVersion() || r.Problem != nil {
					t.Errorf("%+v", r)
				}
			}
		}
		if err := shard.Migrate(context.Background(), cfg, dir, quiet); err != nil {
			t.Fatal(err)
		}
		reports, err := shard.Check(context.Background(), cfg, dir)
		if err != nil || len(reports[0].Pending) != 0 || !reports[0].New || reports[0].Relaxed || reports[0].Durability == "" {
			t.Error(reports, err)
		}
		closed(t, cfg, dir, nil)
		if reports, err = shard.Check(context.Background(), cfg, dir); err != nil || reports[1].New || reports[1].Problem != nil {
			t.Error(reports, err)
		}
	})
}

func TestRelaxed(t *testing.T) {
	defer shard.PretendRelaxed()()
	if !open(t, shard.Default()).Relaxed() {
		t.Error("a relaxed zone was not reported")
	}
}

func TestValidate(t *testing.T) {
	if err := shard.Default().Validate(); err != nil {
		t.Fatal(err)
	}
	for words, spoil := range map[string]func(*shard.Config){
		"queue is 1":                    func(c *shard.Config) { c.Queue = 1 },
		"timeout is 1m39s":              func(c *shard.Config) { c.Timeout *= 100 / 3 },
		"no [[storage.zone]]":           func(c *shard.Config) { c.Zones = nil },
		"id is missing":                 func(c *shard.Config) { c.Zones[0].ID = 0 },
		"driver is \"oracle\"":          func(c *shard.Config) { c.Zones[0].Driver = "oracle" },
		"one of dsn and dsn_file":       func(c *shard.Config) { c.Zones[0].Driver = "mysql" },
		"path is missing":               func(c *shard.Config) { c.Zones[0].Path = "" },
		"dsn and dsn_file are for":      func(c *shard.Config) { c.Zones[0].DSN = "x" },
		"slots has \"\"":                func(c *shard.Config) { c.Zones[0].Slots = "" },
		"slots has \"0-16384\"":         func(c *shard.Config) { c.Zones[0].Slots = "0-16384" },
		"16383-16383 are in no zone":    func(c *shard.Config) { c.Zones[0].Slots = "0-16382" },
		"0-0 are in no zone":            func(c *shard.Config) { c.Zones[0].Slots = "1-16383" },
		"5-6 are in no zone":            func(c *shard.Config) { c.Zones[0].Slots = "0-4, 7-16383" },
		"4-4 are in zone 1 and in zone": func(c *shard.Config) { c.Zones[0].Slots = "0-4,4-16383" },
		"configured twice":              func(c *shard.Config) { c.Zones = append(c.Zones, c.Zones[0]) },
	} {
		c := shard.Default()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
	}
}

func FuzzSlots(f *testing.F) {
	for _, s := range []string{"0-16383", "0-8191, 8192-16383", "1", "-", ",", "5-4", "0-99999", "0-16383,0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := shard.ParseSlots(s); err == nil && m != "0-16383 in zone 1" {
			t.Errorf("%q gave the map %q", s, m)
		}
	})
}
