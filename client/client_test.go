package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestTwoUsersTalk(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice, bob := w.dial(w.options("alice")), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		to, err := alice.Resolve(t.Context(), "bob")
		if err != nil || to != w.bob {
			t.Fatalf("resolve: %v %v", to, err)
		}
		ack, err := alice.Send(t.Context(), to, "hi")
		if err != nil {
			t.Fatal(err)
		}
		got := next[client.Message](t, bob)
		if got.Text != "hi" || got.From != w.alice || got.Mine || got.MsgID != ack.MsgID {
			t.Fatalf("bob got %+v", got)
		}
		mine := next[client.Message](t, alice)
		if !mine.Mine || !mine.Here || mine.Seq != ack.Seq || mine.Peer != w.bob || mine.Text != "hi" {
			t.Fatalf("alice's own entry is %+v", mine)
		}
		if a, err := bob.AddrOf(t.Context(), got.From); err != nil || a.String() != "alice@example.org" {
			t.Fatalf("AddrOf: %v %v", a, err)
		}
	})
}

func TestOtherDeviceSeesWhatWasSent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		one, two := w.dial(w.options("alice")), w.dial(w.options("alice"))
		defer one.Close()
		defer two.Close()
		if _, err := one.Send(t.Context(), w.bob, "from one"); err != nil {
			t.Fatal(err)
		}
		m := next[client.Message](t, two)
		if !m.Mine || m.Here || m.Text != "from one" {
			t.Fatalf("the other device got %+v", m)
		}
	})
}

func TestReconnectKeepsTheStream(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		w.cell.Say(w.alice, w.bob, "1")
		if got := texts(t, bob, 1); got[0] != "1" {
			t.Fatal(got)
		}
		w.cell.CutAll()
		d := next[client.Disconnected](t, bob)
		if d.RetryIn != 500*time.Millisecond {
			t.Errorf("the first wait is %v, want half of the first bound", d.RetryIn)
		}
		w.cell.Say(w.alice, w.bob, "2")
		w.cell.Say(w.alice, w.bob, "3")
		if got := texts(t, bob, 2); !slices.Equal(got, []string{"2", "3"}) {
			t.Fatal(got)
		}
	})
}

func TestLostAckIsResentWithTheSameID(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		t.Run(fmt.Sprintf("quiet=%v", quiet), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				var sends []string
				w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
					if f.Send == nil {
						return clienttest.Pass
					}
					sends = append(sends, fmt.Sprintf("%x", f.Send.ClientId))
					if len(sends) == 1 {
						return clienttest.CutAfter
					}
					return clienttest.Pass
				}
				o := w.options("alice")
				o.Quiet = quiet
				alice := w.dial(o)
				defer alice.Close()
				ack, err := alice.Send(t.Context(), w.bob, "once")
				if err != nil || ack.Seq != 1 {
					t.Fatalf("ack %+v, %v", ack, err)
				}
				synctest.Wait()
				// A client that follows the inbox may find its message there
				// before it sends it again.
				if ids := slices.Compact(slices.Clone(sends)); len(ids) != 1 || quiet && len(sends) != 2 {
					t.Errorf("sent under the ids %v", sends)
				}
				if n := len(w.cell.Inbox(w.bob)); n != 1 {
					t.Errorf("bob has %d messages", n)
				}
			})
		})
	}
}

func TestPipelinedSendsKeepTheirOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var n atomic.Int64
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if f.Send != nil && n.Add(1)%70 == 0 {
				return clienttest.CutAfter
			}
			return clienttest.Pass
		}
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		var all []*client.Pending
		for i := range 300 {
			p, err := alice.SendAsync(im.Outgoing{To: w.bob, Text: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		for i, p := range all {
			<-p.Done()
			if ack, err := p.Result(); err != nil || ack.Seq != uint64(i+1) {
				t.Fatalf("message %d: %+v %v", i, ack, err)
			}
		}
		inbox := w.cell.Inbox(w.bob)
		for i, e := range inbox {
			if e.Text != fmt.Sprint(i) {
				t.Fatalf("place %d holds %q", i+1, e.Text)
			}
		}
		if len(inbox) != 300 {
			t.Errorf("bob has %d messages", len(inbox))
		}
		var seqs uint64
		for seqs < 300 {
			m := next[client.Message](t, alice)
			if m.Seq != seqs+1 {
				t.Fatalf("alice's stream has %d after %d", m.Seq, seqs)
			}
			seqs = m.Seq
		}
	})
}

func TestGapsAreReadFromTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.CaughtUp](t, bob)
		w.cell.Do(func() {
			w.cell.OnPush = func(_ *clienttest.Conn, e im.Entry) clienttest.Verdict {
				if e.Seq == 10 {
					return clienttest.Pass
				}
				return clienttest.Drop
			}
		})
		var want []string
		for i := range 10 {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
		if got := texts(t, bob, 10); !slices.Equal(got, want) {
			t.Fatal(got)
		}
	})
}

func TestPushesOutOfOrderAndTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.CaughtUp](t, bob)
		w.cell.Do(func() {
			w.cell.OnPush = func(*clienttest.Conn, im.Entry) clienttest.Verdict { return clienttest.Drop }
		})
		for i := range 5 {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i+1))
		}
		w.cell.Push(w.bob, 3, 1, 2, 2, 5, 4, 1)
		if got := texts(t, bob, 5); !slices.Equal(got, []string{"1", "2", "3", "4", "5"}) {
			t.Fatal(got)
		}
		w.cell.Push(w.bob, 5, 1)
		w.cell.Do(func() { w.cell.OnPush = nil })
		w.cell.Say(w.alice, w.bob, "6")
		if got := texts(t, bob, 1); got[0] != "6" {
			t.Fatal(got)
		}
	})
}

func TestSyncRequired(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var syncs atomic.Int64
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if f.Call.GetSync() != nil {
				syncs.Add(1)
			}
			return clienttest.Pass
		}
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		next[client.CaughtUp](t, bob)
		w.cell.Sessions(w.bob)[0].SyncRequired(0)
		synctest.Wait()
		if syncs.Load() != 1 {
			t.Errorf("%d syncs; the server pushes nothing before one has reached the head", syncs.Load())
		}
	})
}

// A program that takes its time gets everything all the same, and the client
// keeps no more than a bounded number of entries for it.
func TestSlowApplication(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		const n = 3000
		for i := range n {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		for i, text := range texts(t, bob, n) {
			if text != fmt.Sprint(i) {
				t.Fatalf("place %d holds %q", i+1, text)
			}
		}
	})
}

func TestCursorSurvivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		for i := range 3 {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
		}
		texts(t, bob, 3) // the third is given, and not known to be handled
		bob.Close()
		synctest.Wait() // the server reads what was written last
		if c := w.cell.Cursor(w.bob); c != 2 {
			t.Errorf("the server was told of cursor %d, want 2", c)
		}
		bob = w.dial(o)
		defer bob.Close()
		if got := texts(t, bob, 1); got[0] != "2" {
			t.Errorf("after the restart the stream begins with %v", got)
		}
		bob.Acknowledge()
		synctest.Wait()
		pass(time.Second)
		synctest.Wait()
		if c := w.cell.Cursor(w.bob); c != 3 {
			t.Errorf("the server was told of cursor %d, want 3", c)
		}
		if n := w.cell.Devices(w.bob); n != 1 {
			t.Errorf("bob has %d devices", n)
		}
	})
}

func TestWhereANewDeviceStarts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cell.Say(w.alice, w.bob, "old")
		o := w.options("bob")
		o.SyncFrom = client.Latest
		latest := w.dial(o)
		defer latest.Close()
		whole := w.dial(w.options("bob"))
		defer whole.Close()
		w.cell.Say(w.alice, w.bob, "new")
		if got := texts(t, latest, 1); got[0] != "new" {
			t.Errorf("Latest began with %v", got)
		}
		if got := texts(t, whole, 2); !slices.Equal(got, []string{"old", "new"}) {
			t.Errorf("the whole inbox is %v", got)
		}
	})
}

func TestRestoredFromAnOlderBackup(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		for i := range 5 {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
		}
		texts(t, bob, 5)
		bob.Acknowledge()
		w.cell.Truncate(w.bob, 2)
		w.cell.CutAll()
		r := next[client.Regressed](t, bob)
		if r.Cursor != 5 || r.Head != 2 {
			t.Errorf("%+v", r)
		}
		w.cell.Say(w.alice, w.bob, "after")
		m := next[client.Message](t, bob)
		if m.Seq != 3 || m.Text != "after" {
			t.Errorf("%+v", m)
		}
		bob.Acknowledge()
		bob.Close()
		if s, _ := o.Store.Load(); s.Cursor != 3 {
			t.Errorf("the stored cursor is %d", s.Cursor)
		}
	})
}

