package acs

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// A login that is kicked while it is being opened leaves nothing behind: its
// user would stay online for ever.
func TestOpenKickedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		w.store.on("heads", func() { w.Kick(im.Kick{User: 7, Code: im.CodeDisabled}) })
		_, sink := w.open(t, 7, 1, 1)
		advance(time.Minute)
		if n := w.SessionsOf(7); n != 0 || sink.why() != im.CodeDisabled {
			t.Errorf("the user has %d sessions; closed with %v", n, sink.why())
		}
		if n := w.registry.count(); n != 0 {
			t.Errorf("the registry has %d sessions", n)
		}
		if list := w.Check(t.Context()); len(list) != 0 {
			t.Errorf("check: %v", list)
		}
	})
}

// A request that is under way when the session is kicked does not bring it back.
func TestPresenceOfClosedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.open(t, 7, 1, 1)
		s.kick(im.Errorf(im.CodeRevoked, ""))
		w.announce.announceUp(s) // SetPresence had looked before
		if n := w.SessionsOf(7); n != 0 {
			t.Errorf("the user has %d sessions", n)
		}
	})
}

// Of racing logins the one with the higher epoch wins, also when it was first.
func TestOvertakenLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, winner := w.open(t, 7, 1, 6)
		if _, _, err := w.Open(t.Context(), opening(7, 1, 5, &fakeSink{})); im.CodeOf(err) != im.CodeReplaced {
			t.Errorf("the login that was overtaken here got %v", err)
		}
		elsewhere := info(8, 1, im.ShowOnline)
		elsewhere.Device, elsewhere.DeviceEpoch = 2, 9
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{elsewhere}}})
		if _, _, err := w.Open(t.Context(), opening(8, 2, 8, &fakeSink{})); im.CodeOf(err) != im.CodeReplaced {
			t.Errorf("the login that was overtaken on another node got %v", err)
		}
		if winner.why() != 0 || w.SessionsOf(7) != 1 || w.Sessions() != 1 {
			t.Errorf("the winner was closed with %v; %d sessions of the user, %d in all", winner.why(), w.SessionsOf(7), w.Sessions())
		}
	})
}

// Both sides of a new link settle which session of a device lives: the one with
// the higher epoch, wherever it is.
func TestPeersSettleOneSessionPerDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, loser := w.open(t, 7, 1, 5)
		_, winner := w.open(t, 8, 1, 5)
		w.mesh.link(2, true)
		w.LinkUp(2, 1)
		later, earlier := info(7, 1, im.ShowOnline), info(8, 2, im.ShowOnline)
		later.Device, later.DeviceEpoch = 1, 6
		earlier.Device, earlier.DeviceEpoch = 1, 4
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Snapshot: true, Up: []im.SessionInfo{later, earlier}}})
		if loser.why() != im.CodeReplaced || winner.why() != 0 {
			t.Errorf("closed with %v and %v; want %v and nothing", loser.why(), winner.why(), im.CodeReplaced)
		}
		want := im.Kick{User: 8, Device: 1, Below: 5, Code: im.CodeReplaced}
		if !slices.ContainsFunc(w.mesh.sent, func(e im.Envelope) bool { return e.Kick != nil && *e.Kick == want }) {
			t.Errorf("the peer was not asked to end the older session: %+v", w.mesh.sent)
		}
	})
}

// A login may rest on what was read before a revocation, whose kick then finds
// nobody: the storage is asked again within a second.
func TestLoginThatMissedItsRevocation(t *testing.T) {
	for name, c := range map[string]struct {
		state im.DeviceState
		want  im.ErrorCode
	}{
		"device revoked":    {im.DeviceState{User: 7, Device: 1, Epoch: 3, Void: true}, im.CodeRevoked},
		"account disabled":  {im.DeviceState{User: 7, Device: 1, Epoch: 3, Disabled: true}, im.CodeDisabled},
		"replaced":          {im.DeviceState{User: 7, Device: 1, Epoch: 4}, im.CodeReplaced},
		"another device is": {im.DeviceState{User: 7, Device: 2, Epoch: 9, Void: true}, 0},
		"all is well":       {im.DeviceState{User: 7, Device: 1, Epoch: 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				end := w.run(t)
				defer end()
				w.store.set(c.state)
				_, sink := w.open(t, 7, 1, 3)
				advance(1100 * time.Millisecond)
				if sink.why() != c.want {
					t.Errorf("closed with %v, want %v", sink.why(), c.want)
				}
			})
		})
	}
}

