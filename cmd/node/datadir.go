package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile is held by the process that runs on a data directory. The kernel
// frees it when that process dies, however it dies.
const lockFile = ".run.lock"

// wholeFile is a write lock on all of a file.
func wholeFile() *syscall.Flock_t {
	return &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
}

// claimData makes the data directory and takes it for this process. Nothing
// else in it is touched before.
func (n *Node) claimData(context.Context) error {
	dir := n.opt.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data directory cannot be made; choose another with --data: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return notWritable(dir, err)
	}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, wholeFile()); err != nil {
		f.Close()
		if holder, _ := runningOn(dir); holder != 0 {
			return fmt.Errorf("the data directory %s is in use by process %d; stop that process, or give this one a directory of its own with --data", dir, holder)
		}
		return fmt.Errorf("the data directory %s cannot be locked; another process may be using it: %w", dir, err)
	}
	n.onClose(f.Close)
	return nil
}

func notWritable(dir string, err error) error {
	return fmt.Errorf("the data directory %s cannot be written by this user; give it to the user that runs cxxd, or choose another with --data: %w", dir, err)
}

// runningOn returns the process that runs on a data directory; 0: none does. It
// is not for that process itself, which would lose its lock by closing the file.
func runningOn(dir string) (pid int, err error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, unreadable(dir, err)
	}
	defer f.Close()
	l := wholeFile()
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, l); err != nil || l.Type == syscall.F_UNLCK {
		return 0, err
	}
	if l.Pid <= 0 { // in another container
		return -1, nil
	}
	return int(l.Pid), nil
}

func unreadable(dir string, err error) error {
	return fmt.Errorf("the data directory %s cannot be read by this user; run this as the user that runs cxxd, or name the right directory with --data: %w", dir, err)
}

// CheckData tells whether a start could write the data directory, or make it.
// It makes nothing.
func CheckData(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		above := filepath.Dir(filepath.Clean(dir))
		if above == dir {
			return nil
		}
		return CheckData(above)
	case err != nil:
		return unreadable(dir, err)
	case !info.IsDir():
		return fmt.Errorf("%s is a file; name a directory with --data", dir)
	}
	const write, search = 2, 1
	if err := syscall.Access(dir, write|search); err != nil {
		return notWritable(dir, err)
	}
	return nil
}
