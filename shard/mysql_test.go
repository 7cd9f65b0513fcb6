package shard_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
	_ "github.com/go-sql-driver/mysql"
)

// mysqlConfig makes n fresh databases on the server that CXX_TEST_MYSQL names,
// and removes them after the test.
func mysqlConfig(t testing.TB, n int) shard.Config {
	t.Helper()
	dsn := os.Getenv("CXX_TEST_MYSQL")
	if dsn == "" {
		t.Skip("CXX_TEST_MYSQL is not set; make test starts a MariaDB and sets it, or set it to a DSN without database such as root@unix(/run/mysqld/mysqld.sock)/")
	}
	admin, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	server, params, _ := strings.Cut(dsn, "?")
	cfg := patient()
	for i := range n {
		name := "cxx_test_" + strings.ToLower(rand.Text()[:12])
		if _, err := admin.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { admin.ExecContext(context.Background(), "DROP DATABASE "+name) })
		cfg.Zones = append(cfg.Zones, shard.ZoneConfig{
			ID: im.ZoneID(i + 1), Driver: "mysql", DSN: config.Secret(strings.TrimSuffix(server, "/") + "/" + name + "?" + params),
			Slots: slotsOf(i, n),
		})
	}
	return cfg
}
