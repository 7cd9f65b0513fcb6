package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// The benchmarks run the server in a process of its own, so that its CPU time
// and memory are its own. benchServer is that process: it prints its addresses
// and answers every line of its input with a report.
const benchEnv = "CXX_EDGE_BENCH_SERVER"

func benchServer() {
	k := newCore()
	post := make(chan func(), 1<<16)
	k.onSend = func(s *fakeSession, m im.Outgoing, done func(im.Ack, error)) bool {
		// As the core does it: the commit is elsewhere, push and answer come from there.
		post <- func() {
			e := im.Entry{Seq: 1, MsgID: k.clock.Next(), Kind: im.KindMessage, From: s.User(), Peer: s.User(), Text: m.Text}
			for _, to := range k.of(m.To) {
				to.opening.Sink.Push(&e)
			}
			done(im.Ack{MsgID: e.MsgID, Seq: 1}, nil)
		}
		return true
	}
	go func() {
		for f := range post {
			f()
		}
	}()
	cfg := Default()
	cfg.Listen, cfg.Plaintext, cfg.AllowPlain, cfg.TestMode = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}, true, true
	cfg.IdleTimeout = seconds(600)
	srv, err := New(cfg, Deps{
		Sessions: k, Logins: &fakeLogins{core: k}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		TLS: &tls.Config{Certificates: []tls.Certificate{testCert()}}, Domains: []string{"localhost"},
	})
	if err != nil {
		panic(err)
	}
	go func() { _ = srv.Run(context.Background()) }()
	fmt.Println(srv.Addrs()[0], srv.Addrs()[1])
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "gc" {
			debug.FreeOSMemory()
		}
		var ru syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
		fmt.Println(cpu.Seconds(), rss(), ms.HeapInuse+ms.StackInuse, runtime.NumGoroutine())
	}
}

func rss() (bytes int64) {
	b, _ := os.ReadFile("/proc/self/statm")
	var total, resident int64
	_, _ = fmt.Sscan(string(b), &total, &resident)
	return resident * int64(os.Getpagesize())
}

type benchRig struct {
	t        testing.TB
	tls, raw string
	in       io.Writer
	out      *bufio.Scanner
}

func startBench(t testing.TB) *benchRig {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // ends the server
		_ = cmd.Wait()
	})
	b := &benchRig{t: t, in: in, out: bufio.NewScanner(out)}
	b.out.Scan()
	if _, err := fmt.Sscan(b.out.Text(), &b.tls, &b.raw); err != nil {
		t.Fatalf("%q: %v", b.out.Text(), err)
	}
	return b
}

func (b *benchRig) report(what string) (cpu float64, rss, heap int64, goroutines int) {
	b.t.Helper()
	if _, err := fmt.Fprintln(b.in, what); err != nil {
		b.t.Fatal(err)
	}
	b.out.Scan()
	if _, err := fmt.Sscan(b.out.Text(), &cpu, &rss, &heap, &goroutines); err != nil {
		b.t.Fatal(err)
	}
	return cpu, rss, heap, goroutines
}

func (b *benchRig) dial(withTLS bool, user uint64) *peer {
	b.t.Helper()
	var nc net.Conn
	var err error
	if withTLS {
		nc, err = tls.Dial("tcp", b.tls, clientTLS())
	} else {
		nc, err = net.Dial("tcp", b.raw)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	p := &peer{t: b.t, conn: nc, r: bufio.NewReaderSize(nc, 4096)}
	p.hello()
	p.send(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(im.UserID(user)))
	p.want(cxxpb.FrameType_FRAME_LOGIN_REPLY, nil)
	return p
}

// BenchmarkSend sends 100-byte messages between 50 pairs, with a window of
// unanswered ones; each costs a Send, a Push and a SendAck.
func BenchmarkSend(b *testing.B) {
	for _, withTLS := range []bool{false, true} {
		for _, window := range []int{1, 8} {
			b.Run(fmt.Sprintf("tls=%v/window=%d", withTLS, window), func(b *testing.B) { benchSend(b, withTLS, window) })
		}
	}
}

func benchSend(b *testing.B, withTLS bool, window int) {
	const pairs = 50
	rig := startBench(b)
	peers := make([]*peer, 2*pairs)
	for i := range peers {
		peers[i] = rig.dial(withTLS, uint64(i+1))
		defer peers[i].conn.Close()
	}
	before, _, _, _ := rig.report("now")
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, p := range peers {
		// Each side of a pair sends its share and reads the other's.
		share := b.N/len(peers) + 1
		wg.Go(func() { p.talk(uint64(i^1)+1, share, window) })
	}
	wg.Wait()
	b.StopTimer()
	after, _, _, _ := rig.report("now")
	n := float64((b.N/len(peers) + 1) * len(peers))
	b.ReportMetric((after-before)/n*100_000, "server-CPU-s/100k")
	b.ReportMetric(n/b.Elapsed().Seconds(), "msg/s")
}

func (p *peer) talk(to uint64, n, window int) {
	text := strings.Repeat("x", 100)
	id := make([]byte, 16)
	var out []byte
	sent, acks, pushes := 0, 0, 0
	for acks < n || pushes < n {
		out = out[:0]
		for sent < n && sent-acks < window {
			sent++
			out = proto.AppendFrame(out, cxxpb.FrameType_FRAME_SEND, 0, &cxxpb.Send{Id: uint32(sent), To: to, ClientId: id, Text: text})
		}
		if len(out) > 0 {
			p.write(out)
		}
		// One frame at least, and what else is there.
		for more := true; more; more = p.r.Buffered() > 0 {
			f, err := p.next()
			if err != nil {
				p.t.Error(err)
				return
			}
			switch f.Type {
			case cxxpb.FrameType_FRAME_SEND_ACK:
				acks++
			case cxxpb.FrameType_FRAME_PUSH:
				pushes++
			}
		}
	}
}

// BenchmarkIdle holds logged-in connections and reports what each costs the
// server process. CXX_EDGE_BENCH_CONNS changes their number.
func BenchmarkIdle(b *testing.B) {
	n := 5000
	if s := os.Getenv("CXX_EDGE_BENCH_CONNS"); s != "" {
		_, _ = fmt.Sscan(s, &n)
	}
	for _, withTLS := range []bool{false, true} {
		b.Run(fmt.Sprintf("tls=%v/connections=%d", withTLS, n), func(b *testing.B) {
			rig := startBench(b)
			warm := rig.dial(withTLS, 1<<40)
			defer warm.conn.Close()
			cpu0, rss0, heap0, _ := rig.report("gc")
			conns := make([]net.Conn, n)
			for i := range conns {
				conns[i] = rig.dial(withTLS, uint64(i+1)).conn
			}
			cpu1, rss1, _, goroutines := rig.report("now")
			_, rss2, heap2, _ := rig.report("gc")
			for _, c := range conns {
				c.Close()
			}
			for b.Loop() {
			}
			per := func(x int64) float64 { return float64(x) / float64(n) / 1024 }
			b.ReportMetric(per(rss1-rss0), "RSS-KiB/conn")
			b.ReportMetric(per(rss2-rss0), "RSS-after-GC-KiB/conn")
			b.ReportMetric(per(heap2-heap0), "heap-KiB/conn")
			b.ReportMetric((cpu1-cpu0)/float64(n)*1000, "CPU-ms/login")
			b.ReportMetric(float64(goroutines), "goroutines")
		})
	}
}