// What a peer commits before it has heard of the session comes with no push; it
// is looked for as soon as the peer must have heard, and once more for slow ones.
func TestMessageDuringLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		_, sink := w.open(t, 7, 1, 1)
		w.store.grow(1)
		advance(200 * time.Millisecond)
		wantSeqs(t, sink, 1)
		w.store.grow(2)
		advance(2200 * time.Millisecond)
		wantSeqs(t, sink, 1, 2)
	})
}

// A revocation whose kick was lost bites with the next comparison of heads, and
// that comes at once when a link has gone.
func TestLostKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		_, sink := w.open(t, 7, 1, 3)
		w.LinkUp(2, 5)
		advance(10 * time.Second)
		w.store.set(im.DeviceState{User: 7, Device: 1, Epoch: 3, Void: true})
		w.LinkDown(2, 5)
		advance(1100 * time.Millisecond)
		if sink.why() != im.CodeRevoked {
			t.Errorf("closed with %v", sink.why())
		}
	})
}

// On a link that is down, news of the inbox and of the devices do not hide each
// other.
func TestBellsKeepBothKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		w.LinkUp(2, 5)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 1, im.ShowOnline)}}})
		w.LinkDown(2, 5)
		w.deliver(7, entry(5), nil)
		w.Kick(im.Kick{User: 7, Code: im.CodeDisabled})
		w.deliver(7, entry(6), nil)
		advance(100 * time.Millisecond)
		got := w.registry.bells()
		for _, want := range []im.Bell{{User: 7, Seq: 6}, {User: 7}} {
			if !slices.Contains(got, want) {
				t.Errorf("rung %v; lacks %v", got, want)
			}
		}
	})
}

// A kick also looks for sessions that only the registry knows of.
func TestKickSeeksUnlinkedNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.registry.nodes = []im.Node{{ID: 3, Epoch: 1, Mesh: "127.0.0.1:3"}}
		there := info(7, 1, im.ShowOnline)
		there.Node = 3
		w.registry.found = map[im.UserID][]im.SessionInfo{7: {there}}
		end := w.run(t)
		defer end()
		w.Kick(im.Kick{User: 7, Code: im.CodeDisabled})
		advance(100 * time.Millisecond)
		if got := w.registry.bells(); !slices.Equal(got, []im.Bell{{User: 7}}) {
			t.Errorf("rung %v", got)
		}
	})
}

// The grace of one device's session ends when the device is back, and not that
// of another.
func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		for d := range im.DeviceID(3) {
			s, _ := w.open(t, 7, d+1, 1)
			s.Close()
		}
		if n := w.SessionsOf(7); n != 3 {
			t.Errorf("%d sessions linger, want 3", n)
		}
		w.open(t, 7, 1, 2)
		w.Kick(im.Kick{User: 7, Device: 2, Code: im.CodeRevoked})
		if n := w.SessionsOf(7); n != 2 {
			t.Errorf("%d sessions, want the new one and one that lingers", n)
		}
		if list := w.Check(t.Context()); slices.ContainsFunc(list, func(s string) bool { return s[:7] == "session" && s[len(s)-4:] == "open" }) {
			t.Errorf("check: %v", list)
		}
		advance(12 * time.Second)
		if n := w.SessionsOf(7); n != 1 {
			t.Errorf("%d sessions after the grace, want 1", n)
		}
	})
}
