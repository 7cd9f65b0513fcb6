package edge

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/cxx-im/cxx/internal/socket"
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

// accept hands connections to the event loops until the listener is closed.
func (s *Server) accept(l *listener) {
	socket.Accept(s.base, l, s.slots, s.log, func(c net.Conn) { s.adopt(c, l.tls) })
}

// adopt gives a socket to an event loop.
func (s *Server) adopt(c net.Conn, withTLS bool) {
	s.metrics.accepts.Inc()
	t := newTCPConn(s, socket.AddrPort(c.RemoteAddr()), withTLS)
	if _, err := s.engine.EnrollContext(c, t); err != nil || !t.entered {
		s.log.Debug("connection lost while accepting", "err", err)
		<-s.slots
	}
}
