package acs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// openXMPP logs an XMPP client in.
func (w *world) openXMPP(t *testing.T, u im.UserID, d im.DeviceID) (*session, *fakeSink) {
	t.Helper()
	sink := &fakeSink{}
	o := opening(u, d, 1, sink)
	o.Protocol = im.ProtocolXMPP
	s, _, err := w.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*session), sink
}

func (f *fakeSink) heard() []im.Signal {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.signals
	f.signals = nil
	return out
}

// away announces sessions of bob on node 2: one of each protocol.
func (w *world) away() {
	x := info(bob, 51, im.ShowOnline)
	x.Protocol, x.Resource = im.ProtocolXMPP, "far"
	c := info(bob, 52, im.ShowOnline)
	c.Protocol = im.ProtocolCXX
	w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{x, c}}})
}

func (w *world) forwarded() (out []im.Signal) {
	w.mesh.mu.Lock()
	defer w.mesh.mu.Unlock()
	for _, e := range w.mesh.sent {
		if e.Signal != nil {
			out = append(out, *e.Signal)
		}
	}
	w.mesh.sent = nil
	return out
}

func TestSignal(t *testing.T) {
	stanza := []byte("<iq/>")
	for name, c := range map[string]struct {
		sig    im.Signal // session 1: bob's XMPP session here, 2: his C-XX one
		xmpp   bool
		cxx    bool
		far    bool
		passed bool
	}{
		"typing for all":              {im.Signal{Kind: im.SignalTyping, Data: stanza}, true, true, true, true},
		"a stanza for all":            {im.Signal{Kind: im.SignalStanza, Data: stanza}, true, false, true, true},
		"a stanza for one":            {im.Signal{Kind: im.SignalStanza, Session: 1, Node: 1, Data: stanza}, true, false, false, true},
		"without the node":            {im.Signal{Kind: im.SignalStanza, Session: 1, Data: stanza}, true, false, false, true},
		"a stanza for a C-XX session": {im.Signal{Kind: im.SignalStanza, Session: 2, Node: 1, Data: stanza}, false, false, false, false},
		"typing for one":              {im.Signal{Kind: im.SignalTyping, Session: 2, Node: 1}, false, true, false, true},
		"for one far away":            {im.Signal{Kind: im.SignalStanza, Session: 51, Node: 2, Data: stanza}, false, false, true, true},
		"far away, without the node":  {im.Signal{Kind: im.SignalStanza, Session: 51, Data: stanza}, false, false, true, true},
		"a C-XX session far away":     {im.Signal{Kind: im.SignalStanza, Session: 52, Node: 2}, false, false, false, false},
		"no such session":             {im.Signal{Kind: im.SignalStanza, Session: 77, Node: 1}, false, false, false, false},
		"the session of another node": {im.Signal{Kind: im.SignalStanza, Session: 51, Node: 1}, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, a, b := talkWorld(t)
				x, xs := w.openXMPP(t, bob, 7)
				w.mesh.link(2, true)
				w.away()
				cs := b.sink.(*fakeSink)
				w.forwarded()
				sig := c.sig
				sig.To, sig.From = bob, 99 // From is not the client's to say
				switch sig.Session {
				case 1:
					sig.Session = x.id
				case 2:
					sig.Session = b.id
				}
				if passed := a.Signal(sig); passed != c.passed && sig.Kind == im.SignalStanza {
					t.Errorf("passed %v; want %v", passed, c.passed)
				}
				synctest.Wait()
				for who, got := range map[string]struct {
					got  []im.Signal
					want bool
				}{"xmpp": {xs.heard(), c.xmpp}, "cxx": {cs.heard(), c.cxx}, "node 2": {w.forwarded(), c.far}} {
					if len(got.got) > 1 || (len(got.got) == 1) != got.want {
						t.Errorf("%s got %+v; want any: %v", who, got.got, got.want)
					}
					if len(got.got) == 1 && (got.got[0].From != alice || string(got.got[0].Data) != string(c.sig.Data)) {
						t.Errorf("%s got %+v", who, got.got[0])
					}
				}
			})
		})
	}
}

