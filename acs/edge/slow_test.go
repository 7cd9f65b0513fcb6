package edge

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func entryOf(size int) im.Entry {
	return im.Entry{Kind: im.KindMessage, From: 9, Peer: 9, Text: strings.Repeat("x", size)}
}

// fill pushes until the sink refuses, and returns how many it took.
func fill(t *testing.T, s im.Sink) (taken int) {
	t.Helper()
	for seq := uint64(1); seq < 1_000_000; seq++ {
		e := entryOf(4000)
		e.Seq = seq
		if !s.Push(&e) {
			return taken
		}
		taken++
	}
	t.Fatal("the sink takes everything")
	return 0
}

// A client that does not read gets one SyncRequired in place of what it missed,
// and pushes again once it has synced.
func TestSyncRequired(t *testing.T) {
	r := newRig(t, nil)
	p := r.plain()
	p.enter(r.core, "alice")
	s := r.core.of(r.core.user("alice"))[0].opening.Sink
	taken := fill(t, s)
	e := entryOf(10)
	for range 2 {
		if s.Push(&e) {
			t.Error("a push was taken behind a refused one")
		}
	}
	for range taken {
		p.want(cxxpb.FrameType_FRAME_PUSH, nil)
	}
	var m cxxpb.SyncRequired
	p.want(cxxpb.FrameType_FRAME_SYNC_REQUIRED, &m)
	if m.Head != uint64(taken+1) {
		t.Errorf("head %d after %d pushes", m.Head, taken)
	}
	p.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
	if !s.Push(&e) {
		t.Error("no push after the sync")
	}
	p.want(cxxpb.FrameType_FRAME_PUSH, nil)
	if n := r.count("cxx_edge_sync_required_total"); n != 1 {
		t.Errorf("%v times", n)
	}
}

// Presence and typing are dropped long before messages.
func TestEphemeralDropped(t *testing.T) {
	r := newRig(t, nil)
	r.plain().enter(r.core, "alice")
	s := r.core.of(r.core.user("alice"))[0].opening.Sink
	fill(t, s)
	s.PushSignal(im.Signal{From: 9, Kind: im.SignalTyping})
	s.PushPresence(im.UserPresence{User: 9, Show: im.ShowAway})
	if n := r.count("cxx_edge_ephemeral_dropped_total"); n != 2 {
		t.Errorf("%v dropped", n)
	}
}

// Who asks and asks and never reads is closed.
func TestSlowConsumer(t *testing.T) {
	r := newRig(t, func(c *Config, d *Deps) {
		c.SoftOutbound, c.HardOutbound, d.sendBuffer = 64<<10, 128<<10, 16<<10
	})
	p := r.plain()
	p.enter(r.core, "alice")
	go func() {
		for id := uint32(1); ; id++ {
			b := frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: id, Op: &cxxpb.Call_Devices{Devices: &cxxpb.DevicesCall{}}})
			if _, err := p.conn.Write(b); err != nil {
				return
			}
		}
	}()
	r.empty()
	if n := r.count("cxx_edge_closes_total", "slow_consumer"); n != 1 {
		t.Errorf("%v closed as slow", n)
	}
}

// Unsent bytes that do not move for too long end the connection.
func TestNoProgress(t *testing.T) {
	r := newRig(t, func(c *Config, d *Deps) { c.ProgressTimeout, d.sendBuffer = short(200*time.Millisecond), 16<<10 })
	r.plain().enter(r.core, "alice")
	s := r.core.of(r.core.user("alice"))[0].opening.Sink.(*sink)
	for e := entryOf(4000); !s.c.is(closing); {
		if !s.Push(&e) {
			s.c.out.synced()
			runtime.Gosched()
		}
	}
	r.empty()
	if n := r.count("cxx_edge_closes_total", "slow_consumer"); n != 1 {
		t.Errorf("%v closed as slow", n)
	}
}

// Pages are cut to what a frame may hold, and compressed for who wants it.
func TestPagesFit(t *testing.T) {
	r := newRig(t, nil)
	k := r.core
	for i := range 150 {
		e := entryOf(4000)
		e.Text = fmt.Sprint(i, e.Text)
		k.append(k.user("alice"), e)
	}
	p := r.plain()
	p.enter(k, "alice")
	var cursor uint64
	pages := 0
	for cursor < 150 {
		m := p.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: cursor}}}).GetSync()
		if m.SizeVT() > int(r.srv.cfg.MaxFrame) || m.Entries[0].Seq != cursor+1 {
			t.Fatalf("page of %d bytes from %d at %d", m.SizeVT(), m.Entries[0].Seq, cursor)
		}
		cursor = m.Entries[len(m.Entries)-1].Seq
		pages++
	}
	if pages != 3 {
		t.Errorf("%d pages", pages)
	}
	if out := r.count("cxx_edge_bytes_total", "out"); out > 100_000 {
		t.Errorf("%v bytes: not compressed", out)
	}
}

// Asked to leave, clients may stay a little; those that stay are closed.
func TestDrain(t *testing.T) {
	for name, dial := range dials {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			early, late, stranger := dial(r), dial(r), dial(r)
			early.enter(r.core, "early")
			late.enter(r.core, "late")
			stranger.hello()
			drained := make(chan error, 1)
			go func() { drained <- r.srv.Drain(t.Context(), 50*time.Millisecond) }()
			stranger.wantError(0, im.CodeGoAway)
			stranger.wantClose()
			stranger.conn.Close()
			var m cxxpb.GoAway
			early.want(cxxpb.FrameType_FRAME_GO_AWAY, &m)
			if m.DelayMs > 50 {
				t.Errorf("delay %d ms", m.DelayMs)
			}
			early.conn.Close()
			late.want(cxxpb.FrameType_FRAME_GO_AWAY, nil)
			late.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}}) // still served
			late.wantError(0, im.CodeGoAway)
			late.wantClose()
			late.conn.Close()
			if err := <-drained; err != nil {
				t.Error(err)
			}
			if _, err := net.Dial("tcp", r.srv.Addr().String()); err == nil {
				t.Error("a draining server accepts")
			}
		})
	}
}

// A server that stops tells its clients so.
func TestStop(t *testing.T) {
	r := newRig(t, nil)
	p, q := r.plain(), r.overTLS()
	p.enter(r.core, "alice")
	q.enter(r.core, "bob")
	go r.stop()
	for _, p := range []*peer{p, q} {
		p.wantError(0, im.CodeGoAway)
		if _, err := p.next(); err != io.EOF {
			t.Errorf("%v", err)
		}
		p.conn.Close()
	}
	for range 2 {
		<-r.core.closed
	}
}
