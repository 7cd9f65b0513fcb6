package env

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func need(t *testing.T) string {
	t.Helper()
	if m := Missing(); len(m) > 0 {
		t.Skipf("packages %v are missing; make test installs them", m)
	}
	dir, err := os.MkdirTemp("", "cxx-env-") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func run(t *testing.T, dsn, statement string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestMariaDBKeepsItsDataOverAKill(t *testing.T) {
	m, err := StartMariaDB(need(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	addr := m.Addr()
	run(t, m.DSN(), "CREATE DATABASE kept")
	run(t, m.TCP(), "CREATE TABLE kept.t (a INT)")
	pid := m.Pid()
	m.Kill()
	if m.Pid() != 0 {
		t.Fatal("still has a process after Kill")
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Fatalf("process %d is still there: %v", pid, err)
	}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	run(t, m.DSN(), "INSERT INTO kept.t VALUES (1)")
	m.Stop()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(); err == nil {
		t.Error("started twice")
	}
	if m.Addr() != addr {
		t.Errorf("the address changed from %s to %s", addr, m.Addr())
	}
}

func TestRedisComesBackEmpty(t *testing.T) {
	r, err := StartRedis(need(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	r.Kill()
	if pingRedis(r.Addr()) == nil {
		t.Fatal("answers after Kill")
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := pingRedis(r.Addr()); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	r.Stop() // does nothing
	if err := r.Signal(syscall.SIGCONT); err == nil {
		t.Error("signalled a stopped server")
	}
}

func TestPairTellsWhereItIs(t *testing.T) {
	p, err := StartPair(need(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	got := strings.Join(p.Environ(), " ")
	for _, want := range []string{VarMySQL + "=root@unix(", VarMySQLPid + "=", VarRedis + "=127.0.0.1:"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

func TestAServerThatCannotStartShowsItsLog(t *testing.T) {
	dir := need(t)
	if err := os.MkdirAll(filepath.Join(dir, "data", "mysql"), 0o700); err != nil { // looks installed, is empty
		t.Fatal(err)
	}
	_, err := StartMariaDB(dir)
	if err == nil || !strings.Contains(err.Error(), "its log says") {
		t.Fatalf("got %v", err)
	}
}

func TestCreateDatabase(t *testing.T) {
	m, err := StartMariaDB(need(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	for range 2 {
		dsn, err := m.CreateDatabase("zone1")
		if err != nil {
			t.Fatal(err)
		}
		run(t, dsn, "CREATE TABLE IF NOT EXISTS t (a INT)")
	}
}
