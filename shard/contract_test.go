package shard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// factory gives stores over fresh databases: as many as instances, all on the
// same ones. A database for one process gives one.
type factory func(t *testing.T, zones, instances int) []*shard.Store

func TestContract(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		RunContract(t, func(t *testing.T, zones, _ int) []*shard.Store {
			return []*shard.Store{open(t, sqliteConfig(zones))}
		})
	})
	t.Run("mysql", func(t *testing.T) {
		RunContract(t, func(t *testing.T, zones, instances int) (out []*shard.Store) {
			cfg := mysqlConfig(t, zones)
			for range instances {
				out = append(out, open(t, cfg))
			}
			return out
		})
	})
}

// RunContract checks what acs.Store promises.
func RunContract(t *testing.T, f factory) {
	for name, test := range map[string]func(*testing.T, factory){
		"dense under concurrency":   testDense,
		"order of one sender":       testOrder,
		"duplicates":                testDuplicates,
		"duplicates of crossings":   testCrossingTwins,
		"crash between zones":       testCrash,
		"one bad change harms none": testBadChange,
		"bodies":                    testBodies,
		"history":                   testHistory,
		"conversations":             testConversations,
		"accounts":                  testAccounts,
		"devices":                   testDevices,
		"states of devices":         testDeviceStates,
		"newest id":                 testMaxMsgID,
		"contacts":                  testContacts,
		"invitations":               testInvites,
		"closing":                   testClosing,
		"notes":                     testNotes,
		"entries of other kinds":    testOtherKinds,
		"archive":                   testArchive,
		"archive by a model":        testArchiveModel,
		"archive of large entries":  testArchiveBytes,
		"requests":                  testRequests,
		"delivered":                 testDelivered,
		"block lists":               testBlocks,
		"leaves":                    testLeaves,
		"leaves of many":            testLeavesOf,
		"contacts of many":          testContactsOf,
		"limits of leaves":          testLeafLimits,
		"leaves under concurrency":  testLeafRace,
		"removal":                   testRemoval,
		"removal of a long inbox":   testLongRemoval,
		"timeline":                  testTimeline,
		"speakers are known":        testSpeakersKnown,
		"removal from a group":      testGroupRemoval,
		"one transaction":           testSameTransaction,
		"what is owed":              testOwed,
		"changes of a group":        testGroupEdits,
		"retention":                 testPrune,
		"retention of all":          testPruneAll,
		"dissolution":               testDissolve,
		"archive of a timeline":     testTimelineArchive,
		"owed past a zone":          testOwedPastDown,
		"memberships":               testMemberships,
		"snapshots":                 testSnapshots,
		"one address":               testOneAddress,
		"unread":                    testUnread,
		"nicknames":                 testNicks,
		"changes that panic":        testGroupPanics,
		"retraction":                testRetract,
		"a large group":             testLargeGroup,
		"many timelines":            testManyTimelines,
		"states of many groups":     testManyStates,
	} {
		t.Run(name, func(t *testing.T) { test(t, f) })
	}
}

