package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

const (
	defaultTimeout = 15 * time.Second
	maxBody        = 1 << 20 // of a request; an import has a cap of its own
	minToken       = 16      // characters; the ones we make have 43
)

// Deps is what the admin API stands on. A node that is only a NAS has no
// Accounts, Store and Sessions: their routes then answer UNSUPPORTED.
type Deps struct {
	Token    config.Secret
	Accounts Accounts
	Store    Store
	Sessions Sessions
	Status   func(context.Context) Status
	Check    func(context.Context) []string // what disagrees between hub, presence and mesh
	Ready    func(context.Context) error    // nil: the node takes sessions
	Drain    func()                         // begins to drain; returns at once
	Gather   prometheus.Gatherer            // nil: the default one
	Register prometheus.Registerer          // nil: no metrics of its own
	Audit    *Audit
	Log      *slog.Logger
	Timeout  time.Duration
	Now      func() time.Time // nil: time.Now
}

// Admin is the admin API. Make it with New and serve it as a http.Handler.
type Admin struct {
	Deps
	log      *slog.Logger
	token    [sha256.Size]byte
	routes   []route
	requests *prometheus.CounterVec
	mux      http.Handler
}

// handler answers a request with a value to be written as JSON, or an error.
type handler func(r *http.Request) (any, error)

// New builds the API. It refuses a token that could be guessed.
func New(d Deps) (*Admin, error) {
	if len(d.Token) < minToken {
		return nil, errors.New("web: the admin token is shorter than 16 characters; remove its file and a new one is made at the next start")
	}
	if d.Audit == nil {
		return nil, errors.New("web: the admin API needs an audit log")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Timeout <= 0 {
		d.Timeout = defaultTimeout
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	a := &Admin{
		Deps: d, log: d.Log, token: sha256.Sum256([]byte(d.Token.Reveal())),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_web_admin_requests_total", Help: "Requests to the admin API by route and HTTP status.",
		}, []string{"route", "status"}),
	}
	if d.Register != nil {
		if err := d.Register.Register(a.requests); err != nil {
			return nil, err
		}
	}
	a.routes = a.table()
	a.mux = a.build()
	return a, nil
}

// ServeHTTP checks the token before anything looks at the path, so that no way
// of writing a path leads around it.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if !a.allowed(r) {
		a.requests.WithLabelValues("unauthorized", "401").Inc()
		w.Header().Set("WWW-Authenticate", `Bearer realm="cxx admin"`)
		writeError(w, im.Errorf(im.CodeBadCredentials, "send the admin token as Authorization: Bearer …"))
		return
	}
	a.mux.ServeHTTP(w, r)
}

// allowed compares hashes, so that neither content nor length can be timed.
func (a *Admin) allowed(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], a.token[:]) == 1 && ok
}

// secure sets the headers that keep a browser from doing anything with an
// answer but show it.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (a *Admin) build() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range a.routes {
		mux.Handle(rt.method+" "+rt.pattern, a.count(rt))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.requests.WithLabelValues("unknown", "404").Inc()
		writeError(w, im.Errorf(im.CodeNotFound, "there is no %s %s here", r.Method, r.URL.Path))
	})
	return mux
}

// count runs a route and counts the status it answered.
func (a *Admin) count(rt route) http.Handler {
	inner := rt.raw
	if inner == nil {
		inner = a.json(rt)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		inner.ServeHTTP(seen, r)
		a.requests.WithLabelValues(rt.pattern, strconv.Itoa(seen.status)).Inc()
	})
}

// json runs a handler within the deadline and writes what it answers. A change
// is in the audit log before it is tried.
func (a *Admin) json(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.Timeout))
		v, err := a.run(rt, r)
		if err != nil {
			writeError(w, a.public(err))
			return
		}
		status := http.StatusOK
		if v == nil {
			v = struct{}{}
		}
		if rt.action == "user.create" || rt.action == "invite.create" {
			status = http.StatusCreated
		}
		writeJSON(w, status, v)
	})
}

func (a *Admin) run(rt route, r *http.Request) (any, error) {
	if rt.action == "" {
		return rt.handle(r)
	}
	t := &trail{Line: Line{Action: rt.action, Target: targetOf(r), From: r.RemoteAddr}}
	id, err := a.Audit.Begin(t.Line)
	if err != nil {
		return nil, err
	}
	t.ID = id
	v, err := rt.handle(r.WithContext(context.WithValue(r.Context(), trailKey{}, t)))
	a.finish(t.Line, err)
	return v, err
}

// finish writes the outcome of a change to the audit log and the log.
func (a *Admin) finish(l Line, err error) {
	l.Outcome = "done"
	if err != nil {
		l.Outcome = im.CodeOf(err).String()
	}
	if auditErr := a.Audit.End(l); auditErr != nil {
		a.log.Error("audit line was not written", "id", l.ID, "err", auditErr)
	}
	a.log.Info("admin request was carried out", "action", l.Action, "user", l.Target, "reason", l.Outcome)
}

// trail is the audit line of the request under way; a handler that learns its
// target only from the body adds it.
type trail struct{ Line }

type trailKey struct{}

func setTarget(ctx context.Context, target string) {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		t.Target = target
	}
}

func targetOf(r *http.Request) string {
	target := r.PathValue("addr")
	if id := r.PathValue("id"); id != "" {
		target += " device " + id
	}
	return target
}

// statusWriter remembers the status for the metric.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
