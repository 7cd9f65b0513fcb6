package mesh

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// counter is a Handler that counts.
type counter struct {
	up   chan struct{}
	done chan struct{}
	left int // touched by the owner of the one link
}

func (c *counter) LinkUp(im.NodeID, uint64)   { close(c.up) }
func (c *counter) LinkDown(im.NodeID, uint64) {}
func (c *counter) Receive(im.NodeID, im.Envelope) {
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

// BenchmarkForward sends messages of 100 bytes of text from one node to
// another over loopback. Both nodes' processor time is in cpu-s/100k.
func BenchmarkForward(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, senders := range []int{1, 8} {
			b.Run(map[bool]string{false: "plain", true: "tls"}[secure]+map[int]string{1: "/1-sender", 8: "/8-senders"}[senders], func(b *testing.B) {
				benchForward(b, secure, senders)
			})
		}
	}
}

func benchForward(b *testing.B, secure bool, senders int) {
	dir := b.TempDir()
	nodes := make([]*Mesh, 2)
	counters := make([]*counter, 2)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	list := make([]im.Node, 2)
	for i := range nodes {
		cfg := DefaultConfig()
		cfg.Listen = "127.0.0.1:0"
		list[i] = im.Node{ID: im.NodeID(i + 1), Epoch: 1}
		sec := Plain
		if secure {
			sec = *identity(b, dir, list[i].ID)
		}
		counters[i] = &counter{up: make(chan struct{}), done: make(chan struct{}), left: b.N}
		var err error
		if nodes[i], err = New(cfg, list[i], sec, counters[i], slog.New(slog.DiscardHandler), nil); err != nil {
			b.Fatal(err)
		}
		addr, err := nodes[i].Listen()
		if err != nil {
			b.Fatal(err)
		}
		list[i].Mesh = addr.String()
		go func() { ended <- nodes[i].Run(ctx) }()
	}
	nodes[0].SetPeers(list)
	<-counters[0].up
	<-counters[1].up
	e := message(1)
	e.Deliver.Entry.Text = strings.Repeat("x", 100)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	work := make(chan int, senders)
	for i := range senders {
		n := b.N / senders
		if i == 0 {
			n += b.N % senders
		}
		go func() {
			refused := 0
			for range n {
				for !nodes[0].Forward(2, e) {
					refused++
					<-time.After(time.Millisecond) // the queue is full
				}
			}
			work <- refused
		}()
	}
	refused := 0
	for range senders {
		refused += <-work
	}
	<-counters[1].done
	b.StopTimer()
	b.ReportMetric((cpu()-before).Seconds()*1e5/float64(b.N), "cpu-s/100k")
	b.ReportMetric(float64(refused)/float64(b.N), "refused/op")
	cancel()
	<-ended
	<-ended
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// pinger answers the last message of a burst.
type pinger struct {
	up    chan struct{}
	mesh  *Mesh
	burst int
	got   int
	tell  chan struct{}
}

func (p *pinger) LinkUp(im.NodeID, uint64)   { close(p.up) }
func (p *pinger) LinkDown(im.NodeID, uint64) {}
func (p *pinger) Receive(from im.NodeID, e im.Envelope) {
	if e.Signal != nil {
		p.tell <- struct{}{}
		return
	}
	if p.got++; p.got%p.burst == 0 {
		p.mesh.Forward(from, im.Envelope{Signal: &im.Signal{}})
	}
}

// BenchmarkBurst sends bursts over TLS, each after the answer to the one
// before: what a link costs when it is not saturated.
func BenchmarkBurst(b *testing.B) {
	for _, burst := range []int{1, 8, 64} {
		b.Run(strconv.Itoa(burst), func(b *testing.B) { benchBurst(b, burst) })
	}
}

func benchBurst(b *testing.B, burst int) {
	dir := b.TempDir()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	var list []im.Node
	var ends []*pinger
	for id := im.NodeID(1); id <= 2; id++ {
		cfg := DefaultConfig()
		cfg.Listen = "127.0.0.1:0"
		p := &pinger{up: make(chan struct{}), tell: make(chan struct{}, 1), burst: burst}
		m, err := New(cfg, im.Node{ID: id, Epoch: 1}, *identity(b, dir, id), p, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		p.mesh = m
		addr, err := m.Listen()
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, im.Node{ID: id, Epoch: 1, Mesh: addr.String()})
		ends = append(ends, p)
		go func() { ended <- m.Run(ctx) }()
	}
	ends[0].mesh.SetPeers(list)
	<-ends[0].up
	<-ends[1].up
	e := message(1)
	e.Deliver.Entry.Text = strings.Repeat("x", 100)
	b.ResetTimer()
	before := cpu()
	rounds := b.N/burst + 1
	for range rounds {
		for range burst {
			ends[0].mesh.Forward(2, e)
		}
		<-ends[0].tell
	}
	b.StopTimer()
	b.ReportMetric((cpu()-before).Seconds()*1e5/float64(rounds*burst), "cpu-s/100k")
	cancel()
	<-ended
	<-ended
}
