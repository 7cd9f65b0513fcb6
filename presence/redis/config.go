package redis

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config says where Redis is and how long to wait for it.
type Config struct {
	Addr         string          `toml:"addr" doc:"host:port of Redis; empty keeps presence in memory, which serves a single node"`
	Username     string          `toml:"username" doc:"Redis ACL user; empty is the default user"`
	PasswordFile string          `toml:"password_file" doc:"file of mode 0600 that holds the password; empty: none"`
	TLS          bool            `toml:"tls" doc:"connect with TLS"`
	CAFile       string          `toml:"ca_file" doc:"PEM file of the authorities that may sign the server's certificate; empty: those of the system"`
	Prefix       string          `toml:"prefix" doc:"begins every key and channel; cells that share a Redis need different ones"`
	DB           int             `toml:"db" doc:"number of the Redis database"`
	DialTimeout  config.Duration `toml:"dial_timeout" doc:"longest wait for a connection, at most 500ms"`
	Timeout      config.Duration `toml:"timeout" doc:"longest wait for an answer, at most 500ms"`
	PoolSize     int             `toml:"pool_size" doc:"most connections that one node opens"`
	SessionTTL   config.Duration `toml:"session_ttl" doc:"a session record that nobody renews disappears after this time; nodes renew theirs after half of it"`
}

// maxTimeout keeps dialling plus answering within a second.
const maxTimeout = 500 * time.Millisecond

// Default returns the values that hold when nothing is configured.
func Default() Config {
	return Config{
		Prefix:      "cxx:",
		DialTimeout: config.Duration(400 * time.Millisecond),
		Timeout:     config.Duration(400 * time.Millisecond),
		PoolSize:    8,
		SessionTTL:  config.Duration(24 * time.Hour),
	}
}

// Validate reports every value that cannot be used. An empty Addr is valid: it
// means that Redis is not used.
func (c Config) Validate() error {
	if c.Addr == "" {
		return nil
	}
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("redis.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		bad("addr", "%q is not host:port, such as 127.0.0.1:6379", c.Addr)
	}
	if strings.ContainsAny(c.Prefix, " \r\n\t*?[]") {
		bad("prefix", "%q has a space or one of * ? [ ]; use a word and a colon, such as cxx:", c.Prefix)
	}
	if c.DB < 0 {
		bad("db", "%d is negative; use 0 or the number of a database", c.DB)
	}
	if d := c.DialTimeout.D(); d <= 0 || d > maxTimeout {
		bad("dial_timeout", "%s is not between 1ms and 500ms; the core must not wait longer for presence", c.DialTimeout)
	}
	if d := c.Timeout.D(); d <= 0 || d > maxTimeout {
		bad("timeout", "%s is not between 1ms and 500ms; the core must not wait longer for presence", c.Timeout)
	}
	if c.PoolSize < 1 || c.PoolSize > 1000 {
		bad("pool_size", "%d is not between 1 and 1000", c.PoolSize)
	}
	if c.SessionTTL.D() < time.Minute {
		bad("session_ttl", "%s is under a minute; use hours", c.SessionTTL)
	}
	if c.CAFile != "" && !c.TLS {
		bad("ca_file", "it is set but redis.tls is false; set redis.tls = true")
	}
	return errors.Join(errs...)
}