func TestTokenIsUsedAndItsLossForgiven(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var mechanisms []string
		lose := false
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if f.Login.GetMechanism() != "" {
				mechanisms = append(mechanisms, f.Login.Mechanism)
			}
			if lose && f.Type == cxxpb.FrameType_FRAME_LOGIN {
				lose = false
				return clienttest.CutAfter
			}
			return clienttest.Pass
		}
		o := w.options("alice")
		o.Store = memory()
		w.dial(o).Close()
		w.cell.Do(func() { lose = true }) // the token is replaced, and the client does not learn it
		o.Password = ""
		c := w.dial(o)
		first, _ := o.Store.Load()
		c.Close()
		w.dial(o).Close()
		second, _ := o.Store.Load()
		if first.Identity.Token == second.Identity.Token || second.Identity.Token == "" {
			t.Error("the token was not replaced")
		}
		want := []string{"SCRAM-SHA-256", "CXX-TOKEN", "CXX-TOKEN", "CXX-TOKEN"}
		if !slices.Equal(mechanisms, want) {
			t.Errorf("logins by %v, want %v", mechanisms, want)
		}
		if w.cell.Devices(w.alice) != 1 {
			t.Error("a second device appeared")
		}
	})
}

func TestInvalidTokenFallsBackToThePassword(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Store = memory()
		w.dial(o).Close()
		spoil(t, o.Store)
		w.dial(o).Close()
		spoil(t, o.Store)
		o.Password = ""
		_, err := client.Dial(t.Context(), o)
		if im.CodeOf(err) != im.CodeTokenInvalid {
			t.Errorf("without a password: %v", err)
		}
		_, err = client.Dial(t.Context(), o)
		if err == nil || im.CodeOf(err) != im.CodeInternal {
			t.Errorf("without any means: %v", err)
		}
	})
}

func spoil(t *testing.T, s state.Store) {
	t.Helper()
	st, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	st.Identity.Token = "cxt_wrong"
	if err := s.SaveIdentity(st.Identity); err != nil {
		t.Fatal(err)
	}
}

func TestEndsThatAreFinal(t *testing.T) {
	for _, code := range []im.ErrorCode{im.CodeReplaced, im.CodeRevoked, im.CodeLoggedOut, im.CodeDisabled} {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				alice := w.dial(w.options("alice"))
				before := w.cell.Dials(clienttest.ACS1) + w.cell.Dials(clienttest.ACS2)
				w.cell.Sessions(w.alice)[0].End(im.Errorf(code, "for a test"))
				<-alice.Done()
				if im.CodeOf(alice.Err()) != code {
					t.Errorf("ended with %v", alice.Err())
				}
				if after := w.cell.Dials(clienttest.ACS1) + w.cell.Dials(clienttest.ACS2); after != before {
					t.Errorf("dialled %d more times", after-before)
				}
				if _, err := alice.Send(t.Context(), w.bob, "too late"); err == nil {
					t.Error("a send succeeded after the end")
				}
				alice.Close()
			})
		})
	}
}

func TestWrongPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Password = "wrong"
		_, err := client.Dial(t.Context(), o)
		if im.CodeOf(err) != im.CodeBadCredentials {
			t.Fatal(err)
		}
		if n := w.cell.Dials(clienttest.NAS); n != 1 {
			t.Errorf("NAS was asked %d times", n)
		}
	})
}

func TestGoAway(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		first := next[client.Connected](t, alice).Server
		pass(time.Minute)
		began := time.Now()
		w.cell.Sessions(w.alice)[0].GoAway(10 * time.Second)
		second := next[client.Connected](t, alice)
		if second.Server == first {
			t.Error("came back to the server that asked to leave")
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("left after %v", took)
		}
		if _, err := alice.Send(t.Context(), w.bob, "still here"); err != nil {
			t.Error(err)
		}
	})
}

func TestServerDiesAndAlternativesAreTriedFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		first := next[client.Connected](t, alice).Server
		w.cell.Down(first, clienttest.NAS)
		second := next[client.Connected](t, alice).Server
		if second == first {
			t.Fatal("connected to a server that is down")
		}
		if n := w.cell.Dials(clienttest.NAS); n != 1 {
			t.Errorf("NAS was asked %d times, want once", n)
		}
	})
}

func TestStartsFromTheCacheWhileEveryNASIsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.NAS = append(o.NAS, clienttest.NAS2)
		o.Store = memory()
		w.dial(o).Close()
		w.cell.Down(clienttest.NAS, clienttest.NAS2)
		w.dial(o).Close()
	})
}

func TestBackoffGrowsAndHonoursTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cell.Down(clienttest.NAS)
		alice := w.open(w.options("alice"))
		var waits []time.Duration
		for range 8 {
			waits = append(waits, next[client.Disconnected](t, alice).RetryIn)
		}
		want := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
		if !slices.Equal(waits, want) {
			t.Errorf("waits %v, want %v", waits, want)
		}
		w.cell.Live()
		w.cell.Up(clienttest.NAS)
		d := next[client.Disconnected](t, alice)
		for im.CodeOf(d.Err) != im.CodeNoACS {
			d = next[client.Disconnected](t, alice)
		}
		if d.RetryIn < 2*time.Second || d.RetryIn > 4*time.Second {
			t.Errorf("NAS asked for 2 s, the client waits %v", d.RetryIn)
		}
		alice.Close()
		if !errors.Is(alice.Err(), client.ErrClosed) {
			t.Error(alice.Err())
		}
	})
}

func TestDialGivesUpWithTheReason(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cell.Down(clienttest.NAS)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := client.Dial(ctx, w.options("alice"))
		var far *client.UnreachableError
		if !errors.As(err, &far) || far.Addr != clienttest.NAS {
			t.Errorf("%v", err)
		}
	})
}

func TestSilentServerIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		w.cell.Do(func() {
			w.cell.OnFrame = func(c *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
				if f.Type == cxxpb.FrameType_FRAME_NONE {
					return clienttest.Drop
				}
				return clienttest.Pass
			}
		})
		began := time.Now()
		next[client.Disconnected](t, alice)
		if took := time.Since(began); took != 75*time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}

func TestHeartbeatsKeepASessionAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		next[client.Connected](t, alice)
		pass(10 * time.Minute)
		w.cell.Say(w.bob, w.alice, "still there?")
		for {
			ev, err := alice.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch ev.(type) {
			case client.Disconnected:
				t.Fatal("the session was lost")
			case client.Message:
				return
			}
		}
	})
}

func TestRefusedAndDelayedSends(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tries := 0
		w.cell.Fail = func(_ im.UserID, text string) *im.Error {
			switch text {
			case "zone":
				return im.Errorf(im.CodeZoneUnavailable, "the zone is down")
			case "fast":
				if tries++; tries < 3 {
					return &im.Error{Code: im.CodeRateLimited, RetryAfter: 5 * time.Second}
				}
			case "poison":
				return im.Errorf(im.CodeInternal, "something is wrong")
			}
			return nil
		}
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		if _, err := alice.Send(t.Context(), w.bob, "zone"); im.CodeOf(err) != im.CodeZoneUnavailable {
			t.Errorf("a zone that is down: %v", err)
		}
		if r := next[client.Refused](t, alice); r.Message.Text != "zone" {
			t.Errorf("%+v", r)
		}
		began := time.Now()
		if _, err := alice.Send(t.Context(), w.bob, "fast"); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 10*time.Second {
			t.Errorf("two waits of 5 s took %v", took)
		}
		if _, err := alice.Send(t.Context(), w.bob, "poison"); im.CodeOf(err) != im.CodeInternal {
			t.Errorf("a message that can never go: %v", err)
		}
		if _, err := alice.Send(t.Context(), w.bob, "after"); err != nil {
			t.Errorf("what stands behind it: %v", err)
		}
		if _, err := alice.Send(t.Context(), w.bob, string([]byte{0xff})); im.CodeOf(err) != im.CodeInvalid {
			t.Errorf("not UTF-8: %v", err)
		}
	})
}

func TestOutboxSurvivesARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Store = memory()
		w.dial(o).Close()
		w.cell.Down(clienttest.NAS, clienttest.ACS1, clienttest.ACS2)
		alice := w.open(o)
		var ids []im.ClientID
		for i := range 3 {
			p, err := alice.SendAsync(im.Outgoing{To: w.bob, Text: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, p.ClientID)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := alice.Send(ctx, w.bob, "3"); im.CodeOf(err) != im.CodeUnknownOutcome {
			t.Errorf("a send that was not answered: %v", err)
		}
		alice.Close()
		w.cell.Up(clienttest.NAS, clienttest.ACS1, clienttest.ACS2)
		alice = w.dial(o)
		for len(alice.Unsent()) > 0 {
			next[client.Message](t, alice)
		}
		alice.Close()
		inbox := w.cell.Inbox(w.bob)
		if len(inbox) != 4 {
			t.Fatalf("bob has %d messages", len(inbox))
		}
		for i, id := range ids {
			if inbox[i].Text != fmt.Sprint(i) || inbox[i].ClientID != id {
				t.Errorf("place %d: %+v", i, inbox[i])
			}
		}
		if s, _ := o.Store.Load(); len(s.Outbox) != 0 {
			t.Errorf("the store still holds %d messages", len(s.Outbox))
		}
	})
}
