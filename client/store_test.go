package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// fullDisk is a store that takes no messages and no cursor.
type fullDisk struct{ state.Store }

var errFull = errors.New("no space left on device")

func (fullDisk) Add([]im.Outgoing) error { return errFull }
func (fullDisk) SaveCursor(uint64) error { return errFull }

func TestFullDisk(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Store = fullDisk{state.Memory()}
		alice := w.dial(o)
		defer alice.Close()
		if _, err := alice.Send(t.Context(), w.bob, "never stored"); !errors.Is(err, errFull) {
			t.Errorf("a message that could not be stored: %v", err)
		}
		if n := len(w.cell.Inbox(w.bob)); n != 0 {
			t.Errorf("it was sent all the same, %d times", n)
		}
		if e := next[client.StateError](t, alice); !errors.Is(e.Err, errFull) {
			t.Errorf("%v", e.Err)
		}
		w.cell.Say(w.bob, w.alice, "still reading")
		if got := texts(t, alice, 1); got[0] != "still reading" {
			t.Error(got)
		}
	})
}

// The server loses the end of the inbox and says so only when asked.
func TestRegressedInTheMiddleOfASession(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		bob := w.dial(w.options("bob"))
		defer bob.Close()
		for i := range 5 {
			w.cell.Say(w.alice, w.bob, fmt.Sprint(i))
		}
		texts(t, bob, 5)
		w.cell.Truncate(w.bob, 3)
		w.cell.Sessions(w.bob)[0].SyncRequired(3)
		if r := next[client.Regressed](t, bob); r.Cursor != 5 || r.Head != 3 {
			t.Errorf("%+v", r)
		}
		synctest.Wait()
		w.cell.Say(w.alice, w.bob, "goes on")
		if m := next[client.Message](t, bob); m.Seq != 4 || m.Text != "goes on" {
			t.Errorf("%+v", m)
		}
	})
}

// BenchmarkSend is pipelined sends through a cell in the same process, so it
// counts what both sides cost.
func BenchmarkSend(b *testing.B) {
	for name, store := range map[string]func() state.Store{
		"memory": state.Memory,
		"file": func() state.Store {
			f, err := state.OpenFile(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			return f
		},
	} {
		b.Run(name, func(b *testing.B) {
			cell := clienttest.New()
			cell.AddUser("alice", "secret-a")
			bob := cell.AddUser("bob", "secret-b")
			defer cell.Close()
			c, err := client.Dial(context.Background(), client.Options{
				NAS: []string{clienttest.NAS}, Addr: "alice@example.org", Password: "secret-a", Plaintext: true,
				Dialer: cell.Dial, Store: store(), Quiet: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			var last *client.Pending
			for range b.N {
				if last, err = c.SendAsync(im.Outgoing{To: bob, Text: "twenty bytes of text"}); err != nil {
					b.Fatal(err)
				}
			}
			<-last.Done()
			if _, err := last.Result(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
