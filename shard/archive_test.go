package shard_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

func seqsOf(entries []im.Entry) []uint64 {
	out := []uint64{}
	for _, e := range entries {
		out = append(out, e.Seq)
	}
	return out
}

func testArchive(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b := create(t, s, "alice"), create(t, s, "bob")
	far := im.ForeignID(im.Addr{Local: "far", Domain: "example.net"})
	log := []im.Entry{
		{Kind: im.KindMessage, From: a, Peer: b},                                // 1
		{Kind: im.KindNote, From: b, Peer: b},                                   // 2
		{Kind: im.KindMessage, From: far, Peer: far},                            // 3
		{Kind: im.KindRead, From: a, Peer: b},                                   // 4
		{Kind: im.KindMessage, From: b, Peer: b},                                // 5
		{Kind: im.KindNote, From: a, Peer: far},                                 // 6
		{Kind: im.KindContact, From: b, Peer: b, Contact: &im.Contact{User: b}}, // 7
		{Kind: im.KindMessage, From: a, Peer: a},                                // 8
		{Kind: im.KindNote, From: a, Peer: b},                                   // 9
		{Kind: im.KindProfile, From: a, Peer: a, Profile: &im.Profile{}},        // 10
	}
	for i := range log {
		log[i].MsgID = im.MsgID(100 + 10*(i+1))
	}
	if _, err := s.Append(context.Background(), a, log); err != nil {
		t.Fatal(err)
	}
	const huge = math.MaxUint64
	for _, test := range []struct {
		q     im.ArchiveQuery
		want  []uint64
		more  bool
		count int
	}{
		{im.ArchiveQuery{Limit: 10}, []uint64{1, 2, 3, 5, 6, 8, 9}, false, 7},
		{im.ArchiveQuery{Limit: 3}, []uint64{1, 2, 3}, true, 7},
		{im.ArchiveQuery{Limit: 3, Newest: true}, []uint64{6, 8, 9}, true, 7},
		{im.ArchiveQuery{Limit: 3, After: 3}, []uint64{5, 6, 8}, true, 7},
		{im.ArchiveQuery{Limit: 3, After: 6}, []uint64{8, 9}, false, 7},
		{im.ArchiveQuery{Limit: 3, Before: 6, Newest: true}, []uint64{2, 3, 5}, true, 7},
		{im.ArchiveQuery{Limit: 3, After: 1, Before: 6, Newest: true}, []uint64{2, 3, 5}, false, 7},
		{im.ArchiveQuery{Limit: 3, After: 6, Before: 7}, nil, false, 7},
		{im.ArchiveQuery{Limit: 3, After: huge}, nil, false, 7},
		{im.ArchiveQuery{Limit: 3, Before: huge, Newest: true}, []uint64{6, 8, 9}, true, 7},
		{im.ArchiveQuery{Limit: 0}, nil, false, 7},
		{im.ArchiveQuery{Limit: -1}, nil, false, 7},
		{im.ArchiveQuery{Limit: 10, Peer: b}, []uint64{1, 2, 5, 9}, false, 4},
		{im.ArchiveQuery{Limit: 3, Peer: b}, []uint64{1, 2, 5}, true, 4},
		{im.ArchiveQuery{Limit: 2, Peer: b, Newest: true}, []uint64{5, 9}, true, 4},
		{im.ArchiveQuery{Limit: 2, Peer: b, Newest: true, Before: 5}, []uint64{1, 2}, false, 4},
		{im.ArchiveQuery{Limit: 2, Peer: b, Kinds: []im.Kind{im.KindNote}}, []uint64{2, 9}, false, 2},
		{im.ArchiveQuery{Limit: 2, Peer: b, Kinds: []im.Kind{im.KindMessage, im.KindMessage}}, []uint64{1, 5}, false, 2},
		{im.ArchiveQuery{Limit: 2, Peer: b, Kinds: []im.Kind{im.KindRead, im.KindNote}}, []uint64{2, 4}, true, 3},
		{im.ArchiveQuery{Limit: 9, Peer: b, Kinds: []im.Kind{im.KindRead, im.KindContact}}, []uint64{4, 7}, false, 2},
		{im.ArchiveQuery{Limit: 9, Peer: far}, []uint64{3, 6}, false, 2},
		{im.ArchiveQuery{Limit: 9, Peer: a}, []uint64{8}, false, 1},
		{im.ArchiveQuery{Limit: 9, Peer: 4711}, nil, false, 0},
		{im.ArchiveQuery{Limit: 9, Peer: b | 1<<60}, nil, false, 0},
		{im.ArchiveQuery{Limit: 9, Peer: huge}, nil, false, 0},
		{im.ArchiveQuery{Limit: 9, Peer: huge, Seqs: []uint64{1, 2}}, nil, false, 0},
		{im.ArchiveQuery{Limit: 9, Kinds: []im.Kind{im.KindProfile, im.KindRead}}, []uint64{4, 10}, false, 2},
		{im.ArchiveQuery{Limit: 1, Kinds: []im.Kind{im.KindProfile, im.KindRead}, Newest: true}, []uint64{10}, true, 2},
		{im.ArchiveQuery{Limit: 9, Kinds: []im.Kind{im.KindNote}}, []uint64{2, 6, 9}, false, 3},
		{im.ArchiveQuery{Limit: 9, Kinds: []im.Kind{im.KindMessage, im.KindRead}}, []uint64{1, 3, 4, 5, 8}, false, 5},
		{im.ArchiveQuery{Limit: 9, From: 120, To: 160}, []uint64{2, 3, 5, 6}, false, 4},
		{im.ArchiveQuery{Limit: 1, From: 120, To: 160, Newest: true}, []uint64{6}, true, 4},
		{im.ArchiveQuery{Limit: 9, From: 121, To: 159, Peer: b}, []uint64{5}, false, 1},
		{im.ArchiveQuery{Limit: 9, From: 161, Peer: b}, []uint64{9}, false, 1},
		{im.ArchiveQuery{Limit: 9, To: 129}, []uint64{1, 2}, false, 2},
		{im.ArchiveQuery{Limit: 9, From: 160, To: 120}, nil, false, 0},
		{im.ArchiveQuery{Limit: 9, From: huge}, nil, false, 0},
		{im.ArchiveQuery{Limit: 2, To: huge}, []uint64{1, 2}, true, 7},
		{im.ArchiveQuery{Limit: 9, Seqs: []uint64{9, 4, 2, 2, 77, huge}}, []uint64{2, 9}, false, 2},
		{im.ArchiveQuery{Limit: 1, Seqs: []uint64{9, 4, 2, 2, 77}}, []uint64{2}, true, 2},
		{im.ArchiveQuery{Limit: 1, Seqs: []uint64{9, 3, 2}, Newest: true, Peer: b}, []uint64{9}, true, 2},
		{im.ArchiveQuery{Limit: 9, Seqs: []uint64{9, 8, 3, 2}, After: 2, Before: 9}, []uint64{3, 8}, false, 4},
		{im.ArchiveQuery{Limit: 9, Seqs: []uint64{9, 8, 3, 2}, From: 130, To: 180}, []uint64{3, 8}, false, 2},
		{im.ArchiveQuery{Limit: 9, Seqs: []uint64{huge}}, nil, false, 0},
	} {
		for _, counted := range []bool{true, false} {
			test.q.Count = counted
			count := test.count
			if !counted {
				count = 0
			}
			p, err := s.Archive(context.Background(), a, test.q)
			if got := seqsOf(p.Entries); err != nil || !slices.Equal(got, test.want) || p.More != test.more || p.Count != count {
				t.Errorf("%+v gave %v more=%t of %d, %v; want %v more=%t of %d", test.q, got, p.More, p.Count, err, test.want, test.more, count)
			}
		}
	}
	if p, err := s.Archive(context.Background(), im.MakeUserID(3, 4), im.ArchiveQuery{Limit: 5, From: 1, Count: true}); err != nil || len(p.Entries) != 0 || p.Count != 0 {
		t.Errorf("the archive of nobody: %+v %v", p, err)
	}
}

