package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/internal/socket"
)

// Deps is what the transports need of others.
type Deps struct {
	TLS            *tls.Config           // certificates; nil: no TLS, and Config.TLSListen must be empty
	ServerEndPoint func() []byte         // tls-server-end-point of the certificate in use; may be nil
	Domain         string                // of headers before a client has named one
	Idle           time.Duration         // silence of a client that has logged in, after which Next returns ErrIdle; 0: never
	Log            *slog.Logger          // nil: none
	Registerer     prometheus.Registerer // nil: metrics are not exported
}

// Server accepts clients on all transports and has each handled on a goroutine
// of its own.
type Server struct {
	cfg     Config
	deps    Deps
	handle  func(Conn)
	log     *slog.Logger
	metrics *metrics
	tls     *tls.Config

	listeners []*listener
	slots     chan struct{} // one per connection that may be open
	shakes    chan struct{} // one per handshake that is computed
	base      context.Context
	cancel    context.CancelFunc

	sessions boshSessions

	mu      sync.Mutex
	conns   map[served]struct{} // guarded by mu
	down    bool                // guarded by mu: nothing new is served
	running sync.WaitGroup
}

// served is a connection that the server ends when it goes down.
type served interface{ Close(reason *Error) }

// New validates the configuration and opens the listeners, so that an address
// in use is known before anything else starts. handle is called for each client,
// on the client's goroutine, which is the only one that may call Conn.Next; when
// it returns, the connection ends. Run accepts; call Stop instead when Run will
// not be called.
func New(cfg Config, deps Deps, handle func(Conn)) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.TLS == nil && len(cfg.TLSListen) > 0 {
		return nil, errors.New("xmpp: xmpp.tls_listen needs a TLS certificate")
	}
	if deps.TLS == nil && cfg.ClientCA != "" {
		return nil, errors.New("xmpp: xmpp.client_ca needs a TLS certificate")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.TestMode {
		cfg.BOSH.Polling = 0
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = socket.Descriptors() - 512
	}
	s := &Server{
		cfg: cfg, deps: deps, handle: handle, log: deps.Log,
		slots:  make(chan struct{}, max(cfg.MaxConnections, 16)),
		shakes: make(chan struct{}, cfg.MaxHandshakes),
		conns:  map[served]struct{}{},
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.metrics = newMetrics(deps.Registerer, s)
	if deps.TLS != nil {
		s.tls = deps.TLS.Clone()
		s.tls.MinVersion = max(s.tls.MinVersion, tls.VersionTLS12)
		s.tls.NextProtos = []string{pki.ALPNXMPPClient}
		// What is written at once is one record.
		s.tls.DynamicRecordSizingDisabled = true
		if err := askCertificate(s.tls, cfg.ClientCA); err != nil {
			return nil, err
		}
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addrs returns the addresses of all listeners: those of Config.Listen, then
// those of Config.TLSListen.
func (s *Server) Addrs() []net.Addr {
	var list []net.Addr
	for _, l := range s.listeners {
		list = append(list, l.Addr())
	}
	return list
}

// Connections returns the number of open connections, those over HTTP included.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Capacity returns how many connections may be open at once.
func (s *Server) Capacity() int { return cap(s.slots) }

// Run serves until ctx ends, then ends every stream with system-shutdown and
// returns when all connections are gone and their handlers have returned.
func (s *Server) Run(ctx context.Context) error {
	var accepting sync.WaitGroup
	for _, l := range s.listeners {
		accepting.Go(func() { s.accept(l) })
	}
	s.log.Info("listening for XMPP", "addr", socket.List(s.listeners))
	<-ctx.Done()
	s.Stop()
	accepting.Wait()
	s.running.Wait()
	return nil
}

// Stop releases the listeners and ends every stream. Run calls it.
func (s *Server) Stop() {
	s.cancel()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Lock()
	s.down = true
	all := make([]served, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, c := range all {
		closing.Go(func() { c.Close(errShutdown) })
	}
	closing.Wait()
}

var errShutdown = Errorf(SystemShutdown, "")

// start runs serve on a goroutine of its own, for a connection that has taken a
// slot, and gives the slot back at the end. False: the server goes down, and
// nothing was done.
func (s *Server) start(c served, kind Kind, serve func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return false
	}
	s.conns[c] = struct{}{}
	s.metrics.accepts[kind].Inc()
	s.running.Go(func() {
		defer s.end(c, kind)
		s.metrics.open[kind].Inc()
		serve()
	})
	return true
}

func (s *Server) end(c served, kind Kind) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.metrics.open[kind].Dec()
	<-s.slots
}

// guard handles a client. A panic ends that client's stream and harms nobody
// else.
func (s *Server) guard(c Conn, handle func(Conn)) {
	defer c.Close(nil)
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("handler panicked", "err", r, "stack", string(debug.Stack()))
			s.metrics.panics.Inc()
			c.Close(Errorf(InternalServerError, ""))
		}
	}()
	handle(c)
}
