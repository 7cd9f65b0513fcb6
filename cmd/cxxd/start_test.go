package main

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// A port that somebody has: which, and which key moves it.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"nas.listen", "cxx.listen", "xmpp.listen", "xmpp.tls_listen", "http.listen", "admin.listen"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			addr := ln.Addr().String()
			dir := filepath.Join(t.TempDir(), "data")
			r := cxxd(t, serveArgs(dir, "--set", key+"="+addr))
			refused(t, r, addr, "choose another address", key)
			if r.out != "" {
				t.Errorf("it said %q before it failed", r.out)
			}
			// What the failed start has made serves the next one.
			start(t, serveArgs(dir)).stop()
		})
	}
	for _, key := range []string{"nas.listen", "cxx.listen", "xmpp.listen"} {
		refused(t, cxxd(t, serveArgs(filepath.Join(t.TempDir(), "d"), "--set", key+"=192.0.2.1:1")), "192.0.2.1:1", "choose another address", key)
		refused(t, cxxd(t, serveArgs(filepath.Join(t.TempDir(), "d"), "--set", key+"=127.0.0.1:99999")), "99999", "choose another address", key)
	}
}

// Files with secrets that others can read, or that are damaged.
func TestBadKeyFiles(t *testing.T) {
	t.Parallel()
	dir := used(t)
	for _, name := range []string{"secret/seal.key", "secret/admin.token", "tls/server.key", "ticket/private.pem", "ca.key"} {
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		says := []string{path, "mode 0644", "run: chmod 600 " + path}
		unchanged(t, dir, func() {
			refused(t, cxxd(t, serveArgs(dir)), says...)
			refused(t, cxxd(t, []string{"check", "--data", dir}), says...)
		})
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, says := range map[string]string{
		"secret/seal.key":    "line 1 is neither",
		"tls/server.pem":     "restore",
		"tls/server.key":     "restore both files, or remove both",
		"ticket/private.pem": "restore the file, or remove it",
		"ticket/public.pem":  "must hold public keys",
		"ca.pem":             "restore the file",
	} {
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, "garbage\n")
		unchanged(t, dir, func() { refused(t, cxxd(t, serveArgs(dir)), path, says) })
		write(t, dir, name, string(good))
	}
	ca := filepath.Join(dir, "ca.pem")
	good, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	// Without the authority the certificate is one that somebody has put there.
	start(t, serveArgs(dir)).stop()
	if err := os.Remove(filepath.Join(dir, "tls", "server.pem")); err != nil {
		t.Fatal(err)
	}
	unchanged(t, dir, func() { refused(t, cxxd(t, serveArgs(dir)), ca, "is missing", "restore it, or remove the key too") })
	write(t, dir, "ca.pem", string(good))
	seal := filepath.Join(dir, "secret", "seal.key")
	if good, err = os.ReadFile(seal); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(seal); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{serveArgs(dir), {"user", "list", "--data", dir}} {
		refused(t, cxxd(t, args), seal, "is missing", "restore it from your backup")
	}
	if _, err := os.Stat(seal); err == nil {
		t.Error("a new seal key was made over accounts that it does not fit")
	}
	write(t, dir, "secret/seal.key", string(good))
	if got := users(t, dir); got != "alice@localhost" {
		t.Errorf("after all that the users are %q", got)
	}
	refused(t, cxxd(t, serveArgs(dir, "--set", "tls.cert=x.pem", "--set", "tls.key=y.key")), "tls.cert and tls.key", "y.key: no such file")
}

