package shard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

// Config is the zones and their limits.
type Config struct {
	Zones           []ZoneConfig    `toml:"zone" doc:"the databases; together they hold every slot exactly once, and every node lists the same ones"`
	Queue           int             `toml:"queue" doc:"changes that may wait for the writer of a zone; more are refused with OVERLOADED"`
	Timeout         config.Duration `toml:"timeout" doc:"every call to a zone is answered within this time"`
	BreakerFailures int             `toml:"breaker_failures" doc:"failures in a row after which a zone is taken as down; an answer that does not come in time counts for all of them"`
	Probe           config.Duration `toml:"probe" doc:"how often a zone that is down is tried again"`
	BatchRows       int             `toml:"batch_rows" doc:"changes that one transaction takes at most"`
	BatchWait       config.Duration `toml:"batch_wait" doc:"how long a busy writer waits for more changes before it begins a transaction"`
	Readers         int             `toml:"readers" doc:"connections for reading, per zone"`
}

// ZoneConfig is one database.
type ZoneConfig struct {
	ID      im.ZoneID     `toml:"id" doc:"number of the zone, from 1; it never changes"`
	Driver  string        `toml:"driver" doc:"sqlite or mysql (MySQL 8 or MariaDB 10.6 and later)"`
	Path    string        `toml:"path" doc:"sqlite: the file, below the data directory when not absolute"`
	DSN     config.Secret `toml:"dsn" doc:"mysql: user@tcp(host:3306)/database; with a password use dsn_file. With asynchronous replicas an acknowledged message can be lost in a failover; use group replication or semi-sync AFTER_SYNC"`
	DSNFile string        `toml:"dsn_file" doc:"mysql: a file of mode 0600 that holds the dsn"`
	Slots   string        `toml:"slots" doc:"the slots of the zone, for example 0-8191 or 0-4095,8192-12287"`
}

// Default is one SQLite file that holds everyone.
func Default() Config {
	return Config{
		Zones:           []ZoneConfig{{ID: 1, Driver: "sqlite", Path: "zone1.db", Slots: "0-16383"}},
		Queue:           4096,
		Timeout:         config.Duration(3 * time.Second),
		BreakerFailures: 5,
		Probe:           config.Duration(time.Second),
		BatchRows:       512,
		BatchWait:       config.Duration(time.Millisecond),
		Readers:         4,
	}
}

// Validate names the first key that is wrong, and what to do.
func (c Config) Validate() error {
	for _, n := range []struct {
		key       string
		v, lo, hi int64
	}{
		{"queue", int64(c.Queue), 16, 1 << 20},
		{"breaker_failures", int64(c.BreakerFailures), 1, 1000},
		{"batch_rows", int64(c.BatchRows), 1, 4096},
		{"readers", int64(c.Readers), 1, 1000},
	} {
		if n.v < n.lo || n.v > n.hi {
			return fmt.Errorf("%s is %d; choose a number from %d to %d", n.key, n.v, n.lo, n.hi)
		}
	}
	for _, d := range []struct {
		key       string
		v, lo, hi time.Duration
	}{
		{"timeout", c.Timeout.D(), 100 * time.Millisecond, time.Minute},
		{"probe", c.Probe.D(), 10 * time.Millisecond, time.Minute},
		{"batch_wait", c.BatchWait.D(), 0, 100 * time.Millisecond},
	} {
		if d.v < d.lo || d.v > d.hi {
			return fmt.Errorf("%s is %v; choose a duration from %v to %v", d.key, d.v, d.lo, d.hi)
		}
	}
	for i, z := range c.Zones {
		if err := z.validate(); err != nil {
			return fmt.Errorf("zone %d (entry %d of [[storage.zone]]): %w", z.ID, i+1, err)
		}
	}
	_, err := configuredMap(c.Zones)
	return err
}

func (z ZoneConfig) validate() error {
	if z.ID == 0 {
		return errors.New("id is missing; number the zones from 1")
	}
	switch z.Driver {
	case "sqlite":
		if z.Path == "" {
			return errors.New("path is missing; name the database file")
		}
		if z.DSN != "" || z.DSNFile != "" {
			return errors.New("dsn and dsn_file are for driver mysql; remove them or change driver")
		}
	case "mysql":
		if (z.DSN == "") == (z.DSNFile == "") {
			return errors.New("give one of dsn and dsn_file")
		}
	default:
		return fmt.Errorf("driver is %q; choose sqlite or mysql", z.Driver)
	}
	_, err := parseSlots(z.Slots)
	return err
}

// dsn returns the DSN itself, read from its file if it is in one.
func (z ZoneConfig) dsn(dataDir string) (config.Secret, error) {
	if z.DSNFile == "" {
		return z.DSN, nil
	}
	name := below(dataDir, z.DSNFile)
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("dsn_file cannot be read: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("dsn_file %s has mode %#o, so others can read it; run chmod 600 on it", name, info.Mode().Perm())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("dsn_file cannot be read: %w", err)
	}
	return config.Secret(strings.TrimSpace(string(b))), nil
}

func below(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
