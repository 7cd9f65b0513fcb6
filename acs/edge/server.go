package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/socket"
	"github.com/cxx-im/cxx/proto"
)

// Deps is what the edge needs of others.
type Deps struct {
	Sessions im.Sessions
	Logins   im.Logins
	Tickets  im.TicketChecker // nil: logins need no ticket

	TLS            *tls.Config   // certificates; needed when Config.Listen is not empty
	ServerEndPoint func() []byte // tls-server-end-point of the certificate in use; may be nil

	Log          *slog.Logger
	Registerer   prometheus.Registerer // nil: metrics are not exported
	Domains      []string              // prepared; the first is the default
	Version      string                // of the server, shown to clients
	Relaxed      func() bool           // durability, told at login; nil: strict
	Registration bool                  // told in Hello

	sendBuffer int // of sockets, for tests; 0: the system's
}

// The kinds of connections, as metrics name them.
const (
	overTCP = iota
	overTLS
	overWS
)

var transports = [...]string{"tcp", "tls", "websocket"}

// Server is the C-XX edge of one node.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	tls     *tls.Config
	start   time.Time
	tick    time.Duration

	listeners []*listener
	slots     chan struct{} // one per connection that may be open
	engine    *gnet.Client
	loops     loops

	base       context.Context // ends handlers when the server stops
	cancel     context.CancelFunc
	runners    sync.WaitGroup // handlers that run
	handshakes handshakes
	logins     sharedRate

	open     [len(transports)]atomic.Int64
	sessions atomic.Int64
	draining atomic.Bool
	changed  chan struct{} // cap 1: a connection has ended
	ws       websockets
}

// New validates the configuration and opens the listeners, so that an address
// in use is known before anything else starts. Run accepts on them; call Close
// instead when Run will not be called.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	switch {
	case deps.Sessions == nil || deps.Logins == nil || deps.Log == nil:
		return nil, errors.New("edge: Sessions, Logins and Log are needed")
	case len(deps.Domains) == 0:
		return nil, errors.New("edge: no domain is configured")
	case deps.TLS == nil && len(cfg.Listen) > 0:
		return nil, errors.New("edge: cxx.listen needs a TLS certificate")
	}
	if cfg.TestMode {
		cfg.SendRate, cfg.SignalRate, cfg.LoginRate = 0, 0, 0
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = socket.Descriptors() - 512
	}
	s := &Server{
		cfg: cfg, deps: deps, log: deps.Log, start: time.Now(), tick: cfg.tick(),
		slots:   make(chan struct{}, max(cfg.MaxConnections, 16)),
		changed: make(chan struct{}, 1),
	}
	s.handshakes.limit = cfg.MaxHandshakes
	s.base, s.cancel = context.WithCancel(context.Background())
	s.metrics = newMetrics(deps.Registerer, s)
	if deps.TLS != nil {
		s.tls = deps.TLS.Clone()
		s.tls.MinVersion = tls.VersionTLS13
		s.tls.NextProtos = []string{proto.ALPN}
		// Frames are flushed whole; small first records would only cost.
		s.tls.DynamicRecordSizingDisabled = true
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// tick is how finely deadlines are kept: fine enough for the shortest.
func (c Config) tick() time.Duration {
	shortest := min(c.HandshakeTimeout, c.LoginTimeout, c.IdleTimeout, c.ProgressTimeout).D()
	return max(min(100*time.Millisecond, shortest/4), 5*time.Millisecond)
}

// Addr returns the address of the first listener, or nil when there is none.
func (s *Server) Addr() net.Addr {
	if len(s.listeners) == 0 {
		return nil
	}
	return s.listeners[0].Addr()
}

// Addrs returns the addresses of all listeners: those of Config.Listen, then
// those of Config.Plaintext.
func (s *Server) Addrs() []net.Addr {
	var list []net.Addr
	for _, l := range s.listeners {
		list = append(list, l.Addr())
	}
	return list
}

// Connections returns the number of open connections.
func (s *Server) Connections() int {
	var n int64
	for i := range s.open {
		n += s.open[i].Load()
	}
	return int(n)
}

// Sessions returns the number of logged-in connections.
func (s *Server) Sessions() int { return int(s.sessions.Load()) }

// Capacity returns how many connections may be open at once.
func (s *Server) Capacity() int { return cap(s.slots) }

// loopCount says how many event loops there are. What they write comes from storage
// and core, which need processors too: with a loop for each of them, a message to many
// wakes all loops at once, and they take the processors from each other. On two
// processors one loop costs a third less than two, and delivers more.
func loopCount(configured int) int {
	if configured > 0 {
		return configured
	}
	return max(1, runtime.GOMAXPROCS(0)/2)
}

// Run serves until ctx ends, then tells the clients, closes their connections,
// waits for what runs, and returns.
func (s *Server) Run(ctx context.Context) error {
	h := &handler{srv: s}
	engine, err := gnet.NewClient(h,
		gnet.WithNumEventLoop(loopCount(s.cfg.Loops)),
		gnet.WithTicker(true),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithTCPKeepAlive(time.Minute),
		gnet.WithSocketSendBuffer(s.deps.sendBuffer),
		gnet.WithLogger(engineLog{s.log}),
	)
	if err != nil {
		return fmt.Errorf("edge: event loops: %w", err)
	}
	if err := engine.Start(); err != nil {
		return fmt.Errorf("edge: event loops: %w", err)
	}
	s.engine = engine
	var accepting sync.WaitGroup
	for _, l := range s.listeners {
		for range acceptors {
			accepting.Go(func() { s.accept(l) })
		}
	}
	s.log.Info("listening for C-XX", "addr", socket.List(s.listeners))
	<-ctx.Done()
	s.draining.Store(true)
	s.stopListening()
	accepting.Wait()
	s.closeAll()
	s.ws.wait()
	err = engine.Stop()
	s.cancel()
	s.runners.Wait()
	if err != nil {
		return fmt.Errorf("edge: event loops: %w", err)
	}
	return nil
}

// Close releases the listeners of a server that is not run.
func (s *Server) Close() {
	s.stopListening()
	s.cancel()
}

// now is the server's monotonic clock.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// wall is the time of day.
func (s *Server) wall() time.Time { return time.Now() }

func (s *Server) relaxed() bool { return s.deps.Relaxed != nil && s.deps.Relaxed() }

// domain returns the domain a client means.
func (s *Server) domain(asked string) (string, error) {
	if asked == "" {
		return s.deps.Domains[0], nil
	}
	prepared, err := im.PrepareDomain(asked)
	if err != nil {
		return "", err
	}
	for _, d := range s.deps.Domains {
		if d == prepared {
			return d, nil
		}
	}
	return "", im.Errorf(im.CodeInvalid, "this server does not host %s", clip(prepared, 64))
}

// loginWait takes a login of the server's rate, or says how long to wait.
func (s *Server) loginWait() time.Duration {
	step := perSecond(s.cfg.LoginRate)
	if step == 0 {
		return 0
	}
	return s.logins.take(s.now(), step, s.cfg.LoginBurst)
}

// left is called when everything of a connection has ended.
func (s *Server) left(*conn) {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
