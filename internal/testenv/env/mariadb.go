package env

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// MariaDB is a private MariaDB server. It syncs the log at every commit, as
// production does; everything else is small, so that it starts in a second.
type MariaDB struct {
	*Server
	socket string
}

// StartMariaDB makes a server with its data in dir and starts it. A dir that
// holds data from before is used as it is. Paths of sockets are short: so has
// dir to be (some 80 bytes).
func StartMariaDB(dir string) (*MariaDB, error) {
	daemon, err := program("mariadbd", "mysqld")
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("env: who runs this: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := installMariaDB(dir, data, me.Username); err != nil {
		return nil, err
	}
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	m := &MariaDB{socket: filepath.Join(dir, "sock")}
	_, port, _ := net.SplitHostPort(addr)
	m.Server = &Server{
		name: "mariadb", dir: dir, addr: addr, log: filepath.Join(dir, "log"), ready: m.ping,
		build: func() *exec.Cmd {
			return exec.Command(daemon, "--no-defaults", "--user="+me.Username, "--datadir="+data, "--tmpdir="+dir,
				"--socket="+m.socket, "--pid-file="+filepath.Join(dir, "pid"), "--bind-address=127.0.0.1", "--port="+port,
				"--skip-log-bin", "--skip-name-resolve", "--max-connections=500", "--character-set-server=utf8mb4",
				"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=64M",
				"--performance-schema=OFF", "--aria-pagecache-buffer-size=8M", "--key-buffer-size=1M")
		},
	}
	return m, m.Start()
}

// installMariaDB makes the system tables, once. A root account without a
// password is all right: the socket lies in a private directory, and the port
// is on loopback for as long as a test runs.
func installMariaDB(dir, data, as string) error {
	if _, err := os.Stat(filepath.Join(data, "mysql")); err == nil {
		return nil
	}
	install, err := program("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("env: mariadb: %w", err)
	}
	var out bytes.Buffer
	// A server that starts removes what it takes for left-overs in tmpdir: two
	// that share one break each other's installation.
	cmd := exec.Command(install, "--no-defaults", "--user="+as, "--datadir="+data, "--tmpdir="+dir, "--skip-test-db",
		"--auth-root-authentication-method=normal", "--innodb-log-file-size=64M", "--innodb-buffer-pool-size=32M")
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, dir
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("env: mariadb-install-db: %w:\n%s", err, out.String())
	}
	return nil
}

// DSN returns the server's data source name for go-sql-driver, without a
// database: root@unix(…)/
func (m *MariaDB) DSN() string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "unix", m.socket
	return c.FormatDSN()
}

// TCP returns the same over the port, for tests that put a proxy in between.
func (m *MariaDB) TCP() string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "tcp", m.addr
	return c.FormatDSN()
}

func (m *MariaDB) ping() error {
	db, err := sql.Open("mysql", m.DSN()+"?timeout=1s&readTimeout=1s")
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

// CreateDatabase makes a database, if there is none of that name, and returns
// the data source name with it.
func (m *MariaDB) CreateDatabase(name string) (dsn string, err error) {
	db, err := sql.Open("mysql", m.DSN())
	if err != nil {
		return "", fmt.Errorf("env: mariadb: %w", err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE IF NOT EXISTS `" + strings.ReplaceAll(name, "`", "``") + "` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", fmt.Errorf("env: mariadb: create database %s: %w", name, err)
	}
	return m.DSN() + name, nil
}
