package env

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Server is one child process that serves a port on 127.0.0.1 and keeps its
// data in a directory, so that it can be killed and started again. Its methods
// may be called from any goroutine, but not Start and Stop at the same time.
type Server struct {
	name  string
	dir   string
	addr  string
	build func() *exec.Cmd
	ready func() error // nil once the server answers
	log   string

	mu      sync.Mutex    // guards process and ended
	process *os.Process   // nil: not running
	ended   chan struct{} // closed when process has been waited for
}

// startTimeout is generous: a machine may be busy compiling meanwhile.
const startTimeout = 90 * time.Second

// Addr returns host:port; it stays the same over restarts.
func (s *Server) Addr() string { return s.addr }

// Dir returns the directory with the server's data and log.
func (s *Server) Dir() string { return s.dir }

// Pid returns the process id, or zero when the server is not running.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.Pid
}

// Start starts the server on the data it has and returns when it answers.
func (s *Server) Start() error {
	if s.Pid() != 0 {
		return fmt.Errorf("env: %s is running already", s.name)
	}
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		return fmt.Errorf("env: start %s: %w", s.name, err)
	}
	if err := s.await(); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// run starts the process and waits for its end. It keeps its thread for that
// long, because the kernel kills the child when the thread that started it
// ends (Pdeathsig), and Go ends threads as it likes.
func (s *Server) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := s.build()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		started <- err
		return
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	ended := make(chan struct{})
	s.mu.Lock()
	s.process, s.ended = cmd.Process, ended
	s.mu.Unlock()
	started <- nil
	_ = cmd.Wait() // how it ended is in its log
	s.mu.Lock()
	s.process = nil
	s.mu.Unlock()
	close(ended)
}

func (s *Server) await() error {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = s.ready(); last == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("env: %s ended while starting; its log says:\n%s", s.name, s.tail())
		case <-deadline.C:
			return fmt.Errorf("env: %s did not answer in %v: %w; its log says:\n%s", s.name, startTimeout, last, s.tail())
		case <-tick.C:
		}
	}
}

// Stop ends the server in good order (SIGTERM), or by force after 30 s. It
// returns when the process is gone; stopping a stopped server does nothing.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a power cut would (SIGKILL); its data stays.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Signal sends sig to the server, for instance SIGSTOP and SIGCONT.
func (s *Server) Signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("env: %s is not running", s.name)
	}
	return s.process.Signal(sig)
}

func (s *Server) end(sig syscall.Signal) {
	s.mu.Lock()
	process, ended := s.process, s.ended
	s.mu.Unlock()
	if process == nil {
		return
	}
	if err := process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = process.Kill()
	}
	force := time.AfterFunc(30*time.Second, func() { _ = process.Kill() })
	defer force.Stop()
	<-ended
}

// tail returns the end of the log.
func (s *Server) tail() string {
	data, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	const most = 4096
	return string(data[max(0, len(data)-most):])
}

// program finds an executable, also where Debian keeps servers and an
// ordinary user's PATH does not look.
func program(names ...string) (string, error) {
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return filepath.Abs(p)
		}
		for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"} {
			if p, err := exec.LookPath(filepath.Join(dir, n)); err == nil {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("env: no program %s on this machine", names[0])
}
