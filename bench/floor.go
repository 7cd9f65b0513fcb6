package main

import (
	"io"
	"net"
	"runtime"
	"syscall"
	"time"
)

// floorWrites is how many writes bareWrites makes.
const floorWrites = 50000

// bareWrites returns what the kernel alone takes for 100,000 deliveries: the CPU
// seconds of a thread that writes size bytes to each of n connections, over and over,
// and waits for all of them to be read before the next turn. No server that gives each
// receiver a write of its own is below that.
func bareWrites(n, size int) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	came := make(chan struct{}, n)
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range n {
		reader, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return 0, err
		}
		c, err := l.Accept()
		if err != nil {
			reader.Close()
			return 0, err
		}
		conns = append(conns, c)
		go readAll(reader, size, came)
	}
	return writeAll(conns, make([]byte, size), came)
}

// readAll tells of each size bytes, until the other side closes.
func readAll(c net.Conn, size int, came chan<- struct{}) {
	defer c.Close()
	b := make([]byte, size)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		came <- struct{}{}
	}
}

func writeAll(conns []net.Conn, b []byte, came <-chan struct{}) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCPU()
	if err != nil {
		return 0, err
	}
	turns := max(1, floorWrites/len(conns))
	for range turns {
		for _, c := range conns {
			if _, err := c.Write(b); err != nil {
				return 0, err
			}
		}
		for range conns {
			<-came
		}
	}
	after, err := threadCPU()
	return (after - before).Seconds() * 1e5 / float64(turns*len(conns)), err
}

// threadCPU is the CPU that the calling thread has used.
func threadCPU() (time.Duration, error) {
	const thread = 1 // RUSAGE_THREAD of getrusage(2), Linux
	var r syscall.Rusage
	err := syscall.Getrusage(thread, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), err
}
