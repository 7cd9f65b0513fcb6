package shard_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

func note(from, to im.UserID, ext string) im.Message {
	m := message(from, to, "")
	m.Note, m.Ext = true, []byte(ext)
	return m
}

// Notes take places among messages, and nothing that shows messages shows them.
func testNotes(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a := createIn(t, s, 1)
	for zone := im.ZoneID(1); zone <= 2; zone++ {
		b, c := createIn(t, s, zone), createIn(t, s, zone)
		only := send(t, s, note(a, c, "<call/>")) // with carol there are only notes
		hello := send(t, s, message(b, a, "hello"))
		n := note(b, a, "<receipt/>")
		sent := send(t, s, n)
		if only.FromSeq == 0 || only.ToSeq != 1 || sent.ToSeq != hello.ToSeq+1 || sent.FromSeq != 2 {
			t.Errorf("zone %d: places %+v %+v", zone, only, sent)
		}
		for _, side := range [][2]im.UserID{{a, b}, {b, a}} {
			all := inbox(t, s, side[0])
			e := all[len(all)-1]
			want := im.Entry{Seq: e.Seq, MsgID: n.MsgID, Kind: im.KindNote, From: b, Peer: side[1], ClientID: n.ClientID, Ext: n.Ext}
			if !reflect.DeepEqual(e, want) {
				t.Errorf("zone %d: logged %+v, want %+v", zone, e, want)
			}
		}
		// The same send again is the first; as a message it is another one.
		again := n
		again.MsgID = clock.Next()
		if got := send(t, s, again); !got.Duplicate || got.MsgID != n.MsgID || got.FromSeq != sent.FromSeq || got.ToSeq != sent.ToSeq {
			t.Errorf("zone %d: a repeat gave %+v, the first time gave %+v", zone, got, sent)
		}
		text := again
		text.Note = false
		wantCode(t, sendAll(s, text)[0].err, im.CodeIDReused)
		twins := sendAll(s, note(b, a, "x"), again, text)
		if twins[0].err != nil || !twins[1].Duplicate || im.CodeOf(twins[2].err) != im.CodeIDReused {
			t.Errorf("zone %d: %+v", zone, twins)
		}
		pair := []im.Message{note(b, a, "y"), {}}
		pair[1] = pair[0]
		pair[1].Note = false
		twins = sendAll(s, pair...)
		if twins[0].err != nil || im.CodeOf(twins[1].err) != im.CodeIDReused {
			t.Errorf("zone %d: a note and a message with one id: %+v", zone, twins)
		}
		checkUnseen(t, s, a, b, c, hello)
		if e, _, err := s.MarkRead(ctx, a, b, clock.Next(), im.Entry{Kind: im.KindRead, MsgID: clock.Next(), From: a, Peer: b, Ext: []byte("<displayed/>")}); err != nil || e == nil || e.UpTo != hello.MsgID {
			t.Errorf("zone %d: a mark above a note stands on %+v (%v), want the message", zone, e, err)
		}
		all := inbox(t, s, a)
		if e := all[len(all)-1]; e.Kind != im.KindRead || string(e.Ext) != "<displayed/>" || e.UpTo != hello.MsgID {
			t.Errorf("zone %d: the mark came back as %+v", zone, e)
		}
	}
	self := send(t, s, note(a, a, "<note/>"))
	if self.FromSeq != self.ToSeq {
		t.Errorf("a note to oneself gave %+v", self)
	}
}

func checkUnseen(t *testing.T, s *shard.Store, a, b, c im.UserID, hello im.Committed) {
	t.Helper()
	ctx := context.Background()
	for peer, want := range map[im.UserID]int{b: 1, c: 0, b | 1<<60: 0, c | 1<<60: 0, b | 1<<63: 0} {
		p, err := s.History(ctx, a, im.HistoryQuery{Peer: peer, Limit: 10})
		if err != nil || len(p.Entries) != want || p.More {
			t.Errorf("the history with %s has %+v (%v), want %d messages", peer, p, err, want)
		}
	}
	if e, _, err := s.MarkRead(ctx, a, c|1<<60, clock.Next(), im.Entry{Kind: im.KindRead}); e != nil || err != nil {
		t.Errorf("notes were marked as read: %+v %v", e, err)
	}
	all, err := s.Conversations(ctx, a, 10)
	if err != nil || slices.ContainsFunc(all, func(x im.Conversation) bool { return x.Peer == c || x.Last.Kind != im.KindMessage }) {
		t.Errorf("%+v %v", all, err)
	}
	if x := all[0]; x.Peer != b || x.Unread != 1 || x.Last.Seq != hello.ToSeq {
		t.Errorf("the newest conversation is %+v", x)
	}
}

// What an entry of each kind carries comes back.
func testOtherKinds(t *testing.T, f factory) {
	s := f(t, 2, 1)[0]
	a, b := createIn(t, s, 1), im.ForeignID(im.Addr{Local: "b", Domain: "example.net"})
	want := []im.Entry{
		{Kind: im.KindNote, MsgID: 4, From: b, Peer: b, ClientID: im.ClientID{1}, Ext: []byte{0, 255}},
		{Kind: im.KindRead, MsgID: 5, From: a, Peer: b, UpTo: 4, Ext: []byte("<displayed/>")},
		{Kind: im.KindBlock, MsgID: 6, From: a, Peer: a, Block: &im.Block{Blocked: []im.Addr{{Domain: "example.com"}, {Local: "x", Domain: "y", Resource: "z ü"}}}},
		{Kind: im.KindBlock, MsgID: 7, From: a, Peer: a, Block: &im.Block{Unblocked: []im.Addr{{Domain: "example.com"}}, Cleared: true}},
		{Kind: im.KindContact, MsgID: 8, From: b, Peer: b, Contact: &im.Contact{
			User: b, Addr: im.Addr{Local: "b", Domain: "example.net"}, Sub: im.SubPendingIn,
			Said: []im.SubEvent{im.Unsubscribe, im.Subscribe}, Ext: []byte{0, 1}, Note: "please",
		}},
	}
	logged, err := s.Append(context.Background(), a, want)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range inbox(t, s, a) {
		want[i].Seq = uint64(i + 1)
		if !reflect.DeepEqual(e, want[i]) || !reflect.DeepEqual(logged[i], want[i]) {
			t.Errorf("logged %+v, read %+v, want %+v", logged[i], e, want[i])
		}
	}
}

// A note of which one zone has heard is completed by the repeat.
func TestHalfNote(t *testing.T) {
	s := open(t, sqliteConfig(2))
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	crash := errors.New("the process ends here")
	shard.SetHook(s, 1, func(point string) error {
		if point == "between zones" {
			return crash
		}
		return nil
	})
	m := note(a, b, "<receipt/>")
	if o := sendAll(s, m)[0]; !errors.Is(o.err, crash) {
		t.Fatalf("got %+v", o)
	}
	shard.SetHook(s, 1, nil)
	text := m
	text.Note = false
	wantCode(t, sendAll(s, text)[0].err, im.CodeIDReused)
	if got := send(t, s, m); got.Duplicate || got.MsgID != m.MsgID {
		t.Errorf("the repeat gave %+v", got)
	}
	if all := inbox(t, s, a); len(all) != 1 || all[0].Kind != im.KindNote || len(inbox(t, s, b)) != 1 {
		t.Errorf("%+v", all)
	}
}
