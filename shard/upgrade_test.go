package shard_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
	"github.com/cxx-im/cxx/shard/schema"
)

// rawDB opens the database of a zone without the store.
func rawDB(t *testing.T, z shard.ZoneConfig, dir string) (*sql.DB, schema.Dialect) {
	t.Helper()
	driver, dsn, d := "sqlite", "file:"+filepath.Join(dir, z.Path), schema.SQLite
	if z.Driver == "mysql" {
		driver, dsn, d = "mysql", z.DSN.Reveal(), schema.MySQL
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, d
}

// first makes the database as the first release left it: with its schema, and
// two users who have exchanged a message and are friends.
func first(t *testing.T, db *sql.DB, d schema.Dialect, a, b im.Account, m im.Message) {
	t.Helper()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(schema.Bootstrap(d))
	one := schema.Migrations(0)[0]
	for _, s := range one.Statements(d) {
		exec(s)
	}
	exec("INSERT INTO schema_version (version, name, applied) VALUES (?, ?, 1)", one.Version, one.Name)
	for i, x := range []im.Account{a, b} {
		peer := []im.Account{b, a}[i]
		profile, err := json.Marshal(im.Profile{User: x.ID, Addr: x.Addr, Name: "old"})
		if err != nil {
			t.Fatal(err)
		}
		exec("INSERT INTO account (user_id, domain, localpart, created, disabled, revoked_at, last_seen, profile) VALUES (?, ?, ?, 1, 0, 0, 0, ?)",
			int64(x.ID), x.Addr.Domain, x.Addr.Local, string(profile))
		exec("INSERT INTO inbox_head (user_id, seq, msg_id) VALUES (?, 2, ?)", int64(x.ID), int64(m.MsgID))
		exec("INSERT INTO inbox (user_id, seq, msg_id, kind, from_id, peer_id, conv_id, client_id, body, ext) VALUES (?, 1, ?, 1, ?, ?, ?, ?, ?, NULL)",
			int64(x.ID), int64(m.MsgID), int64(a.ID), int64(peer.ID), int64(peer.ID), m.ClientID[:], m.Text)
		exec("INSERT INTO inbox (user_id, seq, msg_id, kind, from_id, peer_id, conv_id, client_id, body, ext) VALUES (?, 2, ?, 3, ?, ?, 0, NULL, ?, NULL)",
			int64(x.ID), int64(m.MsgID), int64(b.ID), int64(peer.ID), `{"up_to":`+m.MsgID.String()+`}`)
		exec("INSERT INTO contact (owner_id, peer_id, domain, localpart, sub, listed, name, contact_groups, note) VALUES (?, ?, ?, ?, 3, 1, 'B', '[\"x\"]', 'hi')",
			int64(x.ID), int64(peer.ID), peer.Addr.Domain, peer.Addr.Local)
	}
	exec("INSERT INTO sent (owner_id, sender_id, client_id, seq, peer_seq, msg_id) VALUES (?, ?, ?, 1, 1, ?)",
		int64(a.ID), int64(a.ID), m.ClientID[:], int64(m.MsgID))
}

func TestUpgrade(t *testing.T) {
	for have := 1; have < shard.SchemaVersion(); have++ {
		t.Run(fmt.Sprintf("sqlite from %d", have), func(t *testing.T) { testUpgrade(t, sqliteConfig(1), t.TempDir(), have, 0) })
		t.Run(fmt.Sprintf("mysql from %d", have), func(t *testing.T) { testUpgrade(t, mysqlConfig(t, 1), t.TempDir(), have, 0) })
		// MySQL commits each statement of a migration: one that was cut short goes on.
		half := len(schema.Migrations(have)[0].Statements(schema.MySQL))/2 + 1
		t.Run(fmt.Sprintf("mysql from %d and a half", have), func(t *testing.T) { testUpgrade(t, mysqlConfig(t, 1), t.TempDir(), have, half) })
	}
}

// testUpgrade opens a database of an older version, some of whose next step is done.
func testUpgrade(t *testing.T, cfg shard.Config, dir string, have, done int) {
	ctx := context.Background()
	account := func(local string) im.Account {
		addr := im.Addr{Local: local, Domain: "example.org"}
		return im.Account{ID: im.MakeUserID(addr.Slot(), 7), Addr: addr}
	}
	a, b := account("alice"), account("bob")
	m := message(a.ID, b.ID, "from before")
	db, d := rawDB(t, cfg.Zones[0], dir)
	first(t, db, d, a, b, m)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range schema.Migrations(1)[:have-1] {
		for _, s := range step.Statements(d) {
			exec(s)
		}
		exec("INSERT INTO schema_version (version, name, applied) VALUES (?, ?, 1)", step.Version, step.Name)
	}
	for _, s := range schema.Migrations(have)[0].Statements(d)[:done] {
		exec(s)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reports, err := shard.Check(ctx, cfg, dir)
	if err != nil || len(reports[0].Pending) != shard.SchemaVersion()-have || reports[0].Problem != nil {
		t.Errorf("%+v %v", reports, err)
	}
	s := openIn(t, cfg, dir, quiet)
	want := im.Contact{User: b.ID, Addr: b.Addr, Sub: im.SubBoth, Listed: true, Name: "B", Groups: []string{"x"}, Note: "hi"}
	if c, err := s.Contact(ctx, a.ID, b.ID); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v %v", c, err)
	}
	if got := send(t, s, m); !got.Duplicate || got.FromSeq != 1 {
		t.Errorf("what was sent before is sent again: %+v", got)
	}
	send(t, s, note(a.ID, b.ID, "<receipt/>"))
	p, err := s.Archive(ctx, b.ID, im.ArchiveQuery{Limit: 9, Peer: a.ID, Count: true})
	if err != nil || len(p.Entries) != 2 || p.Entries[0].Text != m.Text || p.Entries[1].Seq != 3 || p.Count != 2 {
		t.Errorf("%+v %v", p, err)
	}
	if all, err := s.Conversations(ctx, b.ID, 9); err != nil || len(all) != 1 || all[0].Last.Text != m.Text {
		t.Errorf("%+v %v", all, err)
	}
	if e := inbox(t, s, a.ID); len(e) != 3 || e[1].Kind != im.KindRead || e[1].UpTo != m.MsgID {
		t.Errorf("%+v", e)
	}
	if got, err := s.AccountByAddr(ctx, a.Addr); err != nil || got.ID != a.ID || got.Profile.Name != "old" {
		t.Errorf("%+v %v", got, err)
	}
	fill(t, s, a.ID, b.ID)
	g := newGroup(t, s, "team", a.ID, b.ID)
	if got := send(t, s, post(b.ID, g.ID, "hello")); got.FromSeq != 2 {
		t.Errorf("in a new group: %+v", got)
	}
	if err := s.DeleteAccount(ctx, a.ID); err != nil {
		t.Error(err)
	}
}
