package shard_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
	"go.uber.org/goleak"
)

var _ acs.Store = (*shard.Store)(nil)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func open(t testing.TB, cfg shard.Config) *shard.Store {
	t.Helper()
	return openIn(t, cfg, t.TempDir(), slog.New(slog.DiscardHandler))
}

func openIn(t testing.TB, cfg shard.Config, dir string, log *slog.Logger) *shard.Store {
	t.Helper()
	s, err := shard.Open(context.Background(), cfg, dir, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// patient is a configuration with which a busy machine is no reason to fail.
func patient() shard.Config {
	cfg := shard.Default()
	cfg.Timeout, cfg.Zones = config.Duration(time.Minute), nil
	return cfg
}

// sqliteConfig is n files.
func sqliteConfig(n int) shard.Config {
	cfg := patient()
	for i := range n {
		cfg.Zones = append(cfg.Zones, shard.ZoneConfig{ID: im.ZoneID(i + 1), Driver: "sqlite", Path: fmt.Sprintf("zone%d.db", i+1), Slots: slotsOf(i, n)})
	}
	return cfg
}

// slotsOf cuts the slots in n equal ranges.
func slotsOf(i, n int) string {
	return fmt.Sprintf("%d-%d", im.Slots*i/n, im.Slots*(i+1)/n-1)
}

func create(t testing.TB, s *shard.Store, name string) im.UserID {
	t.Helper()
	u, err := s.CreateAccount(context.Background(), im.Account{Addr: im.Addr{Local: name, Domain: "example.org"}, Created: time.UnixMilli(1)})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// createIn makes a user in a zone of the store.
func createIn(t testing.TB, s *shard.Store, zone im.ZoneID) im.UserID {
	t.Helper()
	for {
		a := im.Addr{Local: "u" + rand.Text(), Domain: "example.org"}
		if s.ZoneOf(im.MakeUserID(a.Slot(), 1)) == zone {
			return create(t, s, a.Local)
		}
	}
}

type outcome struct {
	im.Committed
	err error
}

// sendAll appends messages without waiting in between, and returns the results
// in the order of the messages.
func sendAll(s *shard.Store, all ...im.Message) []outcome {
	out := make([]outcome, len(all))
	var wg sync.WaitGroup
	wg.Add(len(all))
	for i, m := range all {
		s.AppendMessage(m, func(c im.Committed, err error) {
			out[i] = outcome{c, err}
			wg.Done()
		})
	}
	wg.Wait()
	return out
}

func send(t testing.TB, s *shard.Store, m im.Message) im.Committed {
	t.Helper()
	o := sendAll(s, m)[0]
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.Committed
}

var clock = im.NewClock(1, time.Now)

func message(from, to im.UserID, text string) im.Message {
	m := im.Message{From: from, To: to, MsgID: clock.Next(), Text: text}
	rand.Read(m.ClientID[:])
	return m
}

// inbox reads everything of u, page by page, and checks that it is dense.
func inbox(t testing.TB, s *shard.Store, u im.UserID) []im.Entry {
	t.Helper()
	var all []im.Entry
	for {
		p, err := s.Read(context.Background(), u, uint64(len(all)), 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			if e.Seq != uint64(len(all)+1) {
				t.Fatalf("user %s: entry %d stands after %d entries", u, e.Seq, len(all))
			}
			all = append(all, e)
		}
		if len(p.Entries) == 0 {
			if p.Head != uint64(len(all)) {
				t.Fatalf("user %s: head %d after %d entries", u, p.Head, len(all))
			}
			return all
		}
	}
}

func wantCode(t testing.TB, err error, code im.ErrorCode) {
	t.Helper()
	if im.CodeOf(err) != code || !errors.As(err, new(*im.Error)) {
		t.Errorf("got error %v, want %s", err, code)
	}
}
