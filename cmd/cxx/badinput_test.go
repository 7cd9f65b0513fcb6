package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/cmd/node"
)

// realServer runs a server in this process, with TLS and accounts of alice and others.
func realServer(t *testing.T, others ...string) (n *node.Node, dir string) {
	t.Helper()
	dir = t.TempDir()
	cfg := node.Default()
	cfg.NAS.Listen, cfg.CXX.Listen = "127.0.0.1:0", []string{"127.0.0.1:0"}
	cfg.XMPP.Listen, cfg.XMPP.TLSListen = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.HTTP.Listen, cfg.Admin.Listen = "127.0.0.1:0", ""
	quiet := slog.New(slog.DiscardHandler)
	admin, done, err := node.OpenOffline(t.Context(), cfg, dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(others, "alice") {
		if _, err := admin.CreateUser(t.Context(), name+"@localhost", "a few unrelated words"); err != nil {
			t.Fatal(err)
		}
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	if n, err = node.New(t.Context(), node.Options{Role: node.RoleAll, Config: cfg, DataDir: dir, Version: "test", Log: quiet}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return n, dir
}

// What cxx says and exits with when a person gives it something wrong, against
// a real server: one line, no inside of the program, and the account unharmed.
func TestBadInputAgainstARealServer(t *testing.T) {
	n, dir := realServer(t)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, wrong, empty := file("good.pw", "a few unrelated words\n"), file("wrong.pw", "not the password\n"), file("empty.pw", "")
	garbage := file("garbage.pem", "this is no certificate\n")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	at := n.Addrs()
	args := func(nas, as, password string, rest ...string) []string {
		return append([]string{"--nas", nas, "--ca", n.CA(), "--as", as, "--password-file", password, "--state", filepath.Join(dir, "state"), "--timeout", "5s"}, rest...)
	}
	run := func(a []string) (int, string, string) {
		var out, errs bytes.Buffer
		code := (&app{in: strings.NewReader(""), out: &out, errs: &errs}).run(t.Context(), a)
		return code, out.String(), errs.String()
	}
	fresh := filepath.Join(dir, "fresh") // knows no ACS from before
	said := make(map[string]string)
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"wrong password", args(at.NAS, "alice@localhost", wrong, "contacts"), exitRefused, []string{"the name or the password is wrong", "BAD_CREDENTIALS"}},
		{"unknown user", args(at.NAS, "nobody@localhost", wrong, "contacts"), exitRefused, []string{"the name or the password is wrong", "BAD_CREDENTIALS"}},
		{"empty password file", args(at.NAS, "alice@localhost", empty, "contacts"), exitUsage, []string{"empty.pw is empty", "first line"}},
		{"unknown domain", args(at.NAS, "alice@elsewhere.net", good, "contacts"), exitRefused, []string{"elsewhere.net"}},
		{"no address", args(at.NAS, "alice", good, "contacts"), exitUsage, []string{"--as alice@example.org"}},
		{"nobody to write to", args(at.NAS, "alice@localhost", good, "send", "nobody@localhost", "hi"), exitRefused, []string{"there is no such user", "NOT_FOUND"}},
		{"a name that is none", args(at.NAS, "alice@localhost", good, "send", "a b@localhost", "hi"), exitRefused, []string{"a b"}},
		{"a text too long", args(at.NAS, "alice@localhost", good, "send", "alice", strings.Repeat("x", 65<<10)), exitRefused, []string{"TOO_LARGE"}},
		{"a text that is no text", args(at.NAS, "alice@localhost", good, "send", "alice", "\xff\xfe"), exitRefused, []string{"UTF-8"}},
		{"no server", args(nobody, "alice@localhost", good, "contacts", "--state", fresh, "--timeout", "200ms"), exitUnreachable, []string{nobody, "check --nas"}},
		{"the HTTP port for NAS", args(at.HTTP, "alice@localhost", good, "contacts", "--state", fresh, "--timeout", "1s"), exitUnreachable, []string{at.HTTP + " does not speak TLS", "the port", "--plaintext"}},
		{"no port", args("localhost", "alice@localhost", good, "contacts"), exitUsage, []string{"localhost", "port"}},
		{"registration is closed", args(at.NAS, "bob@localhost", good, "register"), exitRefused, []string{"REGISTRATION_CLOSED"}},
		{"an unknown authority", []string{"--nas", at.NAS, "--as", "alice@localhost", "--password-file", good, "--state", filepath.Join(dir, "s2"), "contacts"}, exitUnreachable, []string{"--ca FILE"}},
		{"a missing authority", args(at.NAS, "alice@localhost", good, "contacts", "--ca", filepath.Join(dir, "none.pem")), exitUsage, []string{"none.pem"}},
		{"an authority that is none", args(at.NAS, "alice@localhost", good, "contacts", "--ca", garbage), exitUsage, []string{"garbage.pem"}},
		{"plaintext to a TLS port", args(at.NAS, "alice@localhost", good, "contacts", "--plaintext", "--timeout", "2s", "--state", fresh), exitRefused, []string{"TLS"}},
	} {
		code, _, errs := run(c.args)
		said[c.name] = errs
		t.Logf("%-26s %d %s", c.name, code, errs)
		if code != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, code, c.code)
		}
		for _, s := range c.says {
			if !strings.Contains(errs, s) {
				t.Errorf("%s: it says %q, without %q", c.name, errs, s)
			}
		}
		if strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "cxx: ") {
			t.Errorf("%s: not one line: %q", c.name, errs)
		}
		for _, never := range []string{"goroutine", "panic", ".go:", "%!", "INTERNAL", "unrelated"} {
			if strings.Contains(errs, never) {
				t.Errorf("%s: %q stands in %q", c.name, never, errs)
			}
		}
	}
	if said["wrong password"] != said["unknown user"] {
		t.Errorf("one can tell who has an account:\n%s%s", said["wrong password"], said["unknown user"])
	}
	if code, out, errs := run(args(at.NAS, "alice@localhost", good, "send", "alice", "all is well")); code != 0 {
		t.Errorf("afterwards: %d %s%s", code, out, errs)
	}
	if _, out, _ := run(args(at.NAS, "alice@localhost", good, "history", "alice", "--json")); strings.Count(out, "\n") != 1 {
		t.Errorf("what was refused is in the history: %s", out)
	}
}
