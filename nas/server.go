package nas

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/proto"
)

const acceptPause = 100 * time.Millisecond // after a failed accept, such as no descriptor left

// Server answers Allocate over C-XX frames. A connection is short, so each has
// a goroutine. Make it with NewServer and start it with Serve.
type Server struct {
	cfg     Config
	alloc   *Allocator
	tls     *tls.Config
	version string
	log     *slog.Logger
	metrics *metrics
	slots   chan struct{} // one per open connection

	mu    sync.Mutex
	open  map[net.Conn]struct{} // guarded by mu
	from  map[netip.Addr]int    // guarded by mu: open connections by source
	ended bool                  // guarded by mu: no new ones
}

// NewServer returns a Server. With Config.Plaintext it speaks without TLS,
// which Serve accepts on loopback only; otherwise tlsConfig is needed, from
// which TLS 1.3 and ALPN are made sure of. version is what HelloReply tells.
func NewServer(cfg Config, alloc *Allocator, tlsConfig *tls.Config, version string, log *slog.Logger) (*Server, error) {
	switch {
	case cfg.Plaintext:
		tlsConfig = nil
	case tlsConfig == nil:
		return nil, errors.New("nas: no certificate; set one, or nas.plaintext = true to listen on loopback without TLS")
	}
	if tlsConfig != nil {
		tlsConfig = tlsConfig.Clone()
		tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS13)
		if !slices.Contains(tlsConfig.NextProtos, proto.ALPN) {
			tlsConfig.NextProtos = append(slices.Clip(tlsConfig.NextProtos), proto.ALPN)
		}
	}
	return &Server{
		cfg:     cfg,
		alloc:   alloc,
		tls:     tlsConfig,
		version: version,
		log:     log,
		metrics: alloc.metrics,
		slots:   make(chan struct{}, cfg.Connections),
		open:    make(map[net.Conn]struct{}),
		from:    make(map[netip.Addr]int),
	}, nil
}

// Serve accepts connections from ln until ctx ends; it closes ln and the
// connections, waits for them, and returns nil. At Config.Connections it stops
// accepting until one closes.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if s.tls == nil && !isLoopback(ln.Addr()) {
		ln.Close()
		return fmt.Errorf("nas: listen on %s without TLS: plaintext is for loopback only; set nas.listen to 127.0.0.1:… or give a certificate", ln.Addr())
	}
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		ln.Close()
		s.closeAll()
	})
	defer func() {
		if !stop() {
			wg.Wait()
			return
		}
		ln.Close() // Accept failed for good: those who are served finish
		wg.Wait()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case s.slots <- struct{}{}:
		}
		conn, err := s.accept(ctx, ln)
		if err != nil {
			<-s.slots
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("nas: accept: %w", err)
		}
		wg.Go(func() {
			defer func() { <-s.slots }()
			s.serve(ctx, conn)
		})
	}
}

// accept takes the next connection. Passing trouble, such as a lack of
// descriptors, is waited out.
func (s *Server) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for {
		conn, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		s.log.Warn("a connection could not be accepted", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(acceptPause):
		}
	}
}

// serve runs one connection from admission to close.
func (s *Server) serve(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	from := addrOf(nc.RemoteAddr())
	if reason := s.admit(nc, from); reason != "" {
		s.metrics.closed.WithLabelValues(reason).Inc()
		return
	}
	defer s.forget(nc, from)
	c := &conn{srv: s, nc: nc, from: from, start: time.Now()}
	reason := c.run(ctx)
	s.metrics.closed.WithLabelValues(reason).Inc()
	s.log.Debug("connection closed", "reason", reason)
}

// admit registers a connection, or says why it is not served.
func (s *Server) admit(nc net.Conn, from netip.Addr) (refused string) {
	key := sourceOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return "shutdown"
	}
	if s.cfg.PerAddress > 0 && s.from[key] >= s.cfg.PerAddress {
		return "too_many_from_address"
	}
	s.from[key]++
	s.open[nc] = struct{}{}
	s.metrics.connections.Set(float64(len(s.open)))
	return ""
}

func (s *Server) forget(nc net.Conn, from netip.Addr) {
	key := sourceOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, nc)
	if s.from[key]--; s.from[key] <= 0 {
		delete(s.from, key)
	}
	s.metrics.connections.Set(float64(len(s.open)))
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for nc := range s.open {
		nc.Close()
	}
}

func addrOf(a net.Addr) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func isLoopback(a net.Addr) bool {
	return a.Network() == "unix" || addrOf(a).IsLoopback()
}
