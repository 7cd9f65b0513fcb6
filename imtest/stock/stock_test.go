package stock

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/internal/testenv/env"
)

// bound is how long one script may take.
const bound = 2 * time.Minute

// The scripts drive stock clients through what they do for their users.
func TestStockClients(t *testing.T) {
	python := os.Getenv(env.VarSlixmpp)
	if python == "" {
		t.Skipf("%s is not set, so slixmpp may be missing here; make test installs it", env.VarSlixmpp)
	}
	scripts, err := filepath.Glob("*.py")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("no scripts: %v", err)
	}
	environ := start(t)
	for _, name := range scripts {
		if strings.HasSuffix(name, "kit.py") { // what scripts share
			continue
		}
		t.Run(strings.TrimSuffix(name, ".py"), func(t *testing.T) {
			t.Parallel() // each has users of its own
			run(t, python, name, environ)
		})
	}
}

// start builds and starts a server, and says to the scripts where it is.
func start(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "../../cmd/cxxd", "../../cmd/cxx")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	data := filepath.Join(dir, "data")
	log := filepath.Join(dir, "log")
	p, err := proc.Start(log, filepath.Join(dir, "cxxd"), append([]string{"serve", "--data", data, "--set"}, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		text, _ := os.ReadFile(log)
		if t.Failed() {
			t.Logf("the server's log:\n%s", text)
		}
		if bytes.Contains(text, []byte("panic")) {
			t.Errorf("the server panicked:\n%s", text)
		}
	})
	return append(
		os.Environ(), "XMPP="+p.Ready["xmpp"], "XMPPS="+p.Ready["xmpps"], "HTTP="+p.Ready["http"], "NAS="+p.Ready["nas"],
		"CA="+filepath.Join(data, "ca.pem"), "CXX="+filepath.Join(dir, "cxx"), "DIR="+dir, "DOMAIN=localhost", "PYTHONDONTWRITEBYTECODE=1",
	)
}

var settings = []string{
	"xmpp.domain=localhost", "xmpp.registration=true", "server.test_mode=true",
	"xmpp.listen=127.0.0.1:0", "xmpp.tls_listen=127.0.0.1:0", "nas.listen=127.0.0.1:0", "cxx.listen=127.0.0.1:0",
	"http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0", "log.level=debug",
}

func run(t *testing.T, python, script string, environ []string) {
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, script)
	cmd.Env = environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("PASS ")) {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	t.Logf("%s", out)
}
