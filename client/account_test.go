package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/im"
)

func TestContacts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.WatchPresence = true
		alice, bob := w.dial(o), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		if err := alice.ContactAdd(t.Context(), w.bob, "Bobby", nil, "it is me"); err != nil {
			t.Fatal(err)
		}
		r := next[client.ContactRequest](t, bob)
		if r.Contact.User != w.alice || r.Contact.Note != "it is me" || r.Contact.Addr.Local != "alice" {
			t.Fatalf("%+v", r)
		}
		if err := bob.ContactAnswer(t.Context(), w.alice, true); err != nil {
			t.Fatal(err)
		}
		for next[client.ContactChanged](t, alice).Contact.Sub != im.SubBoth {
		}
		list, err := alice.Contacts(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "Bobby" || list[0].Sub != im.SubBoth {
			t.Fatalf("%+v %v", list, err)
		}
		seen, err := alice.ContactPresence(t.Context())
		if err != nil || len(seen) != 1 || seen[0].Show != im.ShowOnline {
			t.Fatalf("%+v %v", seen, err)
		}
		w.cell.Sessions(w.alice)[0].Close() // the subscription is made again by itself
		if p := next[client.Presence](t, alice); p.User != w.bob {
			t.Fatalf("%+v", p)
		}
		if err := alice.ContactRemove(t.Context(), w.bob); err != nil {
			t.Fatal(err)
		}
		if list, _ := alice.Contacts(t.Context()); len(list) != 0 {
			t.Fatalf("%+v", list)
		}
	})
}

func TestBlockList(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		bob, err := alice.BlockAddr("bob")
		if err != nil {
			t.Fatal(err)
		}
		if err := alice.Block(t.Context(), bob, im.Addr{Domain: "spam.example"}); err != nil {
			t.Fatal(err)
		}
		if ev := next[client.BlocksChanged](t, alice); len(ev.Block.Blocked) != 2 || ev.Block.Blocked[0] != bob {
			t.Fatalf("%+v", ev)
		}
		list, err := alice.BlockList(t.Context())
		if err != nil || len(list) != 2 {
			t.Fatalf("%v %v", list, err)
		}
		if err := alice.Unblock(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		if ev := next[client.BlocksChanged](t, alice); len(ev.Block.Unblocked) != 1 || ev.Block.Cleared {
			t.Fatalf("%+v", ev)
		}
		if err := alice.Unblock(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ev := next[client.BlocksChanged](t, alice); !ev.Block.Cleared {
			t.Fatalf("%+v", ev)
		}
		for who, want := range map[string]im.Addr{
			"bob": bob, "bob/phone": {Local: "bob", Domain: bob.Domain, Resource: "phone"}, "@a.example": {Domain: "a.example"}, "x@a.example": {Local: "x", Domain: "a.example"},
		} {
			if a, err := alice.BlockAddr(who); err != nil || a != want {
				t.Errorf("%s is %v, %v; want %v", who, a, err, want)
			}
		}
	})
}

// What a newer server logs is passed over by a client that does not know it, and
// counted.
func TestEntriesOfOtherKinds(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice := w.dial(w.options("alice"))
		defer alice.Close()
		w.cell.Log(w.alice, im.Entry{Kind: 99, From: w.bob, Peer: w.bob})
		w.cell.Log(w.alice, im.Entry{Kind: im.KindNote, From: w.bob, Peer: w.bob, Ext: []byte("<x/>")})
		w.cell.Say(w.bob, w.alice, "hi")
		if ev := next[client.Other](t, alice); ev.Kind != 99 {
			t.Errorf("%+v", ev)
		}
		if ev := next[client.Note](t, alice); string(ev.Ext) != "<x/>" || ev.Mine {
			t.Errorf("%+v", ev)
		}
		if ev := next[client.Message](t, alice); ev.Text != "hi" || ev.Seq != 3 {
			t.Errorf("%+v", ev)
		}
	})
}

func TestTypingAndReadMarks(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		alice, bob := w.dial(w.options("alice")), w.dial(w.options("bob"))
		defer alice.Close()
		defer bob.Close()
		if err := bob.WaitOnline(t.Context()); err != nil {
			t.Fatal(err)
		}
		alice.Signal(w.bob, im.SignalTyping)
		if s := next[client.Typing](t, bob); s.User != w.alice || s.Kind != im.SignalTyping {
			t.Fatalf("%+v", s)
		}
		ack, err := alice.Send(t.Context(), w.bob, "read me")
		if err != nil {
			t.Fatal(err)
		}
		if list, err := bob.Conversations(t.Context(), 0); err != nil || len(list) != 1 || list[0].Unread != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		if err := bob.MarkRead(t.Context(), w.alice, ack.MsgID); err != nil {
			t.Fatal(err)
		}
		r := next[client.Read](t, alice)
		if r.Mine || r.Peer != w.bob || r.UpTo != ack.MsgID {
			t.Fatalf("%+v", r)
		}
		h, err := bob.History(t.Context(), im.HistoryQuery{Peer: w.alice})
		if err != nil || len(h.Entries) != 1 || h.Entries[0].Text != "read me" || h.More {
			t.Fatalf("%+v %v", h, err)
		}
	})
}

