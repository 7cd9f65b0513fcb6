package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of bad input run cxxd as a process, because its exit code and what
// stands on its standard error are what they are about. The process is this test
// binary, which is cxxd when beCXXD is set: nothing has to be built, and the
// race detector watches it too.
const beCXXD = "CXXD_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(beCXXD) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// result is how a command ended.
type result struct {
	code     int
	out, err string
}

type commandOption func(*exec.Cmd)

// asNobody runs a copy of the program as a user who may write nothing of the
// test's.
func asNobody(exe string) commandOption {
	return func(c *exec.Cmd) {
		c.Path, c.Dir = exe, "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// in sets the working directory.
func in(dir string) commandOption { return func(c *exec.Cmd) { c.Dir = dir } }

func stdin(text string) commandOption {
	return func(c *exec.Cmd) { c.Stdin = strings.NewReader(text) }
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), beCXXD+"=1", "GORACE=atexit_sleep_ms=0")
	return c
}

// cxxd runs a command to its end.
func cxxd(t *testing.T, args []string, opts ...commandOption) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := command(ctx, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	for _, o := range opts {
		o(c)
	}
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cxxd %v: %v", args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("cxxd %v did not end; it said\n%s%s", args, &out, &errs)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// refused wants a command to end with code 1, a sentence that has all the given
// parts, and nothing that only a programmer understands.
func refused(t *testing.T, r result, parts ...string) {
	t.Helper()
	if r.code != 1 {
		t.Errorf("exit code %d, want 1:\n%s", r.code, r.err)
	}
	said := complaint(r.err)
	if said == "" {
		t.Fatalf("no sentence after \"cxxd: \" on standard error:\n%s", r.err)
	}
	for _, p := range parts {
		if !strings.Contains(said, p) {
			t.Errorf("it says\n\t%s\nwithout %q", said, p)
		}
	}
	plainWords(t, r.out+r.err)
}

// plainWords fails on traces of the program's inside.
func plainWords(t *testing.T, text string) {
	t.Helper()
	for _, never := range []string{
		"goroutine ", "panic:", ".go:", "%!", "<nil>", "struct field", "runtime error", "0xc0", "DATA RACE", "INTERNAL",
	} {
		if strings.Contains(text, never) {
			t.Errorf("%q stands in\n%s", never, text)
		}
	}
}

// complaint is what a command says from its line "cxxd: " on.
func complaint(stderr string) string {
	if said, ok := strings.CutPrefix(stderr, "cxxd: "); ok {
		return said
	}
	_, said, _ := strings.Cut(stderr, "\ncxxd: ")
	return said
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// anyPort are the settings that keep a server off ports that others may have.
var anyPort = []string{
	"--set", "nas.listen=127.0.0.1:0", "--set", "cxx.listen=127.0.0.1:0",
	"--set", "xmpp.listen=127.0.0.1:0", "--set", "xmpp.tls_listen=127.0.0.1:0",
	"--set", "http.listen=127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0",
}

// serveArgs are those of a server on a data directory.
func serveArgs(dir string, more ...string) []string {
	return append(append([]string{"serve", "--data", dir}, anyPort...), more...)
}

// server is a running cxxd.
type server struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	addrs map[string]string // of the line "ready"
	ended chan struct{}     // closed when the process has ended

	mu    sync.Mutex
	log   strings.Builder // guarded by mu
	heard chan struct{}   // guarded by mu: closed and replaced at each line of the log
}

// start starts a server that is ended with the test.
func start(t *testing.T, args []string) *server {
	t.Helper()
	s := &server{t: t, dir: args[2], cmd: command(t.Context(), args...), addrs: make(map[string]string), ended: make(chan struct{}), heard: make(chan struct{})}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		ready <- line
		_, _ = io.Copy(io.Discard, r)
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		plainWords(t, s.said())
	})
	words := strings.Fields(<-ready)
	if len(words) == 0 || words[0] != "ready" {
		<-s.ended
		t.Fatalf("cxxd %v did not get ready; it said\n%s", args, s.said())
	}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		s.addrs[key] = value
	}
	return s
}

// Write takes the server's log.
func (s *server) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.heard)
	s.heard = make(chan struct{})
	return s.log.Write(b)
}

func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// logs waits until the log has a text.
func (s *server) logs(text string) {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		have, heard := strings.Contains(s.log.String(), text), s.heard
		s.mu.Unlock()
		if have {
			return
		}
		select {
		case <-heard:
		case <-late:
			s.t.Fatalf("the log does not have %q:\n%s", text, s.said())
		}
	}
}

func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the server as an operator does, and returns how long that took.
func (s *server) stop() time.Duration {
	s.t.Helper()
	begin := time.Now()
	s.signal(os.Interrupt)
	s.wantEnd()
	return time.Since(begin)
}

// wantEnd waits for the end of the server, which must be a clean one.
func (s *server) wantEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server did not end:\n%s", s.said())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the server ended with %d:\n%s", code, s.said())
	}
}

// used returns a data directory on which a server has run, with alice in it.
func used(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	start(t, serveArgs(dir)).stop()
	return dir
}

const goodPassword = "a few unrelated words"

func addUser(t *testing.T, dir, addr string) {
	t.Helper()
	r := cxxd(t, []string{"user", "add", addr, "--password-file", "-", "--data", dir}, stdin(goodPassword+"\n"))
	if r.code != 0 || !strings.Contains(r.out, "made "+addr) {
		t.Fatalf("user add: %+v", r)
	}
}

// users lists the accounts of a data directory.
func users(t *testing.T, dir string) string {
	t.Helper()
	r := cxxd(t, []string{"user", "list", "--data", dir})
	if r.code != 0 {
		t.Fatalf("user list: %+v", r)
	}
	var all []string
	for _, f := range strings.Fields(r.out) {
		if strings.Contains(f, "@") {
			all = append(all, f)
		}
	}
	return strings.Join(all, " ")
}

// content is all that a directory holds, by path, to see whether a failed start
// has changed anything. Lock files are passed over.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || strings.HasSuffix(path, "lock") {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// unchanged runs f and wants a directory to be the same afterwards.
func unchanged(t *testing.T, dir string, f func()) {
	t.Helper()
	before := content(t, dir)
	f()
	after := content(t, dir)
	for path, text := range before {
		if got, ok := after[path]; !ok || got != text {
			t.Errorf("%s was changed (%d bytes before, %d after)", path, len(text), len(got))
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			t.Errorf("%s was made", path)
		}
	}
}