// A data directory that cannot be used.
func TestBadDataDirectory(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "file", "not a directory")
	says := []string{file, "--data"}
	refused(t, cxxd(t, serveArgs(file)), says...)
	refused(t, cxxd(t, serveArgs(filepath.Join(file, "below"))), says...)
	for _, args := range [][]string{{"check"}, {"user", "list"}, {"status"}} {
		refused(t, cxxd(t, append(args, "--data", file)), says...)
	}
	if os.Getuid() != 0 {
		t.Skip("the rest needs a second user; run as root")
	}
	// Directories of the test are closed to others; this one is for all to see.
	base, err := os.MkdirTemp("", "cxxd-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	foreign := filepath.Join(base, "data")
	for _, d := range []string{base, foreign} {
		_ = os.Mkdir(d, 0o755)
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(base, "cxxd")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(self); err != nil || os.WriteFile(exe, b, 0o755) != nil {
		t.Fatal("the program could not be copied to where another user can run it")
	}
	says = []string{foreign, "cannot be written by this user", "--data"}
	for _, args := range [][]string{serveArgs(foreign), {"check", "--data", foreign}, {"user", "list", "--data", foreign}} {
		refused(t, cxxd(t, args, asNobody(exe)), says...)
	}
	refused(t, cxxd(t, serveArgs(filepath.Join(foreign, "new")), asNobody(exe)), "cannot be made", "--data")
	if got, err := os.ReadDir(foreign); err != nil || len(got) > 0 {
		t.Errorf("%v %v", got, err)
	}
}

// Two servers on one data directory, and a command beside a server without an
// admin listener.
func TestDataDirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	first := start(t, serveArgs(dir, "--set", "admin.listen="))
	pid := fmt.Sprint("process ", first.cmd.Process.Pid)
	unchanged(t, filepath.Join(dir, "secret"), func() {
		refused(t, cxxd(t, serveArgs(dir)), dir, "is in use by "+pid, "stop that process", "--data")
		refused(t, cxxd(t, []string{"user", "list", "--data", dir}), "is in use by "+pid)
		refused(t, cxxd(t, []string{"check", "--data", dir}), "is in use by "+pid)
	})
	first.stop()

	// A server that was killed leaves a run file; it is not taken for a running one.
	second := start(t, serveArgs(dir))
	if got := users(t, dir); got != "alice@localhost" {
		t.Errorf("the users are %q", got)
	}
	if err := second.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-second.ended
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil {
		t.Error(err)
	}
	impostor, err := net.Listen("tcp", second.addrs["admin"])
	if err != nil {
		t.Fatal(err)
	}
	defer impostor.Close()
	if got := users(t, dir); got != "alice@localhost" {
		t.Errorf("the users are %q", got)
	}
	refused(t, cxxd(t, []string{"status", "--data", dir}), "no server is running")
	start(t, serveArgs(dir)).stop()
}

