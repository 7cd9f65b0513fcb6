package mesh

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	for _, c := range []struct {
		key    string
		change func(*Config)
	}{
		{"listen", func(c *Config) { c.Listen = "5230" }},
		{"advertise", func(c *Config) { c.Advertise = "acs-1" }},
		{"advertise", func(c *Config) { c.Listen = "0.0.0.0:5230" }},
		{"advertise", func(c *Config) { c.Listen = ":5230" }},
		{"cell", func(c *Config) { c.Cell = "" }},
		{"key", func(c *Config) { c.Cert = "node.pem" }},
		{"heartbeat", func(c *Config) { c.Heartbeat = 0 }},
		{"dead_after", func(c *Config) { c.DeadAfter = config.Duration(5 * time.Second) }},
		{"redial_max", func(c *Config) { c.RedialMax = 1 }},
		{"forget_after", func(c *Config) { c.ForgetAfter = -1 }},
		{"queue", func(c *Config) { c.Queue = 1000 }},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.key) {
			t.Errorf("a wrong %s: %v", c.key, err)
		}
	}
}

func TestAdvertiseAddr(t *testing.T) {
	cfg := DefaultConfig()
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}
	if got := cfg.AdvertiseAddr(at); got != "127.0.0.1:7" {
		t.Errorf("advertised %s", got)
	}
	cfg.Advertise = "acs-1.example.org:5230"
	if got := cfg.AdvertiseAddr(at); got != cfg.Advertise {
		t.Errorf("advertised %s", got)
	}
}

func TestMetricsAreRegistered(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := New(DefaultConfig(), im.Node{ID: 1}, Plain, newRecorder(), nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	m.Forward(2, message(1))
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range all {
		found = found || f.GetName() == "cxx_mesh_frames_dropped_total" && f.Metric[0].Label[0].GetValue() == "link_down"
	}
	if !found {
		t.Error("cxx_mesh_frames_dropped_total{reason=link_down} is missing")
	}
	if _, err := New(DefaultConfig(), im.Node{ID: 1}, Plain, newRecorder(), nil, reg); err == nil {
		t.Error("a second mesh in one registry was accepted")
	}
}
