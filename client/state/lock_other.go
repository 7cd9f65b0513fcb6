//go:build !unix

package state

import (
	"fmt"
	"os"
)

// tryLock keeps the file open, which is all this platform offers without more
// machinery: two processes on one state directory are not kept apart.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state: open the lock: %w", err)
	}
	return f, nil
}

func syncDir(string) error { return nil }
