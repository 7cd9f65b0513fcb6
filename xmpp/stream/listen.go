package stream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/cxx-im/cxx/internal/socket"
)

// A peer that is gone without a word is noticed by probes of TCP within two
// minutes, and within userTimeout when something is on its way to it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

const userTimeout = 20 * time.Second

type listener struct {
	net.Listener
	direct bool // TLS from the first byte
}

func (s *Server) listen() error {
	open := func(key string, addrs []string, direct bool) error {
		for _, a := range addrs {
			lc := net.ListenConfig{KeepAliveConfig: keepAlive}
			l, err := lc.Listen(context.Background(), "tcp", a)
			if err != nil {
				return listenError(key, a, err)
			}
			s.listeners = append(s.listeners, &listener{l, direct})
		}
		return nil
	}
	if err := errors.Join(open("listen", s.cfg.Listen, false), open("tls_listen", s.cfg.TLSListen, true)); err != nil {
		s.Stop()
		return err
	}
	return nil
}

func listenError(key, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("xmpp: %s is taken by another program; stop it, or choose another address in xmpp.%s", addr, key)
	}
	return fmt.Errorf("xmpp: cannot listen on %s; choose another address in xmpp.%s: %w", addr, key, err)
}

// accept serves connections until the listener is closed.
func (s *Server) accept(l *listener) {
	socket.Accept(s.base, l, s.slots, s.log, func(nc net.Conn) { s.adopt(nc, l.direct) })
}

// adopt serves a socket that has a slot.
func (s *Server) adopt(nc net.Conn, direct bool) {
	setUserTimeout(nc, userTimeout)
	c := newTCPConn(s, nc)
	if !s.start(c, TCP, func() { c.serve(direct, s.handle) }) {
		_ = nc.Close()
		<-s.slots
	}
}
