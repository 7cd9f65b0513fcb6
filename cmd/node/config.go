// Package node puts a process together from its parts: configuration, keys,
// storage, presence, mesh, core, edges, NAS, admin. It holds no rule of the
// product. The command cxxd and the test cell (package imtest) call it.
package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/acs/edge"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/mesh"
	"github.com/cxx-im/cxx/nas"
	"github.com/cxx-im/cxx/presence/redis"
	"github.com/cxx-im/cxx/shard"
)

// Config is the whole configuration of a process.
type Config struct {
	Server  ServerConfig `toml:"server"`
	Log     LogConfig    `toml:"log"`
	TLS     pki.Config   `toml:"tls"`
	CXX     edge.Config  `toml:"cxx"`
	XMPP    XMPPConfig   `toml:"xmpp"`
	HTTP    HTTPConfig   `toml:"http"`
	Admin   AdminConfig  `toml:"admin"`
	Auth    auth.Config  `toml:"auth"`
	ACS     acs.Config   `toml:"acs"`
	NAS     nas.Config   `toml:"nas"`
	Mesh    mesh.Config  `toml:"mesh"`
	Redis   redis.Config `toml:"redis"`
	Storage shard.Config `toml:"storage"`
}

// Effective is c with what one key says about others carried out.
func (c Config) Effective() Config {
	if c.XMPP.Domain != "" && !slices.Contains(c.Server.Domains, c.XMPP.Domain) {
		c.Server.Domains = append([]string{c.XMPP.Domain}, c.Server.Domains...)
	}
	if c.XMPP.Registration && c.Auth.Registration == auth.RegistrationOff {
		c.Auth.Registration = auth.RegistrationEnabled
	}
	if c.Server.TestMode {
		c.CXX.TestMode, c.Auth.TestMode, c.XMPP.TestMode = true, true, true
		c.ACS.ChangeRate = 0
	}
	if c.XMPP.TestMode {
		c.XMPP.Session.SendRate, c.XMPP.Session.LoginRate, c.XMPP.Config.TestMode = 0, 0, true
	}
	return c
}

// ServerConfig is what concerns the process as a whole.
type ServerConfig struct {
	Domains       []string        `toml:"domains" doc:"domains whose accounts live here; the first is assumed where a client names none"`
	Node          int             `toml:"node" doc:"number of this ACS, 1 to 1023, different for every ACS of the cell"`
	AdvertiseCXX  string          `toml:"advertise_cxx" doc:"host:port that clients dial to reach this ACS; empty: the first address of cxx.listen"`
	TestMode      bool            `toml:"test_mode" doc:"lift all rate limits: the test_mode of [cxx], [xmpp] and [auth] at once; never in production"`
	RequireTicket bool            `toml:"require_ticket" doc:"refuse logins without a ticket from NAS; then clients cannot come back while every NAS is down"`
	DrainSpread   config.Duration `toml:"drain_spread" doc:"over how long clients are spread when the server stops and asks them to reconnect elsewhere"`
	DrainTimeout  config.Duration `toml:"drain_timeout" doc:"how long the server waits for that before it stops all the same"`
}

// LogConfig is the log.
type LogConfig struct {
	Level  string `toml:"level" doc:"debug, info, warn or error"`
	Format string `toml:"format" doc:"text or json; the log goes to standard error"`
}

// HTTPConfig is the public HTTP listener.
type HTTPConfig struct {
	Listen  string `toml:"listen" doc:"host:port for WebSocket, NAS over HTTP, /healthz and /readyz; empty: none"`
	TLS     bool   `toml:"tls" doc:"serve HTTPS with the certificate of [tls]; without it only a loopback address is allowed, for a proxy in front"`
	Proxied bool   `toml:"proxied" doc:"listen without TLS on other addresses too, because a proxy in front ends TLS"`
}

