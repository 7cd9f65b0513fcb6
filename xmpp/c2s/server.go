package c2s

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/disco"
	"github.com/cxx-im/cxx/xmpp/info"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
)

// Deps is what the engine works with.
type Deps struct {
	Sessions     im.Sessions
	Logins       im.Logins
	Domains      []string // hosted, prepared; the first is assumed where a client names none
	GroupPrefix  string   // groups are at this name below each domain; empty: there are none
	Version      string
	Archive      mam.Config
	Contacts     disco.Contacts // of those who run the server
	Services     []info.Service // beside XMPP, their secrets loaded
	Registration bool           // accounts can be made in band (XEP-0077)
	Invites      bool           // and need an invitation
	Log          *slog.Logger
	Metrics      prometheus.Registerer // nil: none
}

// Server is the XMPP edge of one ACS. Handle serves one connection; all methods
// may be called from any goroutine.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	mux     *iq.Mux
	modules *modules
	logins  gate

	draining atomic.Bool
	running  sync.WaitGroup // sessions
	closing  sync.WaitGroup // of connections that sessions have left
	runners  *runners

	mu       sync.Mutex
	sessions map[*session]struct{} // guarded by mu
	byID     map[string]*session   // guarded by mu: previd to session
}

// New returns the edge.
func New(cfg Config, d Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(d.Domains) == 0 {
		return nil, errors.New("xmpp: no domain is hosted")
	}
	s := &Server{
		cfg: cfg, deps: d, log: d.Log, metrics: newMetrics(d.Metrics), mux: iq.NewMux(),
		sessions: make(map[*session]struct{}), byID: make(map[string]*session),
		logins: gate{rate: cfg.LoginRate, burst: cfg.LoginBurst}, runners: new(runners),
	}
	if cfg.OfflineLimit > 0 {
		s.mux.Feature(iq.Server, "msgoffline") // XEP-0160 section 4
	}
	s.modules = newModules(s.mux, d)
	return s, nil
}

// Sessions returns how many sessions there are, those that wait to be resumed
// included.
func (srv *Server) Sessions() int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return len(srv.sessions)
}

func (srv *Server) hosts(domain string) bool { return slices.Contains(srv.deps.Domains, domain) }

// enter registers a session; false: the server takes none any more.
func (srv *Server) enter(s *session) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.draining.Load() {
		return false
	}
	srv.sessions[s] = struct{}{}
	srv.running.Add(1)
	srv.metrics.sessions.Inc()
	return true
}

// keep makes a session known by its previd.
func (srv *Server) keep(s *session) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.byID[s.smID] = s
}

// kept returns the session with a previd, when it is u's.
func (srv *Server) kept(previd string, u im.UserID) *session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if s := srv.byID[previd]; s != nil && s.core.User() == u {
		return s
	}
	return nil
}

// forget ends what enter and keep began.
func (srv *Server) forget(s *session) {
	srv.mu.Lock()
	delete(srv.byID, s.smID)
	_, known := srv.sessions[s]
	delete(srv.sessions, s)
	srv.mu.Unlock()
	if known {
		srv.metrics.sessions.Dec()
		srv.running.Done()
	}
}

// closeLater closes a connection that its session has left, which may take the
// client a while to answer.
func (srv *Server) closeLater(conn stream.Conn, reason *stream.Error) {
	srv.closing.Go(func() { conn.Close(reason) })
}

// stop takes no more sessions and returns those that there are.
func (srv *Server) stop() []*session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.draining.Store(true)
	out := make([]*session, 0, len(srv.sessions))
	for s := range srv.sessions {
		out = append(out, s)
	}
	return out
}

// Drain asks the clients to connect elsewhere, spread over a while. It returns
// when they have gone, or ctx ends.
func (srv *Server) Drain(ctx context.Context, spread time.Duration) error {
	list := srv.stop()
	for i, s := range list {
		if i > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(spread / time.Duration(len(list))):
			}
		}
		sink{s}.Close(im.Errorf(im.CodeGoAway, "this server is being restarted; connect again"))
	}
	done := make(chan struct{})
	go func() {
		srv.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends every session and returns when they have ended.
func (srv *Server) Close() {
	for _, s := range srv.stop() {
		sink{s}.Close(im.Errorf(im.CodeGoAway, "this server is shutting down"))
	}
	srv.running.Wait()
	srv.closing.Wait()
	srv.runners.end()
}

// note logs an error that a session has met: those that clients cause are for
// debugging, others for the operator.
func (srv *Server) note(s *session, err error) {
	level := slog.LevelDebug
	var x *stanza.Error
	if !errors.As(err, &x) && im.CodeOf(err) == im.CodeInternal {
		level = slog.LevelWarn
	}
	srv.log.Log(context.Background(), level, "stanza failed", "session", s.core.ID(), "user", s.core.User(), "err", err)
}

func stack() string { return string(debug.Stack()) }
