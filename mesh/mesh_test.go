package mesh

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestTwoNodesBothDirectionsInOrder(t *testing.T) {
	a, b := start(t, options{id: 1}), start(t, options{id: 2})
	meet(a, b)
	a.next(t, "up 2/1")
	b.next(t, "up 1/1")
	const n = 5000
	var both sync.WaitGroup
	for _, f := range []*fixture{a, b} {
		to := 3 - f.node.ID
		both.Go(func() {
			for i := range n {
				if !f.mesh.Forward(to, message(i)) {
					t.Errorf("message %d to %d was not taken", i, to)
				}
			}
		})
	}
	both.Wait()
	for i := range n {
		if got := b.next(t, "got from 1"); got.env.Deliver.Entry.Seq != uint64(i) {
			t.Fatalf("node 2 received %d as number %d", got.env.Deliver.Entry.Seq, i)
		}
		if got := a.next(t, "got from 2"); got.env.Deliver.Entry.Seq != uint64(i) {
			t.Fatalf("node 1 received %d as number %d", got.env.Deliver.Entry.Seq, i)
		}
	}
	b.stop(t)
	a.next(t, "down 2/1")
	b.next(t, "down 1/1")
	if a.mesh.Forward(2, message(0)) {
		t.Error("Forward over a link that is down returned true")
	}
}

func TestThreeNodesBroadcast(t *testing.T) {
	nodes := []*fixture{start(t, options{id: 3}), start(t, options{id: 1}), start(t, options{id: 2})}
	meet(nodes...)
	for _, f := range nodes {
		up := map[im.NodeID]bool{(<-f.events).peer: true, (<-f.events).peer: true}
		if len(up) != 2 {
			t.Fatalf("node %d has links to %v", f.node.ID, up)
		}
	}
	nodes[0].mesh.Broadcast(im.Envelope{Sessions: &im.SessionsUpdate{Snapshot: true, Up: []im.SessionInfo{{SessionKey: im.SessionKey{User: 5, Session: 9}}}}})
	want := im.SessionKey{User: 5, Node: 3, NodeEpoch: 1, Session: 9}
	for _, f := range nodes[1:] {
		got := f.next(t, "got from 3").env.Sessions
		if got == nil || !got.Snapshot || len(got.Up) != 1 || got.Up[0].SessionKey != want {
			t.Fatalf("node %d received %+v", f.node.ID, got)
		}
	}
	for _, s := range nodes[2].mesh.Links() {
		if !s.Up || !s.Alive || s.Dialled != (s.Peer == 3) || s.Version != "test" {
			t.Errorf("status %+v", s)
		}
	}
}

func TestAloneNothingIsTaken(t *testing.T) {
	f := start(t, options{id: 1})
	meet(f)
	f.mesh.Broadcast(message(1))
	if f.mesh.Forward(1, message(1)) || f.mesh.Forward(9, message(1)) {
		t.Error("Forward without a link returned true")
	}
	if got := f.mesh.Links(); len(got) != 0 {
		t.Errorf("links of a lone node: %v", got)
	}
}

// Forward works from inside LinkUp, which is where the core sends its snapshot.
func TestForwardInsideLinkUp(t *testing.T) {
	a, b := start(t, options{id: 1}), start(t, options{id: 2})
	a.onUp = func(p im.NodeID) { a.mesh.Forward(p, message(1)) }
	meet(a, b)
	b.next(t, "up 1/1")
	b.next(t, "got from 1")
}

func TestRestartWithNewEpoch(t *testing.T) {
	for _, restarted := range []im.NodeID{1, 2} { // the one that dials, the one that is dialled
		stays := start(t, options{id: 3 - restarted})
		old := start(t, options{id: restarted, epoch: 10})
		meet(stays, old)
		stays.next(t, "up "+name(restarted, 10))
		old.stop(t)
		stays.next(t, "down "+name(restarted, 10))
		young := start(t, options{id: restarted, epoch: 11})
		meet(stays, young)
		stays.next(t, "up "+name(restarted, 11))
	}
}

// A crashed peer leaves a connection that nobody has closed; its successor
// takes over at once.
func TestNewEpochReplacesOldLink(t *testing.T) {
	b := start(t, options{id: 2})
	old := dialRaw(t, b, hello(1, 10))
	b.next(t, "up 1/10")
	young := dialRaw(t, b, hello(1, 11))
	b.next(t, "down 1/10")
	b.next(t, "up 1/11")
	old.wantClosed(t)

	// The same incarnation may dial again: its side has lost the link.
	again := dialRaw(t, b, hello(1, 11))
	b.next(t, "down 1/11")
	b.next(t, "up 1/11")
	young.wantClosed(t)

	zombie := dialRaw(t, b, hello(1, 10))
	if _, err := readHello(zombie.frames); err == nil || !strings.Contains(err.Error(), "not the newest") {
		t.Errorf("an earlier incarnation got %v", err)
	}
	b.none(t)
	again.close()
	b.next(t, "down 1/11")
}