func testDense(t *testing.T, f factory) {
	stores := f(t, 2, 2)
	users := make([]im.UserID, 10)
	for i := range users {
		users[i] = create(t, stores[0], fmt.Sprintf("user%d", i))
	}
	const workers, each = 16, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := make(map[im.UserID]map[uint64]im.MsgID) // guarded by mu: what the acks said
	note := func(u im.UserID, seq uint64, id im.MsgID) {
		if want[u] == nil {
			want[u] = make(map[uint64]im.MsgID)
		}
		if want[u][seq] != 0 {
			t.Errorf("place %d of %s was given twice", seq, u)
		}
		want[u][seq] = id
	}
	for w := range workers {
		wg.Go(func() {
			s := stores[w%len(stores)]
			for i := range each {
				from, to := users[(w+i)%len(users)], users[(w*3+i*7)%len(users)]
				o := sendAll(s, message(from, to, "x"))[0]
				if o.err != nil {
					t.Error(o.err)
					return
				}
				mu.Lock()
				note(from, o.FromSeq, o.MsgID)
				if from != to {
					note(to, o.ToSeq, o.MsgID)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, u := range users {
		entries := inbox(t, stores[0], u)
		if len(entries) != len(want[u]) {
			t.Errorf("user %s has %d entries, acks told of %d", u, len(entries), len(want[u]))
		}
		for _, e := range entries {
			if want[u][e.Seq] != e.MsgID {
				t.Errorf("user %s: place %d holds %s, the ack said %s", u, e.Seq, e.MsgID, want[u][e.Seq])
			}
		}
	}
}

func testOrder(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a := createIn(t, s, 1)
	for zone := im.ZoneID(1); zone <= 2; zone++ {
		b := createIn(t, s, zone)
		all := make([]im.Message, 1500)
		for i := range all {
			all[i] = message(a, b, fmt.Sprint(i))
		}
		var order []string
		var wg sync.WaitGroup
		wg.Add(len(all))
		for _, m := range all {
			s.AppendMessage(m, func(_ im.Committed, err error) {
				if err != nil {
					t.Error(err)
				}
				order = append(order, m.Text) // one goroutine calls
				wg.Done()
			})
		}
		wg.Wait()
		var got []string
		for _, e := range inbox(t, s, b) {
			got = append(got, e.Text)
		}
		var sent []string
		for _, e := range inbox(t, s, a) {
			if e.Peer == b {
				sent = append(sent, e.Text)
			}
		}
		want := make([]string, len(all))
		for i := range all {
			want[i] = fmt.Sprint(i)
		}
		if !slices.Equal(got, want) || !slices.Equal(sent, want) || !slices.Equal(order, want) {
			t.Errorf("zone %d: the order of the calls was not kept", zone)
		}
	}
}

func testDuplicates(t *testing.T, f factory) {
	stores := f(t, 2, 2)
	s, other := stores[0], stores[len(stores)-1]
	a := createIn(t, s, 1)
	for zone := im.ZoneID(1); zone <= 2; zone++ {
		b, c := createIn(t, s, zone), createIn(t, s, 3-zone)
		m := message(a, b, "first")
		first := send(t, s, m)
		again := m
		again.MsgID = clock.Next()
		for _, through := range []*shard.Store{s, other} {
			got := send(t, through, again)
			if !got.Duplicate || got.MsgID != first.MsgID || got.FromSeq != first.FromSeq || got.ToSeq != first.ToSeq {
				t.Errorf("zone %d: a repeat gave %+v, the first time gave %+v", zone, got, first)
			}
		}
		text, ext, to := again, again, again
		text.Text, ext.Ext, to.To = "other", []byte{1}, c
		for _, o := range sendAll(s, text, ext, to) {
			wantCode(t, o.err, im.CodeIDReused)
		}
		if n := len(inbox(t, s, b)) + len(inbox(t, s, c)); n != 1 {
			t.Errorf("zone %d: %d entries after one message", zone, n)
		}
		// A repeat among others spoils nothing.
		fresh := message(a, b, "second")
		all := sendAll(s, again, fresh, again, fresh)
		for i, o := range all {
			if o.err != nil || o.Duplicate != (i != 1) {
				t.Errorf("zone %d: message %d of a mixed run gave %+v", zone, i, o)
			}
		}
	}
	n := send(t, s, im.Message{From: a, To: a, MsgID: clock.Next(), Text: "note"})
	if n.FromSeq != n.ToSeq {
		t.Errorf("a note to oneself gave %+v", n)
	}
	noID := im.Message{From: a, To: a, MsgID: clock.Next(), Text: "note"}
	if sendAll(s, noID, noID)[1].Duplicate {
		t.Error("messages without a client id were compared")
	}
}

func testCrossingTwins(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	m := message(a, b, "once")
	all := make([]im.Message, 50)
	for i := range all {
		all[i] = m
		all[i].MsgID = clock.Next()
	}
	all[49].Text = "not the same"
	firsts := 0
	for i, o := range sendAll(s, all...) {
		if i == 49 {
			wantCode(t, o.err, im.CodeIDReused)
			continue
		}
		if o.err != nil {
			t.Fatal(o.err)
		}
		if !o.Duplicate {
			firsts++
		}
	}
	if firsts != 1 || len(inbox(t, s, b)) != 1 || len(inbox(t, s, a)) != 1 {
		t.Errorf("%d of the twins were taken for the first", firsts)
	}
}

func testCrash(t *testing.T, f factory) {
	stores := f(t, 2, 2)
	s, other := stores[0], stores[len(stores)-1]
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	crash := errors.New("the process ends here")
	shard.SetHook(s, 1, func(point string) error {
		if point == "between zones" {
			return crash
		}
		return nil
	})
	m := message(a, b, "half")
	if o := sendAll(s, m)[0]; !errors.Is(o.err, crash) {
		t.Fatalf("got %+v", o)
	}
	shard.SetHook(s, 1, nil)
	if len(inbox(t, s, b)) != 1 || len(inbox(t, s, a)) != 0 {
		t.Fatal("the message is not half done")
	}
	again := m
	again.MsgID = clock.Next()
	changed := again
	changed.Text = "other"
	wantCode(t, sendAll(other, changed)[0].err, im.CodeIDReused)
	got := send(t, other, again)
	if got.Duplicate || got.MsgID != m.MsgID || got.ToSeq != 1 || got.FromSeq != 1 {
		t.Errorf("the repeat gave %+v", got)
	}
	if e := inbox(t, s, a); len(e) != 1 || e[0].MsgID != m.MsgID || len(inbox(t, s, b)) != 1 {
		t.Errorf("the repeat did not complete the message: %+v", e)
	}
	if !send(t, s, again).Duplicate {
		t.Error("the third time was taken for the first")
	}
}

func testBadChange(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := createIn(t, s, 1), createIn(t, s, 1)
	nobody := im.MakeUserID(a.Slot(), 12345)
	out := sendAll(s, message(a, b, "1"), message(a, nobody, "2"), message(nobody, b, "3"), message(a, b, "4"),
		message(a, im.MakeUserID(createIn(t, s, 2).Slot(), 12345), "5"))
	for i, want := range []im.ErrorCode{0, im.CodeNotFound, im.CodeNotFound, 0, im.CodeNotFound} {
		if im.CodeOf(out[i].err) != want {
			t.Errorf("message %d gave %v", i+1, out[i].err)
		}
	}
	// Changes that fail, in the same transactions as changes that do not.
	mine := errors.New("a rule says no")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := s.UpdateAccount(context.Background(), b, func(acc *im.Account) ([]im.Entry, error) {
				switch i % 4 {
				case 0:
					return nil, mine
				case 1:
					panic("a mistake in a rule")
				}
				return []im.Entry{{Kind: im.KindProfile, MsgID: clock.Next(), From: b, Peer: b}}, nil
			})
			if i%4 == 0 && !errors.Is(err, mine) || i%4 == 1 && err == nil || i%4 > 1 && err != nil {
				t.Errorf("change %d gave %v", i, err)
			}
		})
		wg.Go(func() {
			// The database itself refuses this one: there is no such table.
			if err := shard.SQL(s, b, "INSERT INTO nowhere (x) VALUES (1)"); err == nil {
				t.Error("an impossible statement was accepted")
			}
		})
		wg.Go(func() { send(t, s, message(a, b, "among them")) })
	}
	wg.Wait()
	if n := len(inbox(t, s, b)); n != 2+20+40 {
		t.Errorf("%d entries", n)
	}
}

func testBodies(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b := create(t, s, "alice"), create(t, s, "bob")
	big := make([]byte, 64<<10)
	for i := range big {
		big[i] = byte('a' + i%26)
	}
	ext := make([]byte, 256)
	for i := range ext {
		ext[i] = byte(i)
	}
	texts := []string{"", `quote ' " \ ? % ; -- x`, "nul \x00 tab \t line \n\r\x1a", "ünï 😀 \u200d", string(big)}
	for _, text := range texts {
		m := message(a, b, text)
		m.Ext = ext
		send(t, s, m)
	}
	for _, u := range []im.UserID{a, b} {
		p, err := s.Read(context.Background(), u, 0, 100)
		if err != nil || len(p.Entries) != len(texts) {
			t.Fatal(len(p.Entries), err)
		}
		for i, e := range p.Entries {
			if e.Text != texts[i] || !slices.Equal(e.Ext, ext) || e.Kind != im.KindMessage || e.From != a || e.ClientID.IsZero() {
				t.Errorf("entry %d came back changed", i)
			}
		}
	}
	logged, err := s.Append(context.Background(), a, []im.Entry{
		{Kind: im.KindContact, MsgID: 5, From: b, Peer: b, Contact: &im.Contact{User: b, Name: "Bob 😀", Groups: []string{"x"}}},
		{Kind: im.KindDevice, MsgID: 6, From: a, Peer: a, Device: &im.Device{ID: 3, Resource: "r", TokenHash: []byte("secret")}},
		{Kind: im.KindProfile, MsgID: 7, From: a, Peer: a, Profile: &im.Profile{Name: "A"}},
		{Kind: im.KindRead, MsgID: 8, From: a, Peer: b, UpTo: 99},
	})
	if err != nil || logged[0].Seq != 6 || logged[3].Seq != 9 {
		t.Fatal(logged, err)
	}
	p, err := s.Read(context.Background(), a, 5, 10)
	if err != nil || p.Head != 9 || len(p.Entries) != 4 {
		t.Fatal(p, err)
	}
	e := p.Entries
	if e[0].Contact.Name != "Bob 😀" || e[1].Device.Resource != "r" || e[1].Device.TokenHash != nil || e[2].Profile.Name != "A" || e[3].UpTo != 99 || e[3].Text != "" {
		t.Errorf("entries came back changed: %+v", e)
	}
	// Five of the largest bodies are more than a page.
	for range 5 {
		send(t, s, message(a, b, string(big)))
	}
	if p, err = s.Read(context.Background(), b, 5, 100); err != nil || len(p.Entries) != 4 || p.Head != 10 {
		t.Errorf("a page of %d large entries below %d: %v", len(p.Entries), p.Head, err)
	}
	_, err = s.Read(context.Background(), im.MakeUserID(3, 4), 0, 10)
	wantCode(t, err, im.CodeNotFound)
}

func testHistory(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b, c := create(t, s, "alice"), create(t, s, "bob"), create(t, s, "carol")
	for i := range 10 { // odd seqs with bob, even ones with carol
		send(t, s, message(a, b, fmt.Sprint("b", i)))
		send(t, s, message(c, a, fmt.Sprint("c", i)))
	}
	for _, test := range []struct {
		q    im.HistoryQuery
		want []uint64
		more bool
	}{
		{im.HistoryQuery{Peer: b, Limit: 3}, []uint64{15, 17, 19}, true},
		{im.HistoryQuery{Peer: b, Limit: 3, Before: 15}, []uint64{9, 11, 13}, true},
		{im.HistoryQuery{Peer: b, Limit: 3, Before: 7}, []uint64{1, 3, 5}, false},
		{im.HistoryQuery{Peer: b, Limit: 3, After: 1}, []uint64{3, 5, 7}, true},
		{im.HistoryQuery{Peer: b, Limit: 3, After: 14}, []uint64{15, 17, 19}, false},
		{im.HistoryQuery{Peer: b, Limit: 3, After: 3, Before: 9}, []uint64{5, 7}, false},
		{im.HistoryQuery{Peer: c, Limit: 100}, []uint64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, false},
		{im.HistoryQuery{Peer: 77, Limit: 3}, nil, false},
	} {
		p, err := s.History(context.Background(), a, test.q)
		var got []uint64
		for _, e := range p.Entries {
			got = append(got, e.Seq)
		}
		if err != nil || !slices.Equal(got, test.want) || p.More != test.more {
			t.Errorf("%+v gave %v more=%t, %v", test.q, got, p.More, err)
		}
	}
}

func testConversations(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a, b, c := createIn(t, s, 1), createIn(t, s, 2), createIn(t, s, 1)
	var ids []im.MsgID
	for i := range 5 {
		ids = append(ids, send(t, s, message(b, a, fmt.Sprint(i))).MsgID)
	}
	send(t, s, message(a, c, "hello"))
	send(t, s, message(a, a, "note"))
	check := func(unread int, readTo, peerTo im.MsgID) {
		t.Helper()
		all, err := s.Conversations(ctx, a, 10)
		if err != nil || len(all) != 3 || all[0].Peer != a || all[1].Peer != c || all[2].Peer != b {
			t.Fatal(all, err)
		}
		if x := all[2]; x.Unread != unread || x.ReadTo != readTo || x.Last.Text != "4" {
			t.Errorf("conversation with bob: %+v, want %d unread up to %s", x, unread, readTo)
		}
		if x := all[1]; x.Unread != 0 || x.PeerTo != peerTo || x.Last.Text != "hello" {
			t.Errorf("conversation with carol: %+v", x)
		}
	}
	check(5, 0, 0)
	var at im.MsgID
	markRead := func(upTo im.MsgID) (e *im.Entry) {
		t.Helper()
		var err error
		e, at, err = s.MarkRead(ctx, a, b, upTo, im.Entry{Kind: im.KindRead, MsgID: clock.Next(), From: a, Peer: b, UpTo: upTo})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := markRead(ids[2]); e == nil || e.Seq == 0 {
		t.Errorf("moving a mark logged %+v", e)
	}
	if markRead(ids[1]) != nil || at != ids[1] || markRead(ids[2]) != nil || at != ids[2] {
		t.Errorf("a mark went back, or moved to where it stood: at %s", at)
	}
	check(2, ids[2], 0)
	late := message(b, a, "4") // an id from before the mark: read, says the mark
	late.MsgID = ids[1] + 1
	send(t, s, late)
	markRead(ids[3])
	if all, err := s.Conversations(ctx, a, 1); err != nil || len(all) != 1 || all[0].Peer != b || all[0].Unread != 1 {
		t.Fatal(all, err)
	}
	// A mark stands on a message that came in: what is ahead of all of them, and
	// even of what an id can be, does not swallow later ones.
	if e := markRead(math.MaxUint64); e == nil || e.UpTo != ids[4] {
		t.Errorf("a mark ahead of all messages logged %+v, want up to %s", e, ids[4])
	}
	if at != ids[4] {
		t.Errorf("a mark ahead of all messages stands at %s, want %s", at, ids[4])
	}
	if e := markRead(ids[4] + 1<<41); e != nil {
		t.Errorf("a mark with nothing new below it logged %+v", e)
	}
	for _, stranger := range []im.UserID{create(t, s, "dave"), 4711} {
		e, _, err := s.MarkRead(ctx, a, stranger, ids[4], im.Entry{Kind: im.KindRead, MsgID: clock.Next(), From: a, Peer: stranger})
		if e != nil || err != nil {
			t.Errorf("marking a conversation that does not exist: %+v %v", e, err)
		}
	}
	theirs := []im.Entry{{Kind: im.KindRead, MsgID: clock.Next(), From: c, Peer: c, UpTo: ids[1]}}
	for _, news := range []int{1, 0} { // the second time it says nothing new
		if logged, err := s.Append(ctx, a, theirs); err != nil || len(logged) != news {
			t.Fatalf("%d entries were logged, want %d (%v)", len(logged), news, err)
		}
	}
	all, err := s.Conversations(ctx, a, 10)
	if err != nil || all[0].Unread != 0 || all[0].ReadTo != ids[4] || all[2].PeerTo != ids[1] {
		t.Errorf("%+v %v", all, err)
	}
}

func testClosing(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		s.AppendMessage(message(a, b, "x"), func(_ im.Committed, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
	wantCode(t, sendAll(s, message(a, b, "late"))[0].err, im.CodeGoAway)
	_, err := s.Append(context.Background(), a, nil)
	wantCode(t, err, im.CodeGoAway)
}

var ms = func(n int64) time.Time { return time.UnixMilli(n).UTC() }
