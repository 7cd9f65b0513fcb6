package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What each role gets of the keys, as `cxxd keygen` prints it. A process of a
// real cell gets no more; the authorities' keys go nowhere.
var (
	keysACS = []string{
		"ca.pem", "tls/server.pem", "tls/server.key", "mesh/ca.pem", "mesh/node-%d.pem", "mesh/node-%d.key",
		"ticket/public.pem", "secret/seal.key", "secret/fake-salt", "secret/admin.token",
	}
	keysNAS = []string{"ca.pem", "tls/server.pem", "tls/server.key", "ticket/private.pem"}
)

// keygen makes the keys of the cell, once.
func (c *cell) keygen(nodes int) error {
	list := make([]string, nodes)
	for n := range nodes {
		list[n] = fmt.Sprint(n + 1)
	}
	out, err := exec.Command(c.cxxd, "keygen", "--out", filepath.Join(c.dir, "keys"), "--nodes", strings.Join(list, ",")).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("keygen: %w", err), errors.New(string(out)))
	}
	return nil
}

// dataDir makes the data directory of one process, with its keys in it.
func (c *cell) dataDir(name string, n int, keys []string) (string, error) {
	dir := filepath.Join(c.dir, name)
	for _, k := range keys {
		if strings.Contains(k, "%d") {
			k = fmt.Sprintf(k, n)
		}
		data, err := os.ReadFile(filepath.Join(c.dir, "keys", k))
		if err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, k)), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, k), data, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}
