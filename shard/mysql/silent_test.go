package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard/mysql"
	"github.com/cxx-im/cxx/shard/schema"
)

// A node that stands still in the middle of a transaction must not hold up the
// others for longer than they are willing to wait for a lock.
func TestASilentTransactionLosesItsLocks(t *testing.T) {
	dsn := freshDatabase(t)
	open := func() *mysql.DB {
		db, err := mysql.Open(mysql.Options{DSN: config.Secret(dsn), Readers: 1, Timeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	lock := func(db *mysql.DB) schema.Tx {
		tx, err := db.Begin(t.Context(), schema.Mark{})
		if err == nil {
			_, err = tx.Exec(t.Context(), "UPDATE held SET n = n + 1")
		}
		if err != nil {
			t.Fatalf("locking a row: %v", err)
		}
		t.Cleanup(tx.Rollback)
		return tx
	}
	silent := lock(open())
	lock(open()) // waits until the server has ended the first
	if err := silent.Commit(context.WithoutCancel(t.Context()), &schema.Batch{}); err == nil {
		t.Error("a transaction was committed whose locks the server had taken away")
	}
}

func freshDatabase(t *testing.T) string {
	t.Helper()
	server := os.Getenv("CXX_TEST_MYSQL")
	if server == "" {
		t.Skip("CXX_TEST_MYSQL is not set; make test starts a server and sets it")
	}
	cfg, err := driver.ParseDSN(server)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", server)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = fmt.Sprintf("silent_%d", time.Now().UnixNano())
	t.Cleanup(func() {
		db.Exec("DROP DATABASE " + cfg.DBName)
		db.Close()
	})
	for _, q := range []string{
		"CREATE DATABASE " + cfg.DBName,
		"CREATE TABLE " + cfg.DBName + ".held (n INT NOT NULL) ENGINE=InnoDB",
		"INSERT INTO " + cfg.DBName + ".held VALUES (0)",
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return cfg.FormatDSN()
}
