package env

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Redis is a private Redis server. It writes nothing to disk: what the product
// keeps in Redis may be lost at any moment, and a restart here loses it.
type Redis struct{ *Server }

// StartRedis starts a server that works in dir.
func StartRedis(dir string) (*Redis, error) {
	daemon, err := redisProgram(dir)
	if err != nil {
		return nil, err
	}
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	r := &Redis{&Server{
		name: "redis", dir: dir, addr: addr, log: filepath.Join(dir, "log"), ready: func() error { return pingRedis(addr) },
		build: func() *exec.Cmd {
			cmd := exec.Command(daemon, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", dir)
			cmd.Args[0] = "redis-server"
			return cmd
		},
	}}
	return r, r.Start()
}

// redisProgram finds the server. Debian's redis-tools has the same binary under
// the name redis-check-rdb; it looks at the name it is called by.
func redisProgram(dir string) (string, error) {
	if p, err := program("redis-server", "valkey-server"); err == nil {
		return p, nil
	}
	p, err := program("redis-check-rdb")
	if err != nil {
		return "", fmt.Errorf("env: no program redis-server on this machine")
	}
	link := filepath.Join(dir, "redis-server")
	if err := os.Symlink(p, link); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("env: redis: %w", err)
	}
	return link, nil
}

func pingRedis(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if strings.TrimSpace(line) != "+PONG" {
		return fmt.Errorf("redis answered %q", line)
	}
	return nil
}
