package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// runFile tells the command line where a running server's admin API is.
type runFile struct {
	PID   int    `json:"pid"`
	Admin string `json:"admin"`
}

func runFilePath(dataDir string) string { return filepath.Join(dataDir, "run.json") }

func (n *Node) writeRunFile(context.Context) error {
	if n.admin == nil {
		return nil
	}
	b, err := json.Marshal(runFile{PID: os.Getpid(), Admin: n.admin.addr()})
	if err != nil {
		return err
	}
	path := runFilePath(n.opt.DataDir)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("the run file cannot be written: %w", err)
	}
	n.onClose(func() error { return os.Remove(path) })
	return nil
}

// RunningAdmin returns the address of the admin API of the server that runs on
// a data directory; empty when none runs or it has none. A server that was
// killed leaves its file behind, and its port may be another program's by now,
// which must not be sent the token: so the lock is asked first.
func RunningAdmin(dataDir string) (string, error) {
	if pid, err := runningOn(dataDir); err != nil || pid == 0 {
		return "", err
	}
	b, err := os.ReadFile(runFilePath(dataDir))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", unreadable(dataDir, err)
	}
	var f runFile
	if err := json.Unmarshal(b, &f); err != nil {
		return "", nil //nolint:nilerr // half written: the server is starting or has died
	}
	return f.Admin, nil
}
