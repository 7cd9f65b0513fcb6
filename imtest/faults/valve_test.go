package faults

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// valve stands between clients and a server, and can stop to read what the
// server sends. It has small buffers, so that the server notices.
type valve struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup
	shut   chan struct{} // closed: nothing is read from the server any more
	look   chan struct{} // closed: see what has become of the connections
	ending sync.Once

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	ended int        // guarded by mu: connections that the server has given up
	alive int        // guarded by mu: those that it has not
}

func newValve(t *testing.T, target string) *valve {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	v := &valve{ln: ln, target: target, shut: make(chan struct{}), look: make(chan struct{})}
	v.wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			v.wg.Go(func() { v.join(in) })
		}
	})
	t.Cleanup(v.close)
	return v
}

func (v *valve) close() {
	v.ln.Close()
	v.ending.Do(func() { close(v.look) })
	v.mu.Lock()
	for _, c := range v.conns {
		c.Close()
	}
	v.mu.Unlock()
	v.wg.Wait()
}

// stop shuts the valve.
func (v *valve) stop() { close(v.shut) }

// count looks at all connections: how many the server has ended, how many it
// keeps. Call it once, after stop.
func (v *valve) count() (ended, alive int) {
	v.ln.Close() // or there would be no end to wait for
	v.ending.Do(func() { close(v.look) })
	v.wg.Wait()
	return v.ended, v.alive
}

func (v *valve) join(in net.Conn) {
	const window = 4 << 10
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
		})
	}}
	out, err := d.DialContext(context.Background(), "tcp", v.target)
	if err != nil {
		in.Close()
		return
	}
	v.mu.Lock()
	v.conns = append(v.conns, in, out)
	v.mu.Unlock()
	v.wg.Go(func() { pour(out, in) })
	v.down(in, out)
	in.Close()
	out.Close()
}

// pour passes on what the client says.
func pour(to, from net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// down passes on what the server says, until the valve is shut.
func (v *valve) down(client, server net.Conn) {
	v.wg.Go(func() {
		select {
		case <-v.shut:
			_ = server.SetReadDeadline(time.Unix(1, 0))
		case <-v.look:
		}
	})
	buf := make([]byte, 4<<10)
	for {
		n, err := server.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
	<-v.look
	_ = server.SetReadDeadline(time.Now().Add(time.Second))
	var err error
	for err == nil {
		_, err = server.Read(buf)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		v.alive++
		return
	}
	v.ended++
}