// AdminConfig is the admin listener.
type AdminConfig struct {
	Listen    string `toml:"listen" doc:"host:port of the admin API, metrics and pprof; every request needs the bearer token; empty: none"`
	TokenFile string `toml:"token_file" doc:"file of mode 0600 with the token; empty: secret/admin.token in the data directory, made at the first start"`
	AuditFile string `toml:"audit_file" doc:"file to which every change by an administrator is appended; empty: audit.log in the data directory"`
}

// Default is everything in one process on loopback.
func Default() Config {
	return Config{
		Server: ServerConfig{
			Domains: []string{"localhost"}, Node: 1,
			DrainSpread: config.Duration(5e9), DrainTimeout: config.Duration(15e9),
		},
		Log:     LogConfig{Level: "info", Format: "text"},
		TLS:     pki.DefaultConfig(),
		CXX:     edge.Default(),
		XMPP:    defaultXMPP(),
		HTTP:    HTTPConfig{Listen: "127.0.0.1:5280"},
		Admin:   AdminConfig{Listen: "127.0.0.1:5290"},
		Auth:    auth.DefaultConfig(),
		ACS:     acs.DefaultConfig(),
		NAS:     nas.Default(),
		Mesh:    mesh.DefaultConfig(),
		Redis:   redis.Default(),
		Storage: shard.Default(),
	}
}

// Validate names the key that is wrong and what to do.
func (c ServerConfig) Validate() error {
	if _, err := c.domains(); err != nil {
		return err
	}
	if c.Node < 1 || c.Node > int(im.MaxNode) {
		return fmt.Errorf("node is %d; choose 1 to %d, different for every ACS", c.Node, im.MaxNode)
	}
	if c.DrainSpread < 0 || c.DrainTimeout < c.DrainSpread {
		return fmt.Errorf("drain_timeout is %s; it must be at least drain_spread (%s)", c.DrainTimeout, c.DrainSpread)
	}
	return nil
}

// domains returns the domains prepared.
func (c ServerConfig) domains() ([]string, error) {
	if len(c.Domains) == 0 {
		return nil, errors.New(`domains is empty; name at least one, as in domains = ["example.org"]`)
	}
	out := make([]string, len(c.Domains))
	for i, d := range c.Domains {
		p, err := im.PrepareDomain(d)
		if err != nil {
			return nil, fmt.Errorf("domains: %w", err)
		}
		out[i] = p
	}
	return out, nil
}

// Validate names the key that is wrong and what to do.
func (c LogConfig) Validate() error {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Level)); err != nil {
		return fmt.Errorf("level is %q; choose debug, info, warn or error", c.Level)
	}
	if c.Format != "text" && c.Format != "json" {
		return fmt.Errorf("format is %q; choose text or json", c.Format)
	}
	return nil
}

// Validate names the key that is wrong and what to do.
func (c HTTPConfig) Validate() error {
	if err := hostPort(c.Listen); err != nil {
		return err
	}
	if c.Listen != "" && !c.TLS && !c.Proxied && !isLoopback(c.Listen) {
		return fmt.Errorf("listen is %q, which others can reach without TLS; set http.tls = true, or http.proxied = true behind a proxy that ends TLS", c.Listen)
	}
	return nil
}

// Validate names the key that is wrong and what to do.
func (c AdminConfig) Validate() error {
	if err := hostPort(c.Listen); err != nil {
		return err
	}
	if c.Listen != "" && !isLoopback(c.Listen) {
		return fmt.Errorf("listen is %q; the admin API speaks no TLS, so choose a loopback address and reach it through a tunnel or proxy", c.Listen)
	}
	return nil
}

// hostPort refuses what is no address to listen on; none at all is fine.
func hostPort(addr string) error {
	if addr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("listen is %q; write host:port, for instance 127.0.0.1:5280", addr)
	}
	return nil
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// below returns name, under dir when it is not absolute, or fallback under dir
// when there is no name.
func below(dir, name, fallback string) string {
	if name == "" {
		return fallback
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
