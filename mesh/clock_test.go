package mesh

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/proto"
)

// These tests run on the fake clock of testing/synctest, over pipes.

func TestSilentPeerIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, options{id: 2, net: newPipes()})
		p := dialRaw(t, b, hello(1, 1))
		if _, err := readHello(p.frames); err != nil {
			t.Fatal(err)
		}
		b.next(t, "up 1/1")
		up := time.Now()
		beats := make(chan int)
		go func() { beats <- drain(p.conn) }()
		b.next(t, "down 1/1")
		if d := time.Since(up); d != 6*time.Second {
			t.Errorf("a silent peer was found after %s", d)
		}
		if n := <-beats; n < 2 || n > 3 {
			t.Errorf("%d heartbeats in 6 s, want one every 2 s", n)
		}
		wantReason(t, b, endSilent)
	})
}

// drain reads until an error and returns the bytes.
func drain(c net.Conn) int {
	n := 0
	var b [64]byte
	for {
		k, err := c.Read(b[:])
		n += k
		if err != nil {
			return n
		}
	}
}

// A peer whose heartbeats come but who never reads: the network is broken in
// one direction, or its reader hangs.
func TestPeerThatNeverReadsIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, options{id: 2, net: newPipes()})
		p := dialRaw(t, b, hello(1, 1))
		if _, err := readHello(p.frames); err != nil {
			t.Fatal(err)
		}
		b.next(t, "up 1/1")
		ended := make(chan struct{})
		go func() { // lives, but is deaf
			defer close(ended)
			for {
				if _, err := p.conn.Write([]byte{proto.Heartbeat}); err != nil {
					return
				}
				select {
				case <-time.After(2 * time.Second):
				case <-t.Context().Done():
					return
				}
			}
		}()
		began := time.Now()
		if !b.mesh.Forward(1, message(1)) {
			t.Fatal("the first message was not taken")
		}
		b.next(t, "down 1/1")
		if d := time.Since(began); d != 6*time.Second {
			t.Errorf("a deaf peer was found after %s", d)
		}
		wantReason(t, b, endStalled)
		<-ended
	})
}

func wantReason(t *testing.T, f *fixture, why reason) {
	t.Helper()
	if !strings.Contains(f.log.String(), "reason="+string(why)) {
		t.Errorf("the log lacks reason=%s:\n%s", why, f.log)
	}
}

// An idle link stays up by heartbeats alone.
func TestIdleLinkStaysUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a, b := start(t, options{id: 1, net: net}), start(t, options{id: 2, net: net})
		meet(a, b)
		a.next(t, "up 2/1")
		b.next(t, "up 1/1")
		<-time.After(time.Hour)
		a.none(t)
		b.none(t)
		if n := net.count(); n != 1 {
			t.Errorf("%d dials in an hour, want 1", n)
		}
	})
}

// A receiver that is busy for a while: the queue fills, Forward says so at
// once, heartbeats of the receiver go on, and the link survives.
func TestFullQueueRefusesAndLinkSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, gate := newPipes(), make(chan struct{})
		a := start(t, options{id: 1, net: net, cfg: func(c *Config) { c.Queue = 1 << 20 }})
		b := start(t, options{id: 2, net: net, gate: gate})
		meet(a, b)
		a.next(t, "up 2/1")
		b.next(t, "up 1/1")
		sent := 0
		for idle := false; !idle; synctest.Wait() { // the writer takes some away meanwhile
			idle = true
			for a.mesh.Forward(2, message(sent)) {
				sent++
				idle = false
			}
		}
		if size := len(first(encode(nil, ptr(message(1000))))); sent < (1<<20)/size-2000 || sent > (1<<20)/size+2000 {
			t.Errorf("%d messages of %d bytes were taken by a queue of 1 MiB", sent, size)
		}
		if k := (im.Envelope{Kick: &im.Kick{User: 1}}); !a.mesh.Forward(2, k) {
			t.Error("a kick was not taken though it may go beyond the limit")
		}
		b.next(t, "got from 1")
		<-time.After(5 * time.Second)         // more than two heartbeats, less than dead_after
		if a.mesh.Forward(2, message(sent)) { // not a shorter one
			t.Error("a full queue took a message")
		}
		close(gate) // the receiver goes on
		for range sent {
			b.next(t, "got from 1") // the rest, and the kick
		}
		synctest.Wait()
		a.none(t)
		b.none(t)
		if !a.mesh.Forward(2, message(0)) {
			t.Error("an empty queue did not take a message")
		}
		b.next(t, "got from 1")
	})
}

func first[A, B any](a A, _ B) A { return a }
func ptr[T any](v T) *T          { return &v }

// When announcements of sessions do not fit, the link starts again, so that a
// snapshot repairs what the peer missed.
func TestOverflowOfSessionsRestartsLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, gate := newPipes(), make(chan struct{})
		a := start(t, options{id: 1, net: net, cfg: func(c *Config) { c.Queue = 1 << 20 }})
		b := start(t, options{id: 2, net: net, gate: gate})
		a.mesh.stateBytes = 1 << 20
		meet(a, b)
		a.next(t, "up 2/1")
		b.next(t, "up 1/1")
		u := &im.SessionsUpdate{Up: make([]im.SessionInfo, 500)}
		for i := range u.Up {
			u.Up[i].User, u.Up[i].Presence.Status = im.UserID(i+1), strings.Repeat("s", 1000)
		}
		for range 10 { // ten times half a megabyte
			a.mesh.Broadcast(im.Envelope{Sessions: u})
		}
		a.next(t, "down 2/1")
		wantReason(t, a, endOverflow)
		close(gate)
		a.next(t, "up 2/1")
	})
}

