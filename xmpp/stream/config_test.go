package stream

import (
	"net"
	"strings"
	"testing"
)

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	for key, edit := range map[string]func(*Config){
		"listen":                    func(c *Config) { c.Listen = []string{"5222"} },
		"tls_listen":                func(c *Config) { c.TLSListen = []string{"localhost"} },
		"max_connections":           func(c *Config) { c.MaxConnections = -1 },
		"max_handshakes":            func(c *Config) { c.MaxHandshakes = 0 },
		"handshake_timeout":         func(c *Config) { c.HandshakeTimeout = 0 },
		"login_timeout":             func(c *Config) { c.LoginTimeout = -1 },
		"progress_timeout":          func(c *Config) { c.ProgressTimeout = 0 },
		"close_timeout":             func(c *Config) { c.CloseTimeout = 0 },
		"max_stanza":                func(c *Config) { c.MaxStanza = 100 },
		"xml: depth":                func(c *Config) { c.XML.Depth = 1 },
		"web_origins":               func(c *Config) { c.WebSocketOrigins = []string{"chat.example.org"} },
		"web_url":                   func(c *Config) { c.WebURL = "chat.example.org" },
		"bosh.max_wait":             func(c *Config) { c.BOSH.MaxWait = 0 },
		"bosh.max_hold":             func(c *Config) { c.BOSH.MaxHold = 0 },
		"bosh.inactivity":           func(c *Config) { c.BOSH.Inactivity = 0 },
		"bosh.max_pause":            func(c *Config) { c.BOSH.MaxPause = 0 },
		"bosh.polling":              func(c *Config) { c.BOSH.Polling = -1 },
		"bosh.max_outbound":         func(c *Config) { c.BOSH.MaxOutbound = 1 },
		"max_stanza: use 10000 ≤ m": func(c *Config) { c.MaxStanzaBeforeLogin = 9_999 },
	} {
		c := Default()
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(testConfig(), Deps{}, nil); err == nil || !strings.Contains(err.Error(), "xmpp.tls_listen needs") {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := testConfig()
	cfg.Listen, cfg.TLSListen = []string{"127.0.0.1:0", l.Addr().String()}, nil
	if _, err := New(cfg, Deps{}, nil); err == nil || !strings.Contains(err.Error(), "is taken by another program") {
		t.Error(err)
	}
}
