package acs

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// sent collects what became of messages.
type sent struct {
	mu   sync.Mutex
	list []im.ErrorCode // guarded by mu
}

func (x *sent) codes() []im.ErrorCode {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

func (x *sent) send(s *session, m im.Outgoing) {
	s.Send(m, func(_ im.Ack, err error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.list = append(x.list, im.CodeOf(err))
	})
	synctest.Wait()
}

// XEP-0191 section 3.3 for messages.
func TestSendAcrossABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		other, _ := w.open(t, alice, 3, 1)
		if err := b.Block(t.Context(), []im.Addr{{Local: "u7", Domain: "example.org", Resource: "d1"}}); err != nil {
			t.Fatal(err)
		}
		n := len(w.store.log(bob))
		var x sent
		x.send(a, im.Outgoing{To: bob, Text: "hi"})
		x.send(a, im.Outgoing{To: bob, Ext: []byte("<received/>"), Note: true})
		x.send(other, im.Outgoing{To: bob, Text: "from another device"})
		x.send(b, im.Outgoing{To: alice, Text: "the other way round"})
		want := []im.ErrorCode{im.CodeBlocked, im.CodeBlocked, 0, 0}
		if !slices.Equal(x.codes(), want) {
			t.Errorf("sends ended with %v; want %v", x.codes(), want)
		}
		if err := b.Block(t.Context(), []im.Addr{{Domain: "example.org"}}); err != nil {
			t.Fatal(err)
		}
		x.list = nil
		x.send(b, im.Outgoing{To: alice, Text: "hi"})
		x.send(other, im.Outgoing{To: bob, Text: "hi"})
		x.send(b, im.Outgoing{To: bob, Text: "to himself"})
		want = []im.ErrorCode{im.CodeOwnBlock, im.CodeBlocked, 0}
		if !slices.Equal(x.codes(), want) {
			t.Errorf("sends ended with %v; want %v", x.codes(), want)
		}
		if got := len(w.store.log(bob)) - n; got != 4 {
			t.Errorf("bob's inbox has %d new entries; want two messages, his block and his note", got)
		}
	})
}

// The check of what is remembered reads nothing.
func TestSendReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		var x sent
		x.send(a, im.Outgoing{To: bob, Text: "first"})
		n, m := w.store.calls("blocks"), w.store.calls("account")
		for range 10 {
			x.send(a, im.Outgoing{To: bob, Text: "more"})
		}
		if w.store.calls("blocks") != n || w.store.calls("account") != m {
			t.Error("a message cost a read")
		}
	})
}

// What waits for a block list holds up what was sent after it, and nothing
// overtakes.
func TestSendOrderWhileABlockListIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		if _, err := w.blocks.get(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		w.store.blocked = map[im.UserID][]im.Addr{10: {addrOf(alice)}}
		w.store.on("blocks", func() { <-time.After(time.Second) })
		var x sent
		for _, to := range []im.UserID{bob, 9, 10, bob} {
			x.send(a, im.Outgoing{To: to, Text: to.String()})
		}
		if len(x.codes()) != 0 {
			t.Errorf("something overtook: %v", x.codes())
		}
		advance(2 * time.Second)
		if want := []im.ErrorCode{0, 0, im.CodeBlocked, 0}; !slices.Equal(x.codes(), want) {
			t.Errorf("sends ended with %v; want %v", x.codes(), want)
		}
		var texts []string
		for _, e := range w.store.log(alice) {
			texts = append(texts, e.Text)
		}
		if want := []string{"8", "9", "8"}; !slices.Equal(texts, want) {
			t.Errorf("committed %v; want %v", texts, want)
		}
	})
}

// Without an answer of the storage nothing is sent, and that is certain.
func TestSendWithoutBlockList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		var x sent
		w.store.failing("blocks", im.Errorf(im.CodeZoneUnavailable, ""))
		x.send(a, im.Outgoing{To: bob, Text: "hi"})
		w.store.failing("blocks", nil)
		w.store.on("blocks", func() { <-time.After(time.Minute) })
		x.send(a, im.Outgoing{To: bob, Text: "hi"})
		advance(2 * time.Minute)
		if want := []im.ErrorCode{im.CodeZoneUnavailable, im.CodeRetryLater}; !slices.Equal(x.codes(), want) {
			t.Errorf("sends ended with %v; want %v", x.codes(), want)
		}
		if len(w.store.log(bob)) != 0 {
			t.Error("something was sent")
		}
	})
}