// The word that a block list has changed may go beyond the limit; when it does not
// fit all the same, the link starts again, which makes the peer read all lists
// again.
func TestOverflowOfBlocksRestartsLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, gate := newPipes(), make(chan struct{})
		a := start(t, options{id: 1, net: net, cfg: func(c *Config) { c.Queue = 1 << 20 }})
		b := start(t, options{id: 2, net: net, gate: gate})
		a.mesh.stateBytes = 1 << 10
		meet(a, b)
		a.next(t, "up 2/1")
		b.next(t, "up 1/1")
		for a.mesh.Forward(2, message(0)) {
		}
		blocks := im.Envelope{Blocks: &im.Blocks{User: 9}}
		if !a.mesh.Forward(2, blocks) {
			t.Error("it was not taken though it may go beyond the limit")
		}
		for a.mesh.Forward(2, blocks) {
		}
		a.next(t, "down 2/1")
		wantReason(t, a, endOverflow)
		close(gate)
		a.next(t, "up 2/1")
	})
}

// A node that has lost the registry, and nothing else, keeps its links: what
// works is proof of life.
func TestLinkOutlivesLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a, b := start(t, options{id: 1, net: net}), start(t, options{id: 2, net: net})
		meet(a, b)
		a.next(t, "up 2/1")
		b.next(t, "up 1/1")
		noLeases(time.Hour, a, b)
		a.none(t)
		b.none(t)
		if n := net.count(); n != 1 {
			t.Errorf("%d dials in an hour, want 1", n)
		}
		if l := a.mesh.Links(); len(l) != 1 || !l[0].Up || l[0].Alive {
			t.Errorf("status of a peer with a link and no lease: %+v", l)
		}
	})
}

// noLeases says for a while, each second, that no other node has a lease.
func noLeases(d time.Duration, nodes ...*fixture) {
	for began := time.Now(); time.Since(began) < d; {
		for _, f := range nodes {
			f.mesh.SetPeers(nil)
		}
		<-time.After(time.Second)
	}
}

// A peer with neither lease nor link is dialled for a while and then forgotten.
func TestVanishedLeaseIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a, b := start(t, options{id: 1, net: net}), start(t, options{id: 2, net: net})
		meet(a, b)
		a.next(t, "up 2/1")
		noLeases(time.Minute, a) // late, for instance while Redis is away
		b.stop(t)
		a.next(t, "down 2/1")
		dials := net.count()
		noLeases(20*time.Second, a)
		if net.count() == dials {
			t.Error("a peer whose link has just ended was not dialled")
		}
		noLeases(20*time.Second, a)
		dials = net.count()
		noLeases(time.Minute, a)
		if net.count() != dials {
			t.Error("a forgotten peer was dialled")
		}
		if l := a.mesh.Links(); len(l) != 0 {
			t.Errorf("a forgotten peer is listed: %+v", l)
		}
		b = start(t, options{id: 2, epoch: 2, net: net})
		meet(a, b) // back again
		a.next(t, "up 2/2")
	})
}

func TestRedialBacksOffAndHurriesOnNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a := start(t, options{id: 1, net: net})
		peer := im.Node{ID: 2, Epoch: 1, Mesh: "127.0.0.1:1002"}
		a.mesh.SetPeers([]im.Node{peer})
		<-time.After(time.Minute)
		// 50–100 ms, 100–200, … 1.6–3.2 s, then 2.5–5 s each.
		if n := net.count(); n < 15 || n > 32 {
			t.Errorf("%d dials of an unreachable peer in a minute", n)
		}
		if l := a.mesh.Links(); len(l) != 1 || l[0].Up || !strings.Contains(l[0].Problem, "refused") {
			t.Errorf("status of an unreachable peer: %+v", l)
		}
		b := start(t, options{id: 2, epoch: 2, net: net})
		peer.Epoch = 2
		a.mesh.SetPeers([]im.Node{peer})
		began := time.Now()
		a.next(t, "up 2/2")
		if d := time.Since(began); d != 0 {
			t.Errorf("a restarted peer was dialled after %s", d)
		}
		b.next(t, "up 1/1")
	})
}

// A peer that takes the hello and hangs up each time must not be dialled in a
// tight loop.
func TestFlappingPeerIsDialledSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a := start(t, options{id: 1, net: net})
		ln, _ := net.listen("127.0.0.1:1002")
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = readHello(newReader(conn))
				_ = writeFrame(conn, frameHello, hello(2, 1))
				_ = conn.Close()
			}
		}()
		a.mesh.SetPeers([]im.Node{{ID: 2, Epoch: 1, Mesh: "127.0.0.1:1002"}})
		<-time.After(time.Minute)
		if n := net.count(); n < 15 || n > 32 {
			t.Errorf("%d dials of a flapping peer in a minute", n)
		}
		_ = ln.Close()
	})
}

func TestHandshakeHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		b := start(t, options{id: 2, net: pipes, cfg: func(c *Config) { c.DialTimeout = config.Duration(3 * time.Second) }})
		conn, err := pipes.dial(t.Context(), b.node.Mesh)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		drain(conn) // says nothing
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("a mute connection was closed after %s", d)
		}
		synctest.Wait()
		if !strings.Contains(b.log.String(), "no hello within 3s") {
			t.Errorf("log: %s", b.log)
		}
	})
}

// A peer that is alive but has no lease, for it cannot reach the registry,
// dials again when its link has broken, however long the lease has been gone.
func TestForgottenPeerMayDialAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newPipes()
		a, b := start(t, options{id: 1, net: net}), start(t, options{id: 2, net: net})
		meet(a, b)
		b.next(t, "up 1/1")
		for range 2 {
			noLeases(time.Hour, b)
			_ = b.mesh.peer(1).live.Load().raw.Close()
			b.next(t, "down 1/1")
			b.next(t, "up 1/1")
		}
	})
}
