// Package socket is what the protocol edges do alike with listeners and
// connections: accept within a number of slots, know how many descriptors there
// are, give back what TLS keeps. It knows no protocol.
package socket

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Accept hands the connections of l to adopt until l is closed or ctx ends. It
// does not accept while all slots are taken; adopt owns the slot that it is called
// with.
func Accept(ctx context.Context, l net.Listener, slots chan struct{}, log *slog.Logger, adopt func(net.Conn)) {
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c, err := l.Accept()
		if err == nil {
			adopt(c)
			continue
		}
		<-slots
		if errors.Is(err, net.ErrClosed) {
			return
		}
		log.Warn("accept failed", "err", err)
		// Out of descriptors or memory: give others the time to free some.
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// AddrPort returns a TCP address as a value; the zero one for what is none.
func AddrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

// List joins the addresses of listeners for a log line.
func List[L net.Listener](all []L) string {
	words := make([]string, len(all))
	for i, l := range all {
		words[i] = l.Addr().String()
	}
	return strings.Join(words, " ")
}

// Descriptors returns how many the process may have open.
func Descriptors() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<20))
}