// model answers a query by looking at everything.
func model(all []im.Entry, q im.ArchiveQuery) (page im.ArchivePage) {
	kinds := q.Kinds
	if len(kinds) == 0 {
		kinds = []im.Kind{im.KindMessage, im.KindNote}
	}
	for _, e := range all {
		if !slices.Contains(kinds, e.Kind) || q.Peer != 0 && e.Peer != q.Peer || e.MsgID < q.From || q.To != 0 && e.MsgID > q.To ||
			len(q.Seqs) > 0 && !slices.Contains(q.Seqs, e.Seq) {
			continue
		}
		if q.Count {
			page.Count++
		}
		if e.Seq > q.After && (q.Before == 0 || e.Seq < q.Before) {
			page.Entries = append(page.Entries, e)
		}
	}
	if n := len(page.Entries); n > q.Limit {
		page.More = true
		page.Entries = page.Entries[:q.Limit]
		if q.Newest {
			page.Entries = page.Entries[:n][n-q.Limit:]
		}
	}
	return page
}

// Random queries of an inbox long enough for the search by time, in which ids
// are out of order by some hours.
func testArchiveModel(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 1, 1)[0]
	a := create(t, s, "alice")
	r := rand.New(rand.NewPCG(1, 2))
	peers := []im.UserID{a, 5, 6, im.ForeignID(im.Addr{Domain: "example.net"})}
	kinds := []im.Kind{im.KindMessage, im.KindMessage, im.KindMessage, im.KindNote, im.KindRead, im.KindBlock}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(i int) im.MsgID {
		return im.MakeMsgID(start.Add(time.Duration(i)*time.Hour+time.Duration(r.IntN(12*60))*time.Minute), r.IntN(4096), 1)
	}
	const long = 3000
	all := make([]im.Entry, long)
	for i := range all {
		all[i] = im.Entry{Kind: kinds[r.IntN(len(kinds))], MsgID: at(i), From: a, Peer: peers[r.IntN(len(peers))]}
	}
	all, err := s.Append(ctx, a, all)
	if err != nil {
		t.Fatal(err)
	}
	maybe := func() bool { return r.IntN(3) == 0 }
	for range 400 {
		q := im.ArchiveQuery{Limit: 1 + r.IntN(40), Newest: maybe(), Count: maybe()}
		if maybe() {
			q.Peer = peers[r.IntN(len(peers))]
		}
		if maybe() {
			for range 1 + r.IntN(3) {
				q.Kinds = append(q.Kinds, kinds[r.IntN(len(kinds))])
			}
		}
		if maybe() {
			q.After = uint64(r.IntN(long))
		}
		if maybe() {
			q.Before = uint64(r.IntN(long + 10))
		}
		if maybe() {
			q.From = at(r.IntN(long+200) - 100)
		}
		if maybe() {
			q.To = at(r.IntN(long+200) - 100)
		}
		for r.IntN(4) == 0 {
			for range 300 {
				q.Seqs = append(q.Seqs, uint64(r.IntN(long)))
			}
		}
		want := model(all, q)
		p, err := s.Archive(ctx, a, q)
		if err != nil || !slices.Equal(seqsOf(p.Entries), seqsOf(want.Entries)) || p.More != want.More || p.Count != want.Count {
			t.Fatalf("%+v gave %v more=%t of %d, %v; want %v more=%t of %d",
				q, seqsOf(p.Entries), p.More, p.Count, err, seqsOf(want.Entries), want.More, want.Count)
		}
	}
}