// A database that is newer than the program, and files that are no database.
func TestBadDatabase(t *testing.T) {
	t.Parallel()
	dir := used(t)
	file := filepath.Join(dir, "zone1.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO schema_version (version, name, applied) VALUES (999, 'from the future', 0)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	says := []string{file, "has schema 999", "this program knows", "newer release"}
	unchanged(t, dir, func() {
		refused(t, cxxd(t, serveArgs(dir)), says...)
		refused(t, cxxd(t, []string{"check", "--data", dir}), says...)
		refused(t, cxxd(t, []string{"user", "list", "--data", dir}), says...)
		refused(t, cxxd(t, []string{"user", "add", "bob@localhost", "--password-file", "-", "--data", dir}, stdin(goodPassword)), says...)
	})
	write(t, dir, "zone1.db", strings.Repeat("this is no database. ", 1000))
	unchanged(t, dir, func() {
		says := []string{file, "is not a database", "restore it from a backup"}
		refused(t, cxxd(t, serveArgs(dir)), says...)
		refused(t, cxxd(t, []string{"check", "--data", dir}), says...)
	})
	// Another map of zones than the one that is stored.
	other := used(t)
	zones := write(t, t.TempDir(), "zones.toml", `
[[storage.zone]]
id = 1
driver = "sqlite"
path = "zone1.db"
slots = "0-8191"

[[storage.zone]]
id = 2
driver = "sqlite"
path = "zone2.db"
slots = "8192-16383"
`)
	file = filepath.Join(other, "zone1.db")
	before := content(t, other)[file]
	refused(t, cxxd(t, serveArgs(other, "--config", zones)), "zone 1", "slots")
	if content(t, other)[file] != before {
		t.Error("the refused start has changed the database")
	}
	if got := users(t, other); got != "alice@localhost" {
		t.Errorf("the users are %q", got)
	}
}

// Databases that are not there. Where there is a server, mysql_test.go has the
// rest.
func TestDatabaseUnreachable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dsn  string
		says []string
	}{
		{"cxx:top-secret@tcp(127.0.0.1:1)/cxx", []string{"zone 1", "cxx at 127.0.0.1:1", "see that the server runs"}},
		{"cxx:top-secret@tcp(127.0.0.1:1)/", []string{"zone 1", "names no database", "user:password@tcp(host:3306)/database"}},
		{"cxx:top-secret@nonsense", []string{"zone 1", "the dsn is not of the form", "user:password@tcp(host:3306)/database"}},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		set := []string{"--set", fmt.Sprintf("storage.zone=[{id = 1, driver = \"mysql\", dsn = %q, slots = \"0-16383\"}]", c.dsn)}
		for _, args := range [][]string{serveArgs(dir), {"check", "--data", dir}, {"user", "list", "--data", dir}} {
			r := cxxd(t, append(args, set...))
			refused(t, r, c.says...)
			if strings.Contains(r.out+r.err, "top-secret") {
				t.Errorf("the password is shown:\n%s%s", r.out, r.err)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	set := []string{"--set", `storage.zone=[{id = 1, driver = "mysql", dsn_file = "dsn", slots = "0-16383"}]`}
	refused(t, cxxd(t, serveArgs(dir, set...)), "dsn_file", "no such file")
	file := write(t, dir, "dsn", "x")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, cxxd(t, serveArgs(dir, set...)), file, "mode 0644", "chmod 600")
}

// Processes of a cell without Redis or without their keys. They make none of
// their own, which would be in the way of the right ones.
func TestCellWithoutItsParts(t *testing.T) {
	t.Parallel()
	redis := []string{"--set", "redis.addr=127.0.0.1:1"}
	for _, c := range []struct {
		role string
		more []string
		says []string
	}{
		{"acs", nil, []string{"redis.addr is empty", "host:port", "cxxd serve"}},
		{"nas", nil, []string{"redis.addr is empty", "host:port", "cxxd serve"}},
		{"acs", redis, []string{"tls/server.pem", "secret/seal.key", "ticket/public.pem", "mesh/node-1.pem", "cxxd keygen"}},
		{"nas", redis, []string{"tls/server.pem", "ticket/private.pem", "cxxd keygen"}},
		{"serve", redis, []string{"secret/seal.key", "mesh/node-1.pem", "cxxd keygen"}},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		args := append([]string{c.role}, serveArgs(dir, c.more...)[1:]...)
		refused(t, cxxd(t, args), c.says...)
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s made something: %v", c.role, content(t, dir))
		}
	}
	keys := filepath.Join(t.TempDir(), "keys")
	if r := cxxd(t, []string{"keygen", "--out", keys, "--nodes", "1,2"}); r.code != 0 {
		t.Fatal(r.err)
	}
	unchanged(t, keys, func() {
		r := cxxd(t, append([]string{"check", "--data", keys}, redis...))
		refused(t, r, "127.0.0.1:1", "redis.addr")
		// This is node 3, and there are keys for 1 and 2.
		args := append([]string{"acs"}, serveArgs(keys, redis...)[1:]...)
		refused(t, cxxd(t, append(args, "--set", "server.node=3")), "mesh/node-3.pem", "identifies node 3", "cxxd keygen")
	})
	refused(t, cxxd(t, []string{"keygen", "--out", keys, "--nodes", "0"}), "node 0", "choose 1 to 1023")
	refused(t, cxxd(t, []string{"keygen", "--out", keys, "--nodes", "2,2"}), "node 2 is named twice")
	refused(t, cxxd(t, []string{"keygen", "--out", keys, "--host", "a:1"}), `"a:1"`, "without a port")
}
