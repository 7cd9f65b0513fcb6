package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/internal/testenv/env"
	"github.com/cxx-im/cxx/shard"
)

// storage is a storage in this process, with a database of its own.
type storage struct {
	*shard.Store
	jabber // this process and the database, for their cost
	end    func()
}

func openStorage(ctx context.Context, o options, name string) (*storage, error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &storage{jabber: jabber{pid: os.Getpid()}, end: func() {}}
	cfg := shard.Default()
	if o.engine == "mysql" {
		m, err := env.StartMariaDB(filepath.Join(dir, "db"))
		if err != nil {
			return nil, err
		}
		s.db, s.end = m.Pid(), func() { m.Stop() }
		dsn, err := m.CreateDatabase("cxx")
		if err != nil {
			s.end()
			return nil, err
		}
		cfg.Zones = []shard.ZoneConfig{{ID: 1, Driver: "mysql", DSN: config.Secret(dsn), Slots: "0-16383"}}
	}
	var err error
	if s.Store, err = shard.Open(ctx, cfg, dir, slog.New(slog.DiscardHandler), nil); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *storage) close() {
	s.Close()
	s.end()
}

// used returns what this process and the database use while do runs.
func (s *storage) used(do func() error) (cost, error) {
	before, err := s.cost()
	if err != nil {
		return cost{}, err
	}
	if err := do(); err != nil {
		return cost{}, err
	}
	after, err := s.cost()
	return after.minus(before), err
}

// storageCost returns CPU seconds per 100,000 messages of the storage alone: its
// part in the server's process, which is this one here, and the database.
func storageCost(ctx context.Context, o options) (float64, error) {
	s, err := openStorage(ctx, o, "storage")
	if err != nil {
		return 0, err
	}
	defer s.close()
	f := newFiller(ctx, s.Store)
	if err := f.accounts(2 * o.pairs); err != nil {
		return 0, err
	}
	used, err := s.used(func() error { return appendAll(s.Store, f.users, o) })
	return (used.server + used.db).Seconds() * 1e5 / float64(o.pairs*o.messages), err
}

// benchGroupStorage measures the storage alone with messages of groups: many at once,
// which share transactions, and one after the other.
func benchGroupStorage(ctx context.Context, o options) error {
	const groups, members = 10, 100
	s, err := openStorage(ctx, o, "group-storage")
	if err != nil {
		return err
	}
	defer s.close()
	f := newFiller(ctx, s.Store)
	ids := make([]im.GroupID, groups)
	for i := range ids {
		if ids[i], err = f.group(i, members); err != nil {
			return err
		}
	}
	for _, k := range []struct {
		name                     string
		groups, window, messages int
	}{
		{"one group, 80 at once", 1, 80, 20 * o.messages},
		{"ten groups, 80 at once", groups, 8, 2 * o.messages},
		{"one group, one at a time", 1, 1, o.messages},
	} {
		for round := range o.rounds {
			start, n := time.Now(), k.groups*k.messages
			used, err := s.used(func() error {
				return appendEach(s.Store, k.groups, k.window, k.messages, o.size, func(g int) im.Message {
					return im.Message{From: f.users[g], Group: ids[g]}
				})
			})
			if err != nil {
				return err
			}
			per := func(d time.Duration) float64 { return d.Seconds() * 1e5 / float64(n) }
			fmt.Printf("storage of groups alone, engine %s, %s, round %d: %.0f messages/s, CPU-s per 100k messages: storage %.2f database %.2f total %.2f\n",
				o.engine, k.name, round+1, float64(n)/time.Since(start).Seconds(), per(used.server), per(used.db), per(used.server+used.db))
		}
	}
	return nil
}

// appendAll keeps a window of messages of each pair under way.
func appendAll(s *shard.Store, users []im.UserID, o options) error {
	return appendEach(s, o.pairs, o.window, o.messages, o.size, func(pair int) im.Message {
		return im.Message{From: users[2*pair], To: users[2*pair+1], Ext: []byte("<message f='bench' type='chat' id='00000000'/>")}
	})
}

// appendEach keeps window messages of each of n logs under way, until each has got
// as many as asked for. of says from whom they are and where they go.
func appendEach(s *shard.Store, n, window, messages, size int, of func(i int) im.Message) error {
	clock := im.NewClock(1, time.Now)
	text := strings.Repeat("x", size)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error // guarded by mu
	var next func(i, left int)
	next = func(i, left int) {
		if left <= 0 {
			wg.Done()
			return
		}
		m := of(i)
		m.MsgID, m.Text = clock.Next(), text
		rand.Read(m.ClientID[:])
		s.AppendMessage(m, func(_ im.Committed, err error) {
			if err != nil {
				mu.Lock()
				failed = fmt.Errorf("append: %w", err)
				mu.Unlock()
			}
			next(i, left-1)
		})
	}
	for i := range n {
		for range window {
			wg.Add(1)
			next(i, messages/window)
		}
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	return failed
}