// Many connections of one node at once end in exactly one link, and the events
// alternate.
func TestSimultaneousDials(t *testing.T) {
	b := start(t, options{id: 2})
	const n = 16
	conns := make([]*rawPeer, n)
	closed := make(chan int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			conns[i] = dialRaw(t, b, hello(1, 5))
			go func() {
				_, _ = io.Copy(io.Discard, conns[i].conn)
				closed <- i
			}()
		})
	}
	all.Wait()
	left := n * (n - 1) / 2
	for range n - 1 {
		left -= <-closed
	}
	if err := writeFrame(conns[left].conn, frameSignal, &cxxpb.MeshSignal{}); err != nil {
		t.Fatal(err)
	}
	up := false
	for e := range b.events {
		if e.what == "got" {
			break
		}
		if up == (e.what == "up") {
			t.Fatalf("%s twice in a row", e)
		}
		up = !up
	}
	if !up {
		t.Error("a message came over a link that was not up")
	}
	b.stop(t)
	<-closed
	b.next(t, "down 1/5")
}

func TestSetPeersEndsLinkOfDeadIncarnation(t *testing.T) {
	b := start(t, options{id: 2})
	old := dialRaw(t, b, hello(1, 10))
	b.next(t, "up 1/10")
	b.mesh.SetPeers([]im.Node{{ID: 1, Epoch: 11, Mesh: "127.0.0.1:1"}})
	b.next(t, "down 1/10")
	old.wantClosed(t)
	if !strings.Contains(b.log.String(), string(endNewer)) {
		t.Errorf("the reason %q is not in the log", endNewer)
	}
}

// What was queued before the end is still sent.
func TestShutdownSendsWhatWaits(t *testing.T) {
	a, b := start(t, options{id: 1}), start(t, options{id: 2})
	meet(a, b)
	a.next(t, "up 2/1")
	b.next(t, "up 1/1")
	const n = 2000
	for i := range n {
		a.mesh.Forward(2, message(i))
	}
	a.stop(t)
	for range n {
		b.next(t, "got from 1")
	}
	b.next(t, "down 1/1")
}

func TestLargeSnapshotComesInPieces(t *testing.T) {
	a, b := start(t, options{id: 1}), start(t, options{id: 2})
	meet(a, b)
	a.next(t, "up 2/1")
	b.next(t, "up 1/1")
	const n = 30000
	u := im.SessionsUpdate{Snapshot: true}
	for i := range n {
		u.Up = append(u.Up, im.SessionInfo{SessionKey: im.SessionKey{User: im.UserID(i + 1), Session: im.SessionID(i)}, Resource: "phone"})
		u.Down = append(u.Down, im.SessionKey{User: im.UserID(i + 1), Session: im.SessionID(n + i)})
	}
	if !a.mesh.Forward(2, im.Envelope{Sessions: &u}) {
		t.Fatal("the snapshot was not taken")
	}
	up, down := 0, 0
	for first := true; up < n || down < n; first = false {
		got := b.next(t, "got from 1").env.Sessions
		if got.Snapshot != first {
			t.Fatalf("snapshot is %v in a piece that is the first: %v", got.Snapshot, first)
		}
		up += len(got.Up)
		down += len(got.Down)
	}
	b.none(t)
}

// What the peer would not take is not sent, and the caller learns it.
func TestOversizedSignalIsRefused(t *testing.T) {
	a, b := start(t, options{id: 1}), start(t, options{id: 2})
	meet(a, b)
	a.next(t, "up 2/1")
	big := im.Envelope{Signal: &im.Signal{From: 1, To: 2, Kind: im.SignalStanza, Data: make([]byte, maxFrame)}}
	if a.mesh.Forward(2, big) {
		t.Error("a signal above the limit of a frame was taken")
	}
	big.Signal.Data = big.Signal.Data[:maxFrame/2]
	if !a.mesh.Forward(2, big) {
		t.Error("a signal within the limit was refused")
	}
	b.next(t, "up 1/1")
	if got := b.next(t, "got from 1").env.Signal; got == nil || len(got.Data) != maxFrame/2 {
		t.Errorf("received %+v", got)
	}
}
