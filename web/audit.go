package web

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// Audit is the append-only record of what the admin API changed: one JSON
// object a line. A change is written down twice, before it is tried and with
// its outcome, under one id; a change that cannot be written down is refused.
// Passwords and tokens are never part of a line.
type Audit struct {
	now  func() time.Time
	sync func() error

	mu   sync.Mutex // guards file and last
	file *os.File
	last uint64
}

// Line is one line of the audit log.
type Line struct {
	Time    time.Time `json:"time"`
	ID      uint64    `json:"id"`
	Action  string    `json:"action"`           // "user.create"
	Target  string    `json:"target,omitempty"` // address, device, node
	From    string    `json:"from"`             // address of the caller
	Outcome string    `json:"outcome"`          // "tried", "done", or the word of an error
	Detail  string    `json:"detail,omitempty"`
}

// OpenAudit opens or makes the file, which only its owner may read.
func OpenAudit(path string) (*Audit, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("web: open the audit log: %w", err)
	}
	now := time.Now()
	return &Audit{now: time.Now, sync: f.Sync, file: f, last: uint64(now.UnixMicro())}, nil
}

// Begin records that a change will be tried and returns its id.
func (a *Audit) Begin(l Line) (uint64, error) {
	l.Outcome = "tried"
	return a.write(l)
}

// End records how the change of that id went.
func (a *Audit) End(l Line) error {
	_, err := a.write(l)
	return err
}

// write appends one line with one system call, so that lines of two processes
// do not mix, and syncs it.
func (a *Audit) write(l Line) (uint64, error) {
	a.mu.Lock() // the order of lines is the order of changes: the file is written under its lock
	defer a.mu.Unlock()
	if l.ID == 0 {
		a.last++
		l.ID = a.last
	}
	l.Time = a.now().UTC()
	b, err := json.Marshal(l)
	if err != nil {
		return 0, fmt.Errorf("web: audit: %w", err)
	}
	if _, err := a.file.Write(append(b, '\n')); err != nil {
		return 0, fmt.Errorf("web: audit: %w", err)
	}
	if err := a.sync(); err != nil {
		return 0, fmt.Errorf("web: audit: %w", err)
	}
	return l.ID, nil
}

// Close closes the file.
func (a *Audit) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}
