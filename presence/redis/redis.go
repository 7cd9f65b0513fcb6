// Package redis keeps the presence of a cell in Redis 6 or later (one server,
// or one behind a failover address; not Redis Cluster, because scripts touch
// several keys). Docs of the layout are in keys.go.
//
// Nothing durable is here. While Redis is out of reach every call fails, most
// at once (see breaker), and the caller goes on without it. Package cmd/cxxd
// opens it; the core and NAS call it through their own interfaces.
package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/presence"
)

// Registry implements presence.Registry. Make it with Open.
type Registry struct {
	cfg     Config
	log     *slog.Logger
	client  *goredis.Client
	breaker *breaker
	metrics *metrics
	now     func() time.Time

	mu    sync.Mutex
	state map[incarnation]announced // guarded by mu: what Announce has to remember
}

// Open prepares a Registry; it does not connect, so that a node can start
// while Redis is down. reg may be nil. Close it when nothing calls it any more.
func Open(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Registry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("presence/redis: open: %w", err)
	}
	return openAs(cfg, log, reg)
}

// openAs is Open with a configuration that is not checked.
func openAs(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Registry, error) {
	opt, err := options(cfg)
	if err != nil {
		return nil, fmt.Errorf("presence/redis: open: %w", err)
	}
	goredis.SetLogger(libraryLog{log})
	r := &Registry{
		cfg:     cfg,
		log:     log,
		client:  goredis.NewClient(opt),
		metrics: newMetrics(reg),
		now:     time.Now,
		state:   make(map[incarnation]announced),
	}
	r.breaker = newBreaker(func() time.Time { return r.now() }, r.breakerTurned)
	return r, nil
}

// Close closes the connections.
func (r *Registry) Close() error { return r.client.Close() }

// Ping reports whether Redis answers now; it is for status pages.
func (r *Registry) Ping(ctx context.Context) error {
	return r.do(ctx, "ping", func(ctx context.Context) error { return r.client.Ping(ctx).Err() })
}

func options(cfg Config) (*goredis.Options, error) {
	if cfg.Addr == "" {
		return nil, errors.New("redis.addr is empty; set it to host:port")
	}
	opt := &goredis.Options{
		Addr:                  cfg.Addr,
		Username:              cfg.Username,
		DB:                    cfg.DB,
		DialTimeout:           cfg.DialTimeout.D(),
		ReadTimeout:           cfg.Timeout.D(),
		WriteTimeout:          cfg.Timeout.D(),
		PoolTimeout:           cfg.Timeout.D(),
		ContextTimeoutEnabled: true,
		PoolSize:              cfg.PoolSize,
		PipelinePoolSize:      -1, // all we do is pipelines: one pool
		// A retry belongs to the caller, who knows whether it is still wanted.
		MaxRetries:    -1,
		DialerRetries: 1,
		// RESP2 and no handshake beyond HELLO/AUTH: older servers know no more.
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if cfg.PasswordFile != "" {
		password, err := config.SecretFile(cfg.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("redis.password_file: %w", err)
		}
		opt.Password = password.Reveal()
	}
	if cfg.TLS {
		t, err := tlsConfig(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		opt.TLSConfig = t
	}
	return opt, nil
}

func tlsConfig(caFile string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("redis.ca_file: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("redis.ca_file: %s holds no PEM certificate", caFile)
	}
	return t, nil
}

// do runs one operation under the breaker and the deadline. An operation whose
// scripts the server does not know (it was restarted) is run once more after
// they are loaded; operations are written so that running twice does no harm.
func (r *Registry) do(ctx context.Context, op string, run func(context.Context) error) error {
	if err := r.breaker.allow(); err != nil {
		r.metrics.ops.WithLabelValues(op, "refused").Inc()
		return fmt.Errorf("presence/redis: %s: %w", op, err)
	}
	start := r.now()
	err := r.attempt(ctx, run)
	r.metrics.seconds.WithLabelValues(op).Observe(r.now().Sub(start).Seconds())
	if err == nil || isOurs(err) {
		r.breaker.report(true)
		r.metrics.ops.WithLabelValues(op, "ok").Inc()
		return err
	}
	if ctx.Err() != nil { // the caller gave up: says nothing about Redis
		r.breaker.abandon()
		r.metrics.ops.WithLabelValues(op, "canceled").Inc()
		return fmt.Errorf("presence/redis: %s: %w", op, errors.Join(presence.ErrUnavailable, ctx.Err()))
	}
	r.breaker.report(false)
	r.metrics.ops.WithLabelValues(op, "failed").Inc()
	return fmt.Errorf("presence/redis: %s: %w: %w", op, presence.ErrUnavailable, err)
}

func (r *Registry) attempt(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.DialTimeout.D()+r.cfg.Timeout.D())
	defer cancel()
	err := run(ctx)
	if err == nil || !goredis.HasErrorPrefix(err, "NOSCRIPT") {
		return err
	}
	if err := r.loadScripts(ctx); err != nil {
		return err
	}
	return run(ctx)
}

// isOurs tells an answer that the registry itself gave from a failure of Redis.
func isOurs(err error) bool {
	var e *im.Error
	return errors.As(err, &e)
}

func (r *Registry) breakerTurned(open bool) {
	if open {
		r.metrics.down.Set(1)
		r.log.Warn("redis became unreachable; presence goes on without it", "reason", "redis_down")
		return
	}
	r.metrics.down.Set(0)
	r.log.Info("redis became reachable")
}

// libraryLog takes the lines of the client library, which has one logger for
// the process. They repeat what our callers see as errors.
type libraryLog struct{ log *slog.Logger }

// Printf implements the library's interface.
func (l libraryLog) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis client reported", "msg_text", strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
