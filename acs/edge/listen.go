package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// acceptors is the number of goroutines that accept on one listener: handing a
// socket to its event loop waits for the loop.
const acceptors = 4

type listener struct {
	net.Listener
	tls bool
}

func (s *Server) listen() error {
	open := func(addrs []string, withTLS bool) error {
		for _, a := range addrs {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return listenError(a, err)
			}
			s.listeners = append(s.listeners, &listener{l, withTLS})
		}
		return nil
	}
	if err := errors.Join(open(s.cfg.Listen, true), open(s.cfg.Plaintext, false)); err != nil {
		s.stopListening()
		return err
	}
	return nil
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("edge: %s is taken by another program; stop it, or choose another address in cxx.listen", addr)
	}
	return fmt.Errorf("edge: cannot listen on %s; choose another address in cxx.listen: %w", addr, err)
}

func (s *Server) stopListening() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// accept hands connections to the event loops until the listener is closed. It
// does not accept while all slots are taken.
func (s *Server) accept(l *listener) {
	for {
		select {
		case s.slots <- struct{}{}:
		case <-s.base.Done():
			return
		}
		c, err := l.Accept()
		if err != nil {
			<-s.slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("accept failed", "err", err)
			// Out of descriptors or memory: give others the time to free some.
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.base.Done():
			}
			continue
		}
		s.adopt(c, l.tls)
	}
}

// adopt gives a socket to an event loop.
func (s *Server) adopt(c net.Conn, withTLS bool) {
	s.metrics.accepts.Inc()
	t := newTCPConn(s, addrPort(c.RemoteAddr()), withTLS)
	if _, err := s.engine.EnrollContext(c, t); err != nil || !t.entered {
		s.log.Debug("connection lost while accepting", "err", err)
		<-s.slots
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

func addrList(ls []*listener) string {
	var list []string
	for _, l := range ls {
		list = append(list, l.Addr().String())
	}
	return strings.Join(list, " ")
}

func descriptorLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<20))
}
