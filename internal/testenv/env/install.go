package env

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// ErrNoRights says that packages are missing and this user cannot install them.
var ErrNoRights = errors.New("packages are missing")

// needs names the Debian packages and the programs that show their presence.
// The core packages carry the servers alone and start no system service.
var needs = []struct {
	packages []string
	programs []string // any of them
	module   string   // or one that Python can import
}{
	{[]string{"mariadb-server-core"}, []string{"mariadbd", "mysqld"}, ""},
	{[]string{"mariadb-server-core"}, []string{"mariadb-install-db", "mysql_install_db"}, ""},
	{[]string{"mariadb-client-core"}, []string{"mariadb", "mysql"}, ""},
	{[]string{"redis-tools"}, []string{"redis-server", "valkey-server", "redis-check-rdb"}, ""},
	{[]string{"gcc", "libc6-dev"}, []string{"gcc"}, ""}, // for the race detector
	{[]string{"python3-slixmpp"}, nil, "slixmpp"},       // a stock XMPP client
}

// pythonWith finds a Python that has a module: the one on the PATH, or Debian's,
// which alone sees Debian's packages. Empty: there is none.
func pythonWith(module string) string {
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import "+module).Run() == nil {
			return p
		}
	}
	return ""
}

// Missing returns the packages whose programs this machine lacks.
func Missing() []string {
	var all []string
	seen := map[string]bool{}
	for _, n := range needs {
		if n.module != "" && pythonWith(n.module) != "" {
			continue
		}
		if _, err := program(n.programs...); n.module == "" && err == nil {
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

// Install installs what Missing names, saying so on out. Where it cannot, for
// want of root, sudo or apt, it answers ErrNoRights with what to do.
func Install(packages []string, out io.Writer) error {
	if len(packages) == 0 {
		return nil
	}
	line := "apt-get install --no-install-recommends " + strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: install what Debian calls %s, so that the programs are on the PATH", ErrNoRights, strings.Join(packages, ", "))
	}
	prefix, ok := asRoot()
	if !ok {
		return fmt.Errorf("%w, which this user may not install; run as root: apt-get update && %s", ErrNoRights, line)
	}
	fmt.Fprintln(out, "installing", strings.Join(packages, " "))
	var log bytes.Buffer
	apt := func(args ...string) error {
		full := slices.Concat(prefix, []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get"}, args)
		cmd := exec.Command(full[0], full[1:]...)
		cmd.Stdout, cmd.Stderr = &log, &log
		return cmd.Run()
	}
	// An update fails over any broken source; what we need may be there still.
	_ = apt("update", "-q")
	if err := apt(append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)...); err != nil {
		return fmt.Errorf("env: %s: %w; apt said:\n%s", line, err, log.String())
	}
	return nil
}

// asRoot returns the words before a command that needs root. They wrap apt
// alone: sudo's own PATH hides Go.
func asRoot() (prefix []string, ok bool) {
	if os.Geteuid() == 0 {
		return nil, true
	}
	if exec.Command("sudo", "-n", "true").Run() == nil {
		return []string{"sudo", "-n"}, true
	}
	return nil, false
}