// A page ends where one of the inbox does, whatever it is read by.
func testArchiveBytes(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 1, 1)[0]
	a, b := create(t, s, "alice"), create(t, s, "bob")
	big := strings.Repeat("x", 64<<10)
	for i := range 12 {
		m := message(a, b, big)
		if m.Note = i%2 == 0; m.Note {
			m.Text, m.Ext = "", []byte(big)
		}
		send(t, s, m)
	}
	for _, q := range []im.ArchiveQuery{
		{Limit: 50},
		{Limit: 50, Newest: true},
		{Limit: 50, Peer: b},
		{Limit: 50, Peer: b, Newest: true},
		{Limit: 50, Seqs: []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	} {
		var got []uint64
		for pages := 1; ; pages++ {
			p, err := s.Archive(ctx, a, q)
			if err != nil || len(p.Entries) > 4 {
				t.Fatalf("%d large entries on a page, %v", len(p.Entries), err)
			}
			if got = append(got, seqsOf(p.Entries)...); !p.More {
				break
			}
			q.After = p.Entries[len(p.Entries)-1].Seq
			if q.Newest {
				q.After, q.Before = 0, p.Entries[0].Seq
			}
		}
		slices.Sort(got)
		if fmt.Sprint(got) != "[1 2 3 4 5 6 7 8 9 10 11 12]" {
			t.Errorf("%+v: the pages have %v", q, got)
		}
	}
	many := make([]im.Entry, shard.MaxCount+10)
	for i := range many {
		many[i] = im.Entry{Kind: im.KindNote, MsgID: clock.Next(), From: b, Peer: b}
	}
	for part := range slices.Chunk(many, 1000) {
		if _, err := s.Append(ctx, a, part); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []im.ArchiveQuery{{Count: true}, {Count: true, Peer: b}, {Count: true, From: 1}, {Count: true, Limit: 1 << 40, After: 100}} {
		p, err := s.Archive(ctx, a, q)
		if err != nil || p.Count != shard.MaxCount || q.Limit > 0 && (len(p.Entries) != shard.MaxArchive || !p.More) {
			t.Errorf("%+v gave %d entries of %d, %v", q, len(p.Entries), p.Count, err)
		}
	}
}
