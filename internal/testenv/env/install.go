package env

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// ErrNoRights says that packages are missing and this user may not install
// them.
var ErrNoRights = errors.New("missing packages")

// needs names the Debian packages and the programs that show their presence.
// The core packages carry the servers alone and start no system service.
var needs = []struct {
	packages []string
	programs []string // any of them
}{
	{[]string{"mariadb-server-core"}, []string{"mariadbd", "mysqld"}},
	{[]string{"mariadb-server-core"}, []string{"mariadb-install-db", "mysql_install_db"}},
	{[]string{"mariadb-client-core"}, []string{"mariadb", "mysql"}},
	{[]string{"redis-tools"}, []string{"redis-server", "valkey-server", "redis-check-rdb"}},
	{[]string{"gcc", "libc6-dev"}, []string{"gcc"}}, // for the race detector
}

// Missing returns the packages whose programs this machine lacks.
func Missing() []string {
	var all []string
	seen := map[string]bool{}
	for _, n := range needs {
		if _, err := program(n.programs...); err == nil {
			continue
		}
		for _, p := range n.packages {
			if !seen[p] {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	return all
}

// Install installs what Missing names, saying so on out. Without root and
// without sudo it answers ErrNoRights with the command to run.
func Install(packages []string, out io.Writer) error {
	if len(packages) == 0 {
		return nil
	}
	line := "apt-get install --no-install-recommends " + strings.Join(packages, " ")
	prefix, ok := asRoot()
	if !ok {
		return fmt.Errorf("%w: the tests need %s, and this user can neither install packages nor sudo without a password; as root run: apt-get update && %s",
			ErrNoRights, strings.Join(packages, ", "), line)
	}
	fmt.Fprintln(out, "testenv: installing", strings.Join(packages, " "))
	for _, args := range [][]string{
		{"apt-get", "update", "-q"},
		append([]string{"apt-get", "install", "-q", "-y", "--no-install-recommends"}, packages...),
	} {
		var log bytes.Buffer
		full := append(append(prefix, "env", "DEBIAN_FRONTEND=noninteractive"), args...)
		cmd := exec.Command(full[0], full[1:]...)
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("env: %s: %w:\n%s", strings.Join(args, " "), err, log.String())
		}
	}
	return nil
}

// asRoot returns the words before a command that needs root. They wrap apt
// alone: sudo's own PATH hides Go.
func asRoot() (prefix []string, ok bool) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, false
	}
	if os.Geteuid() == 0 {
		return nil, true
	}
	if exec.Command("sudo", "-n", "true").Run() == nil {
		return []string{"sudo", "-n"}, true
	}
	return nil, false
}