// A signal of a peer reaches the session that it names, and no other.
func TestSignalOfAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, b := talkWorld(t)
		x, xs := w.openXMPP(t, bob, 7)
		_, ys := w.openXMPP(t, bob, 8)
		w.Receive(2, im.Envelope{Signal: &im.Signal{From: 9, To: bob, Session: x.id, Node: 1, Kind: im.SignalStanza}})
		w.Receive(2, im.Envelope{Signal: &im.Signal{From: 9, To: bob, Session: x.id, Node: 3, Kind: im.SignalStanza}})
		if n, m, k := len(xs.heard()), len(ys.heard()), len(b.sink.(*fakeSink).heard()); n != 1 || m+k != 0 {
			t.Errorf("the sessions got %d, %d and %d signals; want one for the first", n, m, k)
		}
	})
}

func TestSignalCannotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := talkWorld(t)
		sig := im.Signal{To: bob, Kind: im.SignalStanza}
		if a.Signal(sig) {
			t.Error("a stanza passed to a user without an XMPP session")
		}
		w.away()
		if a.Signal(sig) {
			t.Error("a stanza passed over a link that is down")
		}
		w.mesh.link(2, true)
		if !a.Signal(sig) {
			t.Error("a stanza did not pass")
		}
		if a.Signal(im.Signal{To: im.ForeignID(addrOf(9)), Kind: im.SignalStanza}) || a.Signal(im.Signal{Kind: im.SignalTyping}) {
			t.Error("a signal to nobody passed")
		}
		a.Close()
		if a.Signal(sig) {
			t.Error("a signal of a session that has ended passed")
		}
	})
}

// XEP-0191 section 3.3: nothing that is not logged passes a block either; a typing signal
// does not wait for a list to be read, a stanza does.
func TestSignalAcrossABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := talkWorld(t)
		x, xs := w.openXMPP(t, bob, 7)
		one := im.Signal{To: bob, Session: x.id, Node: 1, Kind: im.SignalStanza}
		w.store.on("blocks", func() { <-time.After(time.Second) })
		if a.Signal(im.Signal{To: bob, Kind: im.SignalTyping}); len(xs.heard()) != 0 {
			t.Error("a typing signal came before the block lists were known")
		}
		advance(2 * time.Second)
		if len(xs.heard()) != 1 {
			t.Error("a typing signal was lost")
		}
		for _, c := range []struct {
			name  string
			who   *session
			block im.Addr
			all   bool // every session of bob's is concerned
		}{
			{"his user", b, addrOf(alice), true},
			{"his device", b, im.Addr{Local: "u7", Domain: "example.org", Resource: "d1"}, true},
			{"his domain", b, im.Addr{Domain: "example.org"}, true},
			{"the own block", a, addrOf(bob), true},
			{"the own block of one device", a, im.Addr{Local: "u8", Domain: "example.org", Resource: "d7"}, false},
		} {
			if err := c.who.Block(t.Context(), []im.Addr{c.block}); err != nil {
				t.Fatal(err)
			}
			if a.Signal(one) {
				t.Errorf("%s: a stanza passed", c.name)
			}
			if passed := a.Signal(im.Signal{To: bob, Kind: im.SignalStanza}); passed == c.all {
				t.Errorf("%s: a stanza to all sessions passed: %v", c.name, passed)
			}
			if err := c.who.Unblock(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if !a.Signal(one) {
				t.Errorf("%s: after the unblocking a stanza did not pass", c.name)
			}
		}
		if err := a.Block(t.Context(), []im.Addr{{Domain: "example.org"}}); err != nil {
			t.Fatal(err)
		}
		mine, _ := w.openXMPP(t, alice, 9)
		if !a.Signal(im.Signal{To: alice, Session: mine.id, Node: 1, Kind: im.SignalStanza}) {
			t.Error("a user cannot reach himself because he has blocked his domain")
		}
	})
}
