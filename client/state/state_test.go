package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// Every store keeps what it was given.
func contract(t *testing.T, reopen func() state.Store) {
	s := reopen()
	if st, err := s.Load(); err != nil || !reflect.DeepEqual(st, state.State{}) {
		t.Fatalf("a new store holds %+v, %v", st, err)
	}
	id := state.Identity{Addr: "alice@example.org", User: 7, Device: 8, Resource: "phone", Token: "cxt_x", ACS: []string{"a:1"}}
	must(t, s.SaveIdentity(id))
	must(t, s.Add([]im.Outgoing{message(1, "one"), message(2, "two\nlines"), message(3, "")}))
	must(t, s.SaveCursor(5))
	must(t, s.Remove([]im.ClientID{{2}}))
	must(t, s.SaveCursor(6))
	posted := im.Outgoing{Group: 77, ClientID: im.ClientID{4}, Text: "@bob", Mentions: []im.UserID{9}, All: true}
	must(t, s.Add([]im.Outgoing{posted}))
	must(t, s.SaveGroups([]state.GroupCursor{{Group: 77, Seq: 4}, {Group: 78, Seq: 9}, {Group: 79}}))
	must(t, s.SaveGroups([]state.GroupCursor{{Group: 77, Seq: 5}, {Group: 78, Gone: true}}))
	must(t, s.Close())
	s = reopen()
	st, err := s.Load()
	must(t, err)
	want := state.State{
		Identity: id, Cursor: 6, HasCursor: true, Groups: map[im.GroupID]uint64{77: 5, 79: 0},
		Outbox: []im.Outgoing{message(1, "one"), message(3, ""), posted},
	}
	if !reflect.DeepEqual(st, want) {
		t.Errorf("got  %+v\nwant %+v", st, want)
	}
	must(t, s.Close())
}

func message(id byte, text string) im.Outgoing {
	m := im.Outgoing{To: 9, ClientID: im.ClientID{id}, Text: text}
	if text == "" {
		m.Ext = []byte{0, 255}
	}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMemory(t *testing.T) {
	m := state.Memory()
	contract(t, func() state.Store { return m })
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "state")
	contract(t, func() state.Store { return open(t, dir) })
	for _, name := range []string{"identity.json", "journal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func open(t *testing.T, dir string) *state.File {
	t.Helper()
	f, err := state.OpenFile(dir)
	must(t, err)
	return f
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if _, err := state.OpenFile(dir); !errors.Is(err, state.ErrLocked) {
		t.Errorf("a second one: %v", err)
	}
	must(t, f.Close())
	must(t, open(t, dir).Close())
}

func TestDamagedJournals(t *testing.T) {
	const one = `{"send":{"id":"01000000000000000000000000000000","to":9,"text":"one"}}` + "\n"
	for _, c := range []struct {
		name, journal string
		kept          int
		bad           bool
	}{
		{"empty", "", 0, false},
		{"torn at the end", one + `{"send":{"id":"02`, 1, false},
		{"garbage as the last line", one + "\x00\x00\x00\n", 1, false},
		{"garbage in the middle", one + "\x00\x00\n" + one, 1, true},
		{"a bad id in the middle", `{"done":["xyz"]}` + "\n" + one, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "journal"), []byte(c.journal), 0o600))
			f := open(t, dir)
			st, err := f.Load()
			must(t, err)
			must(t, f.Add([]im.Outgoing{message(7, "next")}))
			must(t, f.Close())
			if len(st.Outbox) != c.kept {
				t.Errorf("kept %d messages, want %d", len(st.Outbox), c.kept)
			}
			if _, err := os.Stat(filepath.Join(dir, "journal.bad")); (err == nil) != c.bad {
				t.Errorf("journal.bad: %v", err)
			}
			f = open(t, dir)
			st, err = f.Load()
			must(t, err)
			if len(st.Outbox) != c.kept+1 {
				t.Errorf("then %d messages, want %d", len(st.Outbox), c.kept+1)
			}
			must(t, f.Close())
		})
	}
}

// What the version before groups has written is read and goes on; what a newer one
// has written is left alone.
func TestFormats(t *testing.T) {
	const old = `{"cursor":17}` + "\n" + `{"send":{"id":"01000000000000000000000000000000","to":9,"text":"one"}}` + "\n"
	dir := t.TempDir()
	journal := filepath.Join(dir, "journal")
	must(t, os.WriteFile(journal, []byte(old), 0o600))
	f := open(t, dir)
	st, err := f.Load()
	must(t, err)
	if want := (state.State{Cursor: 17, HasCursor: true, Outbox: []im.Outgoing{message(1, "one")}}); !reflect.DeepEqual(st, want) {
		t.Errorf("got  %+v\nwant %+v", st, want)
	}
	must(t, f.SaveGroups([]state.GroupCursor{{Group: 77, Seq: 4}}))
	must(t, f.Close())
	f = open(t, dir)
	st, err = f.Load()
	must(t, err)
	if st.Cursor != 17 || st.Groups[77] != 4 || len(st.Outbox) != 1 {
		t.Errorf("then %+v", st)
	}
	must(t, f.Close())

	const newer = `{"format":3}` + "\n" + `{"moon":1}` + "\n"
	must(t, os.WriteFile(journal, []byte(newer), 0o600))
	f = open(t, dir)
	defer f.Close()
	if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a newer format: %v", err)
	}
	if left, _ := os.ReadFile(journal); string(left) != newer {
		t.Errorf("it was changed to %q", left)
	}
}

func TestDamagedIdentity(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "identity.json"), []byte("{"), 0o600))
	f := open(t, dir)
	defer f.Close()
	if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), "sign in again") {
		t.Error(err)
	}
}

func TestJournalIsCompacted(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	_, err := f.Load()
	must(t, err)
	must(t, f.Add([]im.Outgoing{message(1, "kept")}))
	for i := range uint64(20_000) {
		must(t, f.SaveCursor(i))
	}
	must(t, f.Close())
	info, err := os.Stat(filepath.Join(dir, "journal"))
	must(t, err)
	if info.Size() > 200_000 {
		t.Errorf("the journal has grown to %d bytes", info.Size())
	}
	f = open(t, dir)
	st, err := f.Load()
	must(t, err)
	if st.Cursor != 19_999 || len(st.Outbox) != 1 {
		t.Errorf("%+v", st)
	}
	must(t, f.Close())
}
