package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cxx-im/cxx/internal/testenv/env"
)

// cell is what runs. It is used by one goroutine.
type cell struct {
	dir, cxxd string
	servers   string // directory of the databases
	maria     [2]*env.MariaDB
	dsn       [2]string
	redis     *env.Redis
	processes []*exec.Cmd
	running   sync.WaitGroup // processes that have not been waited for
	ended     chan error     // the first process that ended by itself
	stopping  chan struct{}
}

// startServers starts the databases and Redis. Their directory has a short
// path, because a unix socket lies in it.
func (c *cell) startServers() (err error) {
	c.stopping = make(chan struct{})
	if c.servers, err = os.MkdirTemp("/tmp", "cxx-cell-"); err != nil {
		return err
	}
	for i := range c.maria {
		dir := filepath.Join(c.servers, fmt.Sprintf("zone%d", i+1))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if c.maria[i], err = env.StartMariaDB(dir); err != nil {
			return err
		}
		if c.dsn[i], err = c.maria[i].CreateDatabase("cxx"); err != nil {
			return err
		}
	}
	dir := filepath.Join(c.servers, "redis")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	c.redis, err = env.StartRedis(dir)
	return err
}

// start starts cxxd and returns once it says ready.
func (c *cell) start(ctx context.Context, name string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(c.cxxd, args...)
	cmd.Stderr = log
	// Ctrl-C is for us to pass on; nothing outlives us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.processes = append(c.processes, cmd)
	ready := make(chan string, 1)
	c.running.Go(func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "ready ") {
				ready <- lines.Text()
				break
			}
		}
		for lines.Scan() { // keep the pipe empty until the end
		}
		err := cmd.Wait()
		select {
		case c.ended <- fmt.Errorf("%s ended (%w); see %s", name, orNil(err), log.Name()):
		case <-c.stopping:
		}
	})
	select {
	case line := <-ready:
		fmt.Printf("%s pid %d %s\n", name, cmd.Process.Pid, line)
		return nil
	case err := <-c.ended:
		return errors.Join(err, tail(log.Name()))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func orNil(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}

// tail returns the end of a log as an error.
func tail(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const most = 2000
	return errors.New(string(data[max(0, len(data)-most):]))
}

// stop ends everything: the processes first, together, then what they use.
func (c *cell) stop() {
	if c.stopping != nil {
		close(c.stopping)
	}
	for _, p := range c.processes {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	force := time.AfterFunc(30*time.Second, func() {
		for _, p := range c.processes {
			_ = p.Process.Kill()
		}
	})
	c.running.Wait()
	force.Stop()
	if c.redis != nil {
		c.redis.Stop()
	}
	for _, m := range c.maria {
		if m != nil {
			m.Stop()
		}
	}
	if c.servers != "" {
		os.RemoveAll(c.servers)
	}
}
