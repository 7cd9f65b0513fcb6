package shard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// BenchmarkArchive asks for pages of 50 in an inbox of 200,000 entries of a year
// with 100 peers; every tenth is a note and every tenth no message.
func BenchmarkArchive(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchArchive(b, shard.Default()) })
	b.Run("mysql", func(b *testing.B) { benchArchive(b, mysqlConfig(b, 1)) })
}

func benchArchive(b *testing.B, cfg shard.Config) {
	const long, year = 200_000, 365 * 24 * time.Hour
	ctx := context.Background()
	s := open(b, cfg)
	u := create(b, s, "alice")
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	text := strings.Repeat("x", 100)
	id := func(i int) im.MsgID { return im.MakeMsgID(start.Add(year/long*time.Duration(i)), i, 1) }
	for i := 0; i < long; {
		var part []im.Entry
		for range 5000 {
			e := im.Entry{Kind: im.KindMessage, MsgID: id(i), From: u, Peer: im.UserID(1 + i*7919%100), Text: text}
			switch i % 10 {
			case 3:
				e.Kind, e.Text, e.Ext = im.KindNote, "", []byte(text)
			case 7:
				e = im.Entry{Kind: im.KindRead, MsgID: e.MsgID, From: u, Peer: e.Peer}
			}
			part = append(part, e)
			i++
		}
		if _, err := s.Append(ctx, u, part); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range []struct {
		name string
		im.ArchiveQuery
	}{
		{"newest", im.ArchiveQuery{Limit: 50, Newest: true}},
		{"after", im.ArchiveQuery{Limit: 50, After: long / 2}},
		{"from", im.ArchiveQuery{Limit: 50, From: id(long / 2)}},
		{"until", im.ArchiveQuery{Limit: 50, To: id(long / 2), Newest: true}},
		{"peer", im.ArchiveQuery{Limit: 50, Newest: true, Peer: 5}},
		{"peer from", im.ArchiveQuery{Limit: 50, From: id(long / 2), Peer: 5}},
		{"reads", im.ArchiveQuery{Limit: 50, Kinds: []im.Kind{im.KindRead}, After: long / 2}},
		{"blocks", im.ArchiveQuery{Limit: 50, Kinds: []im.Kind{im.KindBlock}}},
		{"notes", im.ArchiveQuery{Limit: 50, Kinds: []im.Kind{im.KindNote}}},
		{"count", im.ArchiveQuery{Count: true}},
		{"count peer", im.ArchiveQuery{Count: true, Peer: 5}},
		{"count from", im.ArchiveQuery{Count: true, From: id(long / 2)}},
		{"count peer from", im.ArchiveQuery{Count: true, From: id(long / 2), Peer: 5}},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				p, err := s.Archive(ctx, u, q.ArchiveQuery)
				if err != nil || q.Limit > 0 && q.Kinds == nil && len(p.Entries) != q.Limit || q.Count && p.Count == 0 {
					b.Fatal(len(p.Entries), p.Count, err)
				}
			}
		})
	}
}