func TestDevicesRevokeAndLogout(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		one, two := w.dial(w.options("alice")), w.dial(w.options("alice"))
		defer one.Close()
		defer two.Close()
		list, current, err := one.Devices(t.Context())
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v %v", list, err)
		}
		for _, d := range list {
			if d.ID == current {
				continue
			}
			if err := one.RevokeDevice(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
		}
		<-two.Done()
		if im.CodeOf(two.Err()) != im.CodeRevoked {
			t.Error(two.Err())
		}
		if err := one.Logout(t.Context()); err != nil {
			t.Error(err)
		}
		<-one.Done()
	})
}

func TestLogoutForgetsTheDevice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Store = memory()
		c := w.dial(o)
		if err := c.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, _ := o.Store.Load(); s.Identity.Token != "" || s.Identity.Device != 0 {
			t.Errorf("%+v", s.Identity)
		}
	})
}

func TestRegisterAndJWT(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("carol")
		if err := client.Register(t.Context(), o, ""); err != nil {
			t.Fatal(err)
		}
		if err := client.Register(t.Context(), o, ""); im.CodeOf(err) != im.CodeNameTaken {
			t.Errorf("twice: %v", err)
		}
		w.dial(o).Close()
		o.Password = ""
		o.JWT = func(context.Context) (string, error) { return "jwt of carol", nil }
		w.dial(o).Close()
		o.JWT = func(context.Context) (string, error) { return "", errors.New("the backend is down") }
		if _, err := client.Dial(t.Context(), o); err == nil {
			t.Error("signed in without a JWT")
		}
	})
}

func TestPresenceIsSetAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var shows []uint32
		w.cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
			if d := f.Login.GetDevice(); d != nil {
				shows = append(shows, d.Show)
			}
			if p := f.Call.GetPresenceSet(); p != nil {
				shows = append(shows, p.Show)
			}
			return clienttest.Pass
		}
		o := w.options("alice")
		o.Presence = im.Presence{Show: im.ShowInvisible}
		alice := w.dial(o)
		defer alice.Close()
		synctest.Wait()
		if err := alice.SetPresence(t.Context(), im.ShowAway, "lunch"); err != nil {
			t.Fatal(err)
		}
		w.cell.CutAll()
		next[client.Disconnected](t, alice)
		next[client.Connected](t, alice)
		pass(time.Second)
		synctest.Wait()
		if len(shows) != 3 || shows[0] != 1 || shows[1] != 3 || shows[2] != 3 {
			t.Errorf("presence was set to %v", shows)
		}
	})
}

func TestPlaintextStaysOnLoopback(t *testing.T) {
	o := client.Options{Addr: "alice@example.org", Password: "x", Plaintext: true, ACS: []string{"192.0.2.1:7000"}}
	if _, err := client.Open(o); im.CodeOf(err) != im.CodeInvalid {
		t.Error(err)
	}
}

func TestStateOfAnotherAccount(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("alice")
		o.Store = memory()
		w.dial(o).Close()
		b := w.options("bob")
		b.Store = o.Store
		if _, err := client.Open(b); im.CodeOf(err) != im.CodeConflict {
			t.Error(err)
		}
	})
}

// Over TLS the login is bound to the channel, and the certificate is checked.
func TestTLS(t *testing.T) {
	cell := clienttest.New()
	alice := cell.AddUser("alice", "secret-a")
	addr, ca, stop, err := cell.ListenTLS()
	if err != nil {
		t.Fatal(err)
	}
	defer cell.Close()
	defer stop()
	var mechanism string
	cell.OnFrame = func(_ *clienttest.Conn, f clienttest.Frame) clienttest.Verdict {
		if f.Login.GetMechanism() != "" {
			mechanism = f.Login.Mechanism
		}
		return clienttest.Pass
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	o := client.Options{ACS: []string{addr}, Addr: "alice@example.org", Password: "secret-a", CAFile: caFile}
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), alice, "note to self"); err != nil {
		t.Error(err)
	}
	if m := next[client.Message](t, c); m.Text != "note to self" || !m.Mine {
		t.Errorf("%+v", m)
	}
	c.Close()
	cell.Do(func() {
		if mechanism != "SCRAM-SHA-256-PLUS" {
			t.Errorf("signed in by %s", mechanism)
		}
	})

	o.CAFile = ""
	var trust *client.TrustError
	if _, err := client.Dial(t.Context(), o); !errors.As(err, &trust) {
		t.Errorf("an unknown certificate: %v", err)
	}
	o.Insecure = true
	c, err = client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// The same name in a cell that was set up again: nothing stored means anything
// there, and the stream begins where a new device's does.
func TestAccountMadeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		o := w.options("bob")
		o.Store = memory()
		bob := w.dial(o)
		for range 3 {
			w.cell.Say(w.alice, w.bob, "old")
		}
		texts(t, bob, 3)
		bob.Acknowledge()
		bob.Close()

		other := clienttest.New()
		defer other.Close()
		carol := other.AddUser("carol", "secret-c")
		other.AddUser("alice", "secret-a")
		again := other.AddUser("bob", "secret-b")
		other.Say(carol, again, "new")
		o.Dialer = other.Dial
		bob = w.dial(o)
		defer bob.Close()
		if m := next[client.Message](t, bob); m.Text != "new" || m.Seq != 1 {
			t.Errorf("%+v", m)
		}
	})
}
