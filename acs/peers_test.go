package acs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Two processes with one node id would give out the same message ids: the older
// one ends.
func TestNewerIncarnationEndsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		_, sink := w.open(t, 7, 1, 1)
		w.registry.fail(im.Errorf(im.CodeConflict, "newer"))
		advance(4 * time.Second)
		w.registry.fail(nil)
		advance(2 * time.Second)
		w.registry.fail(im.Errorf(im.CodeConflict, "newer"))
		advance(4 * time.Second)
		if sink.why() != 0 {
			t.Errorf("closed with %v for a conflict that may pass", sink.why())
		}
		advance(4 * time.Second)
		if sink.why() != im.CodeGoAway {
			t.Errorf("closed with %v", sink.why())
		}
		if err := end(); im.CodeOf(err) != im.CodeConflict {
			t.Errorf("ended with %v", err)
		}
	})
}

// A node waits for the lease of a process that has died, and does not start
// while one that lives has its id.
func TestClaim(t *testing.T) {
	for name, c := range map[string]struct {
		lease im.Node
		gone  time.Duration // when it runs out; 0: never
		want  im.ErrorCode
		took  time.Duration // at least
	}{
		"nobody's":              {},
		"our former self's":     {lease: im.Node{ID: 1, Epoch: 9, Mesh: "127.0.0.1:1"}},
		"another node's":        {lease: im.Node{ID: 2, Epoch: 11, Mesh: "127.0.0.1:2"}},
		"a dead process's":      {lease: im.Node{ID: 1, Epoch: 9, Mesh: "127.0.0.1:2"}, gone: 4 * time.Second, took: 4 * time.Second},
		"a living process's":    {lease: im.Node{ID: 1, Epoch: 9, Mesh: "127.0.0.1:2"}, want: im.CodeConflict, took: 5 * time.Second},
		"of a later epoch":      {lease: im.Node{ID: 1, Epoch: 11, Mesh: "127.0.0.1:1"}, want: im.CodeConflict, took: 5 * time.Second},
		"of a clock since back": {lease: im.Node{ID: 1, Epoch: 11, Mesh: "127.0.0.1:1"}, gone: 4 * time.Second, took: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.registry.nodes = []im.Node{c.lease}
				began := time.Now()
				if c.gone > 0 {
					time.AfterFunc(c.gone, func() { _ = w.registry.locked(func() { w.registry.nodes = nil }) })
				}
				err := w.Claim(t.Context())
				if took := time.Since(began); im.CodeOf(err) != c.want || took < c.took || took > c.took+2*time.Second {
					t.Errorf("claimed with %v after %v", err, took)
				}
			})
		})
	}
	t.Run("no registry", func(t *testing.T) {
		w := newWorld(t)
		w.registry.fail(errAway)
		if err := w.Claim(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A peer that has restarted but cannot be linked: what its old incarnation had
// is offline, lease or not.
func TestOldIncarnationIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.registry.nodes = []im.Node{{ID: 2, Epoch: 5, Mesh: "127.0.0.1:2"}}
		end := w.run(t)
		defer end()
		w.LinkUp(2, 5)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 1, im.ShowOnline)}}})
		w.LinkDown(2, 5)
		advance(30 * time.Second)
		if w.SessionsOf(7) != 1 {
			t.Error("sessions of a peer that has a lease were forgotten")
		}
		_ = w.registry.locked(func() { w.registry.nodes = []im.Node{{ID: 2, Epoch: 6, Mesh: "127.0.0.1:2"}} })
		advance(7 * time.Second)
		if w.SessionsOf(7) != 0 {
			t.Error("sessions of an incarnation that is gone were kept")
		}
	})
}

// With link and registry gone, sessions of the peer are offline 20 s after a
// crash, of which the mesh may take 6 to notice.
func TestCrashWithoutRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		w.LinkUp(2, 5)
		w.Receive(2, im.Envelope{Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 1, im.ShowOnline)}}})
		w.registry.fail(errAway)
		advance(6 * time.Second)
		w.LinkDown(2, 5)
		advance(10 * time.Second)
		if w.SessionsOf(7) != 1 {
			t.Error("a short partition made users offline")
		}
		advance(4 * time.Second)
		if w.SessionsOf(7) != 0 {
			t.Error("the peer's sessions are still there 20 s after the crash")
		}
	})
}

// A node that starts while the registry is away knows no peer: its sessions
// depend on the quick comparison of heads.
func TestDegraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.registry.fail(errAway)
		end := w.run(t)
		defer end()
		if !w.peers.degraded() {
			t.Error("a node that has never heard the registry is not degraded")
		}
		w.registry.fail(nil)
		advance(2 * time.Second)
		w.registry.fail(errAway)
		advance(2 * time.Second)
		if w.peers.degraded() {
			t.Error("a node with all links is degraded")
		}
		w.LinkUp(2, 5)
		w.LinkDown(2, 5)
		if !w.peers.degraded() {
			t.Error("a node without registry and without a link is not degraded")
		}
	})
}

// What ended while the registry was away, and did not lose its data, must not
// stay in it.
func TestRegistryIsToldOfSessionsThatEndedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := w.run(t)
		defer end()
		a, _ := w.open(t, 7, 1, 1)
		w.open(t, 8, 1, 1)
		b, _ := w.open(t, 9, 1, 1)
		advance(time.Second)
		if n := w.registry.count(); n != 3 {
			t.Fatalf("the registry has %d sessions, want 3", n)
		}
		w.registry.fail(errAway)
		a.kick(im.Errorf(im.CodeReplaced, "")) // before anybody knows
		advance(10 * time.Second)
		b.kick(im.Errorf(im.CodeReplaced, ""))
		advance(10 * time.Second)
		w.registry.fail(nil)
		advance(3 * time.Second)
		if n := w.registry.count(); n != 1 {
			t.Errorf("the registry has %d sessions, want 1", n)
		}
	})
}

// A node that had followed a faster clock goes on after it when it is back.
func TestCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.newest = im.MakeMsgID(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), 3, 9)
		if err := w.CatchUp(context.Background()); err != nil {
			t.Fatal(err)
		}
		if next := w.Clock().Next(); next <= w.store.newest {
			t.Errorf("%d does not follow %d", next, w.store.newest)
		}
	})
}

// A repeated message has the id of its first time, maybe from a faster node;
// what the sender says next sorts behind it.
func TestAckOfRepeatIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, _ := w.open(t, 7, 1, 1)
		first := im.MakeMsgID(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), 0, 9)
		s.sent(&im.Message{From: 7, To: 8}, im.Committed{MsgID: first, Duplicate: true}, nil, func(im.Ack, error) {})
		if next := w.Clock().Next(); next <= first {
			t.Errorf("%d does not follow %d", next, first)
		}
	})
}

// Changes come at their rate: the first ones at once, then one after the other.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cfg.ChangeRate, w.cfg.ChangeBurst = 10, 5
		s, _ := w.open(t, 7, 1, 1)
		change := func() error { return s.SetPresence(t.Context(), im.Presence{Show: im.ShowAway}) }
		began := time.Now()
		for range 25 {
			if err := change(); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("25 changes took %v, want 2s", d)
		}
		errs := make(chan error, 30)
		for range 30 {
			go func() { errs <- change() }()
		}
		refused := 0
		for range 30 {
			if im.CodeOf(<-errs) == im.CodeRateLimited {
				refused++
			}
		}
		if refused != 20 {
			t.Errorf("%d of 30 changes at once were refused, want 20", refused)
		}
	})
}
