package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	key := JWTKey{Algorithm: "EdDSA", File: "x"}
	for _, c := range []struct {
		says string
		edit func(*Config)
	}{
		{"mechanisms", func(c *Config) { c.Mechanisms = []string{"PLAIN"} }},
		{"scram_iterations", func(c *Config) { c.ScramIterations = 4096 }},
		{"scram_iterations", func(c *Config) { c.TestMode, c.ScramIterations = true, 4095 }},
		{"scram_iterations", func(c *Config) { c.ScramIterations = 1 << 30 }},
		{"plain_cache", func(c *Config) { c.PlainCache = -1 }},
		{"token_idle", func(c *Config) { c.TokenIdle = 0 }},
		{"token_absolute", func(c *Config) { c.TokenAbsolute = config.Duration(time.Hour) }},
		{"device_limit", func(c *Config) { c.DeviceLimit = 0 }},
		{"device_policy", func(c *Config) { c.DevicePolicy = "newest" }},
		{"registration ", func(c *Config) { c.Registration = "on" }},
		{"registrations_per_address", func(c *Config) { c.RegistrationsPerSource = 0 }},
		{"failed_logins", func(c *Config) { c.FailedFree = 0 }},
		{"failed_block", func(c *Config) { c.FailedBlock = 0 }},
		{"failed_hold", func(c *Config) { c.FailedHold = config.Duration(time.Minute) }},
		{"jwt.issuer", func(c *Config) { c.JWT.Keys = []JWTKey{key}; c.JWT.Audience = "a" }},
		{"jwt.audience", func(c *Config) { c.JWT.Keys = []JWTKey{key}; c.JWT.Issuer = "a" }},
		{"jwt.keys[1]", func(c *Config) { c.JWT.Keys = []JWTKey{key, key}; c.JWT.Issuer, c.JWT.Audience = "a", "b" }},
		{"jwt.keys[0].algorithm", func(c *Config) {
			c.JWT.Keys = []JWTKey{{Algorithm: "none", File: "x"}}
			c.JWT.Issuer, c.JWT.Audience = "a", "b"
		}},
		{"jwt.keys[0].file", func(c *Config) { c.JWT.Keys = []JWTKey{{Algorithm: "HS256"}}; c.JWT.Issuer, c.JWT.Audience = "a", "b" }},
		{"jwt.leeway", func(c *Config) {
			c.JWT.Keys, c.JWT.Leeway = []JWTKey{key}, config.Duration(time.Hour)
			c.JWT.Issuer, c.JWT.Audience = "a", "b"
		}},
		{"jwt.user_claim", func(c *Config) {
			c.JWT.Keys, c.JWT.UserClaim = []JWTKey{key}, ""
			c.JWT.Issuer, c.JWT.Audience = "a", "b"
		}},
	} {
		cfg := DefaultConfig()
		c.edit(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
	test := DefaultConfig()
	test.TestMode, test.ScramIterations = true, 4096
	if err := test.Validate(); err != nil {
		t.Errorf("4096 iterations in test mode: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	seal, err := GenerateSeal(t.TempDir() + "/seal.key")
	if err != nil {
		t.Fatal(err)
	}
	bad := DefaultConfig()
	bad.DeviceLimit = 0
	for what, c := range map[string]struct {
		cfg  Config
		deps Deps
	}{
		"a bad configuration": {bad, Deps{Store: newMemory(), Seal: seal, Domains: []string{"a"}}},
		"no seal":             {DefaultConfig(), Deps{Store: newMemory(), Domains: []string{"a"}}},
		"no domain":           {DefaultConfig(), Deps{Store: newMemory(), Seal: seal}},
	} {
		if _, err := New(c.cfg, c.deps); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	l, err := New(DefaultConfig(), Deps{Store: newMemory(), Seal: seal, Domains: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	if l.RegistrationOpen() || l.msgID() == 0 {
		t.Error("the defaults of Deps are wrong")
	}
	l.kick(im.Kick{})
	l.logged(0, nil)
}
