package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// File names inside a state directory.
const (
	identityFile = "identity.json"
	journalFile  = "journal"
	lockFile     = "lock"
)

// compactAfter is how many records a journal gets before it is rewritten.
const compactAfter = 8192

// ErrLocked says that another process uses the state directory.
var ErrLocked = errors.New("state: the directory is in use by another process")

// File is a Store in a directory of its own, readable by its owner only: the
// identity in one small file that is replaced whole, outbox and cursors in a
// journal that is appended to.
type File struct {
	dir     string
	lock    *os.File
	journal *os.File
	live    State // outbox and cursors as in the journal
	records int
}

// OpenFile opens the store in dir, which it makes when it does not exist, and
// locks it. It answers ErrLocked when another process has it.
func OpenFile(dir string) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state: make %s: %w", dir, err)
	}
	lock, err := tryLock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	return &File{dir: dir, lock: lock}, nil
}

// Load implements Store. Damage in the middle of the journal is set aside
// under the name journal.bad, and what stood before it is used.
func (f *File) Load() (State, error) {
	var s State
	raw, err := os.ReadFile(f.path(identityFile))
	if err == nil {
		err = json.Unmarshal(raw, &s.Identity)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("state: read %s: %w; remove it to sign in again", f.path(identityFile), err)
	}
	data, err := os.ReadFile(f.path(journalFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return State{}, fmt.Errorf("state: read the journal: %w", err)
	}
	_, torn, err := decodeJournal(data, &s)
	if errors.Is(err, errFormat) {
		return State{}, fmt.Errorf("state: read %s: %w", f.path(journalFile), errFormat)
	}
	if err != nil && !torn {
		if err := os.WriteFile(f.path(journalFile+".bad"), data, 0o600); err != nil {
			return State{}, fmt.Errorf("state: set a damaged journal aside: %w", err)
		}
	}
	f.live = State{Cursor: s.Cursor, HasCursor: s.HasCursor, Groups: maps.Clone(s.Groups), Outbox: slices.Clone(s.Outbox)}
	if err := f.compact(); err != nil {
		return State{}, err
	}
	return s, nil
}

// SaveIdentity implements Store.
func (f *File) SaveIdentity(id Identity) error {
	raw, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("state: encode the identity: %w", err)
	}
	return f.replace(identityFile, append(raw, '\n'))
}

// Add implements Store.
func (f *File) Add(messages []im.Outgoing) error {
	var out []byte
	for _, m := range messages {
		out = appendRecord(out, sendOf(m))
	}
	if err := f.write(out, len(messages)); err != nil {
		return err
	}
	if err := f.journal.Sync(); err != nil {
		f.drop()
		return fmt.Errorf("state: sync the journal: %w", err)
	}
	f.live.Outbox = append(f.live.Outbox, messages...)
	return nil
}

// Remove implements Store.
func (f *File) Remove(ids []im.ClientID) error {
	r := record{Done: make([]string, len(ids))}
	for i, id := range ids {
		r.Done[i] = id.String()
	}
	f.live.Outbox = without(f.live.Outbox, ids)
	return f.write(appendRecord(nil, r), 1)
}

// SaveCursor implements Store.
func (f *File) SaveCursor(seq uint64) error {
	f.live.Cursor, f.live.HasCursor = seq, true
	return f.write(appendRecord(nil, record{Cursor: &seq}), 1)
}

// SaveGroups implements Store.
func (f *File) SaveGroups(list []GroupCursor) error {
	f.live.note(list)
	return f.write(appendRecord(nil, groupsOf(list)), 1)
}

// Close implements Store. It gives the lock back.
func (f *File) Close() error {
	var err error
	if f.journal != nil {
		err = f.journal.Close()
	}
	return errors.Join(err, f.lock.Close())
}

func (f *File) path(name string) string { return filepath.Join(f.dir, name) }

// write appends to the journal, which is rewritten when it has grown long. A
// write that failed half-way may have left a torn line, so the journal is
// rewritten before anything else goes in.
func (f *File) write(lines []byte, records int) error {
	if f.journal == nil || f.records > compactAfter {
		if err := f.compact(); err != nil {
			return err
		}
	}
	f.records += records
	if _, err := f.journal.Write(lines); err != nil {
		f.drop()
		return fmt.Errorf("state: write the journal: %w", err)
	}
	return nil
}

// drop gives the open journal up; the next write makes a new one from what is
// known to be good.
func (f *File) drop() {
	if f.journal != nil {
		_ = f.journal.Close()
		f.journal = nil
	}
}

func (f *File) compact() error {
	f.drop()
	if err := f.replace(journalFile, encodeJournal(f.live)); err != nil {
		return err
	}
	j, err := os.OpenFile(f.path(journalFile), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("state: open the journal: %w", err)
	}
	f.journal, f.records = j, 0
	return nil
}

// replace writes a file whole: after a crash there is the old or the new one.
func (f *File) replace(name string, data []byte) error {
	tmp, err := os.OpenFile(f.path(name+".new"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("state: write %s: %w", name, err)
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("state: write %s: %w", name, err)
	}
	if err := os.Rename(tmp.Name(), f.path(name)); err != nil {
		return fmt.Errorf("state: write %s: %w", name, err)
	}
	return syncDir(f.dir)
}
