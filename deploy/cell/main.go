// Command cell runs a whole cell on this machine from the binaries in bin/: two
// NAS, three ACS, two zones on MariaDB, Redis. `make cluster` calls it; the
// configuration is that of docker-compose.yml with other addresses. Everything
// ends on Ctrl-C, and the data with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/cxx-im/cxx/internal/testenv/env"
)

func main() {
	dir := flag.String("dir", ".cluster", "directory for keys and logs; it is emptied first")
	bin := flag.String("bin", "bin", "directory with cxxd and cxx")
	nodes := flag.Int("acs", 3, "number of ACS")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	runtime.LockOSThread() // children die with the thread that started them, see start
	if err := run(ctx, *dir, *bin, *nodes); err != nil {
		fmt.Fprintln(os.Stderr, "cell:", err)
		if errors.Is(err, env.ErrNoRights) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, bin string, nodes int) error {
	if err := env.Install(missing(), os.Stderr); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o700); err != nil {
		return err
	}
	c := &cell{dir: dir, cxxd: filepath.Join(bin, "cxxd"), ended: make(chan error)}
	defer c.stop()
	if err := c.startServers(); err != nil {
		return err
	}
	if err := c.keygen(nodes); err != nil {
		return err
	}
	for n := 1; n <= nodes; n++ {
		if err := c.startRole(ctx, "acs", n, keysACS, c.acs(n)); err != nil {
			return err
		}
	}
	for n := 1; n <= 2; n++ {
		if err := c.startRole(ctx, "nas", n, keysNAS, c.nas(n)); err != nil {
			return err
		}
	}
	c.explain(bin)
	return c.watch(ctx)
}

// watch returns when somebody wants the cell to end, or all of it has ended.
// The rest goes on when a process dies: killing one is what a cell is for.
func (c *cell) watch(ctx context.Context) error {
	for range c.processes {
		select {
		case <-ctx.Done():
			fmt.Println("stopping")
			return nil
		case err := <-c.ended:
			fmt.Printf("%v; the others go on\n", err)
		}
	}
	return errors.New("no process is left")
}

// missing leaves out what only the race detector needs.
func missing() []string {
	var all []string
	for _, p := range env.Missing() {
		if p != "gcc" && p != "libc6-dev" {
			all = append(all, p)
		}
	}
	return all
}

// Ports: NAS from 5200, C-XX from 5211, XMPP from 5222, over TLS from 5241, mesh
// from 5231, admin from 5290.
const (
	portNAS, portCXX, portMesh = 5200, 5210, 5230
	portXMPP, portXMPPS        = 5221, 5240
	portAdminACS, portAdminNAS = 5289, 5296
	loopback                   = "127.0.0.1:"
)

// startRole starts one process of the cell with its own data directory.
func (c *cell) startRole(ctx context.Context, role string, n int, keys, sets []string) error {
	name := fmt.Sprintf("%s%d", role, n)
	data, err := c.dataDir(name, n, keys)
	if err != nil {
		return err
	}
	args := []string{role, "--config", filepath.Join("deploy", "cell", role+".toml"), "--data", data, "--set"}
	return c.start(ctx, name, append(args, sets...)...)
}

func (c *cell) acs(n int) []string {
	return []string{
		fmt.Sprintf("server.node=%d", n), fmt.Sprintf("cxx.listen=%s%d", loopback, portCXX+n),
		fmt.Sprintf("xmpp.listen=%s%d", loopback, portXMPP+n), fmt.Sprintf("xmpp.tls_listen=%s%d", loopback, portXMPPS+n),
		fmt.Sprintf("mesh.listen=%s%d", loopback, portMesh+n), fmt.Sprintf("admin.listen=%s%d", loopback, portAdminACS+n),
		"redis.addr=" + c.redis.Addr(), "storage.zone=" + c.zones(),
	}
}

func (c *cell) nas(n int) []string {
	return []string{
		fmt.Sprintf("nas.listen=%s%d", loopback, portNAS+n-1), fmt.Sprintf("admin.listen=%s%d", loopback, portAdminNAS+n-1),
		"redis.addr=" + c.redis.Addr(),
	}
}

// zones is the value of storage.zone.
func (c *cell) zones() string {
	return fmt.Sprintf(`[{id = 1, driver = "mysql", dsn = %q, slots = "0-8191"}, {id = 2, driver = "mysql", dsn = %q, slots = "8192-16383"}]`,
		c.dsn[0], c.dsn[1])
}

func (c *cell) explain(bin string) {
	fmt.Printf(`
The cell runs; Ctrl-C ends it. Logs are in %[1]s/log. Kill what you like. In
other terminals:

  umask 077; printf 'not a secret' > %[1]s/password
  %[2]s/cxxd user add alice@localhost --data %[1]s/acs1 --password-file %[1]s/password
  %[2]s/cxxd user add bob@localhost --data %[1]s/acs2 --password-file %[1]s/password
  %[2]s/cxx --nas 127.0.0.1:5200 --ca %[1]s/keys/ca.pem --as alice@localhost --password-file %[1]s/password
  %[2]s/cxx --nas 127.0.0.1:5201 --ca %[1]s/keys/ca.pem --as bob@localhost --password-file %[1]s/password

XMPP clients log in at 127.0.0.1, port 5222, 5223 or 5224 (STARTTLS), one for each ACS.
`, c.dir, bin)
}
