package main

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A zone on MySQL or MariaDB that cannot be used: the sentence says which and
// what to do, and what is in it stays.
func TestBadMySQL(t *testing.T) {
	t.Parallel()
	dsn := os.Getenv("CXX_TEST_MYSQL")
	if dsn == "" {
		t.Skip("set CXX_TEST_MYSQL to the DSN of a server, such as root@unix(/run/mysqld/mysqld.sock)/; make test does")
	}
	server, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := "cxx_bad_" + strings.ToLower(rand.Text()[:10])
	exec := func(format string, args ...any) {
		t.Helper()
		if _, err := db.Exec(fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", name)
	defer exec("DROP DATABASE %s", name)
	zone := func(change func(*mysql.Config)) string {
		c := server.Clone()
		c.DBName = name
		change(c)
		return fmt.Sprintf("storage.zone=[{id = 1, driver = \"mysql\", dsn = %q, slots = \"0-16383\"}]", c.FormatDSN())
	}
	same := zone(func(*mysql.Config) {})
	dir := filepath.Join(t.TempDir(), "data")
	run := func(zone string, words ...string) result {
		t.Helper()
		return cxxd(t, append(words, "--data", dir, "--set", zone), stdin(goodPassword))
	}
	if r := run(same, "user", "add", "alice@localhost", "--password-file", "-"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	sums := func() (sum string) {
		t.Helper()
		for _, table := range []string{"account", "verifier", "device", "inbox", "zone_map", "zone_self", "schema_version"} {
			var what string
			var n sql.NullInt64
			if err := db.QueryRow("CHECKSUM TABLE "+name+"."+table).Scan(&what, &n); err != nil {
				t.Fatal(err)
			}
			sum += fmt.Sprint(table, "=", n.Int64, " ")
		}
		return sum
	}
	serve := append([]string{"serve"}, anyPort...)
	exec("INSERT INTO %s.schema_version (version, name, applied) VALUES (999, 'from the future', 0)", name)
	before := sums()
	for _, words := range [][]string{serve, {"check"}, {"user", "list"}, {"user", "add", "bob@localhost", "--password-file", "-"}} {
		refused(t, run(same, words...), "zone 1", name, "has schema 999", "newer release")
	}
	if after := sums(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	exec("DELETE FROM %s.schema_version WHERE version = 999", name)
	for _, c := range []struct {
		name   string
		change func(*mysql.Config)
		says   []string
	}{
		{"no such database", func(c *mysql.Config) { c.DBName = "cxx_not_there" }, []string{"cxx_not_there", "create the database"}},
		{"wrong user", func(c *mysql.Config) { c.User, c.Passwd = "cxx_not_there", "top-secret" }, []string{name, "the dsn"}},
		{"no server", func(c *mysql.Config) { c.Net, c.Addr = "unix", filepath.Join(dir, "none.sock") }, []string{"none.sock", "see that the server runs"}},
	} {
		for _, words := range [][]string{serve, {"check"}} {
			r := run(zone(c.change), words...)
			refused(t, r, append(c.says, "zone 1")...)
			if strings.Contains(r.out+r.err, "top-secret") {
				t.Errorf("%s: the password is shown: %s", c.name, r.err)
			}
			t.Logf("%s: %s", c.name, complaint(r.err))
		}
	}
	// Two processes on one data directory are refused also where the database
	// would let both in.
	args := append(serveArgs(dir), "--set", same)
	first := start(t, args)
	refused(t, cxxd(t, args), dir, "is in use by process")
	first.stop()
	// Another data directory has another seal key, which would fit no password.
	elsewhere := filepath.Join(t.TempDir(), "data")
	for _, words := range [][]string{serveArgs(elsewhere), {"user", "add", "bob@localhost", "--password-file", "-", "--data", elsewhere}} {
		refused(t, cxxd(t, append(words, "--set", same), stdin(goodPassword)), "secret/seal.key", "is missing", "restore it from your backup", "--data")
	}
	if r := run(same, "user", "list"); r.code != 0 || !strings.Contains(r.out, "alice@localhost") {
		t.Errorf("%+v", r)
	}
}
