package main

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/client"
)

// quick is how long a server may take to end when nobody is logged in.
const quick = 2 * time.Second

// Ctrl-C ends a server at once when there is nobody to wait for, whoever may
// have an idle connection to one of its ports.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, port := range []string{"none", "nas", "cxx", "http", "admin"} {
		s := start(t, serveArgs(dir))
		if port != "none" {
			c, err := net.Dial("tcp", s.addrs[port])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		took := s.stop()
		t.Logf("%s: %v", port, took)
		if took > quick {
			t.Errorf("with a connection to %s it took %v to end", port, took)
		}
		if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
			t.Error("the run file was left behind")
		}
	}
}

// The first signal waits for the clients, the second one does not.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir, "--set", "server.drain_spread=1h", "--set", "server.drain_timeout=1h"))
	c, err := client.Dial(t.Context(), client.Options{
		NAS: []string{s.addrs["nas"]}, CAFile: filepath.Join(dir, "ca.pem"), Addr: "alice@localhost", Password: goodPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.signal(syscall.SIGTERM)
	s.logs("draining")
	select {
	case <-s.ended:
		t.Fatal("the server did not wait for its client")
	default:
	}
	begin := time.Now()
	s.signal(syscall.SIGTERM)
	s.wantEnd()
	took := time.Since(begin)
	t.Logf("%v", took)
	if took > patience/2 {
		t.Errorf("after the second signal it took %v", took)
	}
	if !strings.Contains(s.said(), "not all clients left in time") {
		t.Errorf("the log does not say that clients were left:\n%s", s.said())
	}
}

// A TLS connection that never says hello does not hold the end up for longer
// than a client may take to leave.
func TestInterruptWithSilentClient(t *testing.T) {
	t.Parallel()
	s := start(t, serveArgs(filepath.Join(t.TempDir(), "data")))
	c, err := tls.Dial("tcp", s.addrs["cxx"], insecure("cxx/1"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	took := s.stop()
	t.Logf("%v", took)
	if most := 10 * time.Second; took > most {
		t.Errorf("it took %v", took)
	}
}

func insecure(alpn ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: alpn}
}
