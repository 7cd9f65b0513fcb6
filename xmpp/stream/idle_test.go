package stream

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
)

// idleClients names, for the child process of BenchmarkIdle, where to connect:
// address, number and, for TLS, yes.
const idleClients = "CXX_STREAM_IDLE_CLIENTS"

func TestMain(m *testing.M) {
	if _, child := os.LookupEnv(idleClients); child {
		beIdle()
		return
	}
	os.Exit(m.Run())
}

// beIdle logs clients in and keeps them until stdin ends.
func beIdle() {
	addr, secure := os.Getenv(idleClients), os.Getenv(idleClients+"_TLS") == "1"
	n, _ := strconv.Atoi(os.Getenv(idleClients + "_N"))
	keep := make([]net.Conn, 0, n)
	for range n {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			panic(err)
		}
		keep = append(keep, nc)
		if secure {
			nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) // the certificate is the parent's
		}
		for _, step := range []string{header, auth, header} {
			if _, err := io.WriteString(nc, step); err != nil {
				panic(err)
			}
			b := make([]byte, 1024)
			if _, err := nc.Read(b); err != nil {
				panic(err)
			}
		}
	}
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(keep)
}

// BenchmarkIdle measures what an idle session costs in the transport, its
// goroutine included; the clients are another process.
func BenchmarkIdle(b *testing.B) {
	for _, c := range []struct {
		name     string
		listener int
	}{{"plain", 0}, {"TLS", 1}} {
		b.Run(c.name, func(b *testing.B) {
			const n = 2000
			cfg := testConfig()
			cfg.MaxConnections = n + 16
			w := start(b, cfg, nil)
			before := inUse()
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), idleClients+"="+w.Addrs()[c.listener].String(),
				idleClients+"_N="+strconv.Itoa(n), idleClients+"_TLS="+strconv.Itoa(c.listener))
			stdin, _ := child.StdinPipe()
			stdout, _ := child.StdoutPipe()
			child.Stderr = os.Stderr
			if err := child.Start(); err != nil {
				b.Fatal(err)
			}
			if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
			}
			b.ReportMetric(float64(inUse()-before)/n, "B/conn")
			_ = stdin.Close()
			_ = child.Wait()
		})
	}
}

func inUse() int64 {
	for range 6 { // stacks shrink by half with each collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