// A send that has to wait when the server ends is refused, not forgotten.
func TestSendAsTheServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.open(t, alice, 1, 1)
		w.tasks.close()
		var x sent
		x.send(s, im.Outgoing{To: bob, Text: "hi"})
		if want := []im.ErrorCode{im.CodeGoAway}; !slices.Equal(x.codes(), want) {
			t.Errorf("the send ended with %v; want %v", x.codes(), want)
		}
	})
}

func TestSendNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		_ = b
		sink := &fakeSink{}
		if _, _, err := w.Open(t.Context(), opening(bob, 5, 1, sink)); err != nil {
			t.Fatal(err)
		}
		var x sent
		x.send(a, im.Outgoing{To: bob, Ext: []byte("<received/>"), Note: true})
		x.send(a, im.Outgoing{To: bob, Text: "text", Ext: []byte("<x/>"), Note: true})
		x.send(a, im.Outgoing{To: bob, Note: true})
		if want := []im.ErrorCode{0, im.CodeInvalid, im.CodeInvalid}; !slices.Equal(x.codes(), want) {
			t.Errorf("sends ended with %v; want %v", x.codes(), want)
		}
		if len(sink.entries) != 1 || sink.entries[0].Kind != im.KindNote || string(sink.entries[0].Ext) != "<received/>" || sink.entries[0].Peer != alice {
			t.Errorf("pushed %+v", sink.entries)
		}
	})
}

// A read mark carries what the client says with it to both sides; across a block
// it stays with the reader.
func TestMarkRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		if err := a.MarkRead(t.Context(), bob, 5, []byte("<displayed/>")); err != nil {
			t.Fatal(err)
		}
		for u, peer := range map[im.UserID]im.UserID{alice: bob, bob: alice} {
			log := w.store.log(u)
			if len(log) != 1 || log[0].Kind != im.KindRead || log[0].Peer != peer || log[0].From != alice || log[0].UpTo != 5 || string(log[0].Ext) != "<displayed/>" {
				t.Errorf("user %d has %+v", u, log)
			}
		}
		wantCode(t, a.MarkRead(t.Context(), bob, 6, make([]byte, maxExt+1)), im.CodeTooLarge)
		if err := a.MarkReadPrivately(t.Context(), bob, 6); err != nil {
			t.Fatal(err)
		}
		if mine, theirs := len(w.store.log(alice)), len(w.store.log(bob)); mine != 2 || theirs != 1 {
			t.Errorf("a private mark: %d entries of the reader, %d of the peer", mine, theirs)
		}
		for _, blocker := range []*session{a, b} {
			if err := blocker.Block(t.Context(), []im.Addr{addrOf(alice + bob - blocker.user)}); err != nil {
				t.Fatal(err)
			}
			mine, theirs := len(w.store.log(alice)), len(w.store.log(bob))
			if err := a.MarkRead(t.Context(), bob, 7, nil); err != nil {
				t.Fatal(err)
			}
			if len(w.store.log(alice)) != mine+1 || len(w.store.log(bob)) != theirs {
				t.Errorf("user %d has blocked: %d and %d entries more", blocker.user, len(w.store.log(alice))-mine, len(w.store.log(bob))-theirs)
			}
			if err := blocker.Unblock(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What a user writes to himself: a C-XX client has its ack, an XMPP client gets it
// back (RFC 6121 section 8.5.2.1.1), behind what was committed before and comes by
// a slower way.
func TestSendToOneself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := talkWorld(t)
		x, desk := w.openXMPP(t, alice, 3)
		c, phone := w.open(t, alice, 4, 1)
		w.store.mu.Lock()
		slow := w.store.logLocked(alice, []im.Entry{{MsgID: 1, Kind: im.KindMessage, From: bob, Peer: bob, Text: "from afar"}})[0]
		w.store.mu.Unlock()
		var s sent
		s.send(x, im.Outgoing{To: alice, Text: "milk"})
		s.send(c, im.Outgoing{To: alice, Text: "bread"})
		w.Receive(2, im.Envelope{Deliver: &im.Deliver{User: alice, Entry: slow}})
		advance(time.Second)
		wantSeqs(t, desk, 1, 2, 3)
		wantSeqs(t, phone, 1, 2)
		if e := desk.entries[1]; e.Text != "milk" || e.From != alice || e.Peer != alice {
			t.Errorf("got back %+v", e)
		}
	})
}
