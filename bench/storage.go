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

// storageCost returns CPU seconds per 100,000 messages of the storage alone: its
// part in the server's process, which is this one here, and the database.
func storageCost(ctx context.Context, o options) (float64, error) {
	dir := filepath.Join(o.dir, "storage")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	cfg, db := shard.Default(), 0
	if o.engine == "mysql" {
		m, err := env.StartMariaDB(filepath.Join(dir, "db"))
		if err != nil {
			return 0, err
		}
		defer m.Stop()
		dsn, err := m.CreateDatabase("cxx")
		if err != nil {
			return 0, err
		}
		db = m.Pid()
		cfg.Zones = []shard.ZoneConfig{{ID: 1, Driver: "mysql", DSN: config.Secret(dsn), Slots: "0-16383"}}
	}
	s, err := shard.Open(ctx, cfg, dir, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	users := make([]im.UserID, 2*o.pairs)
	for i := range users {
		if users[i], err = s.CreateAccount(ctx, im.Account{Addr: im.Addr{Local: xmppUser(i), Domain: xmppDomain}, Created: time.Now()}); err != nil {
			return 0, err
		}
	}
	j := jabber{pid: os.Getpid(), db: db}
	before, err := j.cost()
	if err != nil {
		return 0, err
	}
	if err := appendAll(s, users, o); err != nil {
		return 0, err
	}
	after, err := j.cost()
	used := after.minus(before)
	return (used.server + used.db).Seconds() * 1e5 / float64(o.pairs*o.messages), err
}

// appendAll keeps a window of messages of each pair under way.
func appendAll(s *shard.Store, users []im.UserID, o options) error {
	clock := im.NewClock(1, time.Now)
	text := strings.Repeat("x", o.size)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error // guarded by mu
	var next func(pair, left int)
	next = func(pair, left int) {
		if left <= 0 {
			wg.Done()
			return
		}
		m := im.Message{From: users[2*pair], To: users[2*pair+1], MsgID: clock.Next(), Text: text, Ext: []byte("<message f='bench' type='chat' id='00000000'/>")}
		rand.Read(m.ClientID[:])
		s.AppendMessage(m, func(_ im.Committed, err error) {
			if err != nil {
				mu.Lock()
				failed = fmt.Errorf("append: %w", err)
				mu.Unlock()
			}
			next(pair, left-1)
		})
	}
	for pair := range o.pairs {
		for range o.window {
			wg.Add(1)
			next(pair, o.messages/o.window)
		}
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	return failed
}
