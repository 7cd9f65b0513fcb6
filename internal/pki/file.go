package pki

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	keyMode  fs.FileMode = 0o600
	certMode fs.FileMode = 0o644
	dirMode  fs.FileMode = 0o700
)

// writeFile puts data at path in one step: a reader sees the old file or the
// whole new one, also after a crash.
func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("pki: write %s: %w", path, err)
		}
	}()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	if err := CheckMode(path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return data, nil
}

// CheckMode refuses a key or secret file that others than its owner can read.
// The error says which command puts it right.
func CheckMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if runtime.GOOS == "windows" { // has no such modes
		return nil
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("pki: others can read the key file %s (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// onePEM returns the body of the first block of the given type.
func onePEM(data []byte, kind, path string) ([]byte, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("pki: %s holds no %q block; restore the file, or remove it to have a new one made", path, kind)
		}
		if block.Type == kind {
			return block.Bytes, nil
		}
		data = rest
	}
}

// lockFor takes the lock of the directory that path lies in.
func lockFor(path string) (unlock func(), err error) { return lock(filepath.Dir(path)) }
