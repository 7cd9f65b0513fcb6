// Package proc starts server processes for those who look at them from
// outside: the benchmarks and the tests of faults. It knows how a process says
// that it is ready, how it is stopped, frozen and killed, what it has used,
// and how an operator's backend vouches for a user. It knows nothing of what
// the processes do.
package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Process is a process that has said that it is ready. Any goroutine may call
// its methods.
type Process struct {
	Ready map[string]string // the words of its ready line

	name  string
	os    *os.Process
	ended chan struct{}
	err   error // how it ended; read it after ended is closed
}

// patience is how long a process may take to end when it is asked to.
const patience = 30 * time.Second

// Start runs a program until its line "ready key=value …". What it writes to
// standard error is appended to the file log. It does not outlive the caller.
func Start(log, name string, args ...string) (*Process, error) {
	p := &Process{name: name, Ready: make(map[string]string), ended: make(chan struct{})}
	started := make(chan error)
	go p.run(log, args, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run keeps its thread until the process has ended: the kernel kills the child
// when the thread that started it ends, and Go ends threads as it likes.
func (p *Process) run(log string, args []string, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		started <- err
		return
	}
	defer file.Close()
	cmd := exec.Command(p.name, args...)
	cmd.Stderr = file
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		started <- err
		return
	}
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.os = cmd.Process
	isReady := p.readReady(out)
	if isReady {
		started <- nil
		_, _ = io.Copy(io.Discard, out) // keep the pipe empty until the end
	}
	p.err = cmd.Wait()
	close(p.ended)
	if !isReady {
		text, _ := os.ReadFile(log)
		started <- fmt.Errorf("proc: %s %s ended before it was ready (%v):\n%s", p.name, args[0], p.err, tail(text))
	}
}

func (p *Process) readReady(out io.Reader) bool {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "ready ")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(rest) {
			k, v, _ := strings.Cut(word, "=")
			p.Ready[k] = v
		}
		return true
	}
	return false
}

func tail(text []byte) []byte {
	const most = 4096
	return text[max(0, len(text)-most):]
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.os.Pid }

// Signal sends sig, for instance SIGSTOP and SIGCONT.
func (p *Process) Signal(sig syscall.Signal) error { return p.os.Signal(sig) }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends the process as a power cut would and waits for it.
func (p *Process) Kill() {
	_ = p.os.Kill()
	<-p.ended
}

// Stop asks the process to end (SIGTERM) and returns how it did: nil for exit
// code 0. One that does not end in half a minute is killed.
func (p *Process) Stop() error {
	_ = p.os.Signal(syscall.SIGTERM)
	force := time.AfterFunc(patience, func() { _ = p.os.Kill() })
	defer force.Stop()
	<-p.ended
	return p.err
}
