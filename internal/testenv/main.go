// Command testenv runs another command with a MariaDB and a Redis of its own:
//
//	go run ./internal/testenv -- go test ./...
//
// It installs the Debian packages it lacks, starts both servers in a temporary
// directory, tells the command where they are (variables CXX_TEST_MYSQL,
// CXX_TEST_MYSQL_PID, CXX_TEST_REDIS), and afterwards stops and removes
// everything. It exits with the command's code, or with 2 when it could not
// prepare. `make test` calls it; the servers themselves are package env's.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/cxx-im/cxx/internal/testenv/env"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testenv -- command argument …")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if err := env.Install(env.Missing(), os.Stderr); err != nil {
		return 2, err
	}
	dir, err := tempDir()
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir)
	stop := interrupts()
	servers, err := env.StartPair(dir)
	if err != nil {
		return 2, err
	}
	defer servers.Stop()
	select {
	case <-stop:
		return 130, nil
	default:
	}
	return child(args, servers.Environ(), stop)
}

// tempDir makes a directory with a path short enough for a unix socket.
func tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "cxx-test-")
	if err == nil && len(dir) > 60 {
		os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "cxx-test-")
	}
	return dir, err
}

// interrupts reports one wish to end: a signal, or the death of the parent,
// which is make or `go run` and would not pass every signal on.
func interrupts() <-chan struct{} {
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	parent := os.Getppid()
	go func() {
		defer close(stop)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-signals:
				return
			case <-tick.C:
				if os.Getppid() != parent {
					return
				}
			}
		}
	}()
	return stop
}

// child runs the command in a process group of its own, so that nothing the
// command starts outlives it.
func child(args, environ []string, stop <-chan struct{}) (int, error) {
	runtime.LockOSThread() // Pdeathsig looks at the thread that started the child
	defer runtime.UnlockOSThread()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 2, fmt.Errorf("start %s: %w", args[0], err)
	}
	group := -cmd.Process.Pid
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
			return
		case <-stop:
		}
		_ = syscall.Kill(group, syscall.SIGINT) // go test ends its tests on SIGINT
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
	}()
	err := cmd.Wait()
	close(ended)
	_ = syscall.Kill(group, syscall.SIGKILL) // whoever is left of the group
	return exitCode(err)
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 2, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
