package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that the harness started, or a database beside it.
type process struct {
	cmd   *exec.Cmd
	pid   int
	ready map[string]string // of the server's ready line
}

// start runs a server until its ready line. Its log goes to file.
func start(ctx context.Context, logFile string, name string, args ...string) (*process, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, pid: cmd.Process.Pid, ready: map[string]string{}}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			for _, word := range strings.Fields(rest) {
				k, v, _ := strings.Cut(word, "=")
				p.ready[k] = v
			}
			go func() {
				for lines.Scan() {
				}
			}()
			return p, nil
		}
	}
	text, _ := os.ReadFile(logFile)
	cmd.Wait()
	return nil, fmt.Errorf("%s ended before it was ready:\n%s", name, text)
}

func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	return p.cmd.Wait()
}

// usage is what a process has used so far.
type usage struct {
	cpu time.Duration // user and system
	rss int64         // resident bytes
}

// usageOf reads the figures of a process from the kernel.
func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The name may hold spaces; what follows its parenthesis does not.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	num := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	const tick = time.Second / 100 // USER_HZ is 100 on every Linux
	return usage{
		cpu: time.Duration(num(11)+num(12)) * tick,
		rss: num(21) * int64(os.Getpagesize()),
	}, nil
}
