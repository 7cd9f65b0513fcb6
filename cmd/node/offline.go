package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/presence/memory"
	"github.com/cxx-im/cxx/shard"
	"github.com/cxx-im/cxx/web"
)

// OpenOffline opens the zones of a server that does not run, and returns the
// admin API on them without a listener: the command line then works the same
// on a running and on a stopped server. The caller calls done.
func OpenOffline(ctx context.Context, cfg Config, dataDir string, log *slog.Logger) (c *web.Client, done func() error, err error) {
	cfg = cfg.Effective()
	domains, err := cfg.Server.domains()
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("the data directory cannot be made; choose another with --data: %w", err)
	}
	store, err := shard.Open(ctx, cfg.Storage, dataDir, log, nil)
	if err != nil {
		return nil, nil, err
	}
	closers := []func() error{store.Close}
	done = func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	audit, err := web.OpenAudit(below(dataDir, cfg.Admin.AuditFile, filepath.Join(dataDir, "audit.log")))
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	closers = append(closers, audit.Close)
	api, err := offlineAPI(ctx, cfg, dataDir, domains, store, audit, log)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	token, err := AdminToken(cfg, dataDir)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return &web.Client{Addr: "offline", Token: token, HTTP: &http.Client{Transport: inProcess{api}}}, done, nil
}

func offlineAPI(ctx context.Context, cfg Config, dataDir string, domains []string, store *shard.Store, audit *web.Audit, log *slog.Logger) (*web.Admin, error) {
	seal, err := OpenSeal(ctx, cfg, dataDir, store)
	if err != nil {
		return nil, err
	}
	token, err := AdminToken(cfg, dataDir)
	if err != nil {
		return nil, err
	}
	// A core that does not run: it changes what is stored and has no sessions.
	core, err := acs.New(cfg.ACS, acs.Deps{
		Node: im.Node{ID: im.NodeID(cfg.Server.Node), Epoch: 1}, Store: store, Registry: memory.New(time.Now), Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := core.CatchUp(ctx); err != nil {
		return nil, err
	}
	logins, err := auth.New(cfg.Auth, auth.Deps{Store: store, Seal: seal, Domains: domains, MsgID: core.Clock().Next, LeaveAll: core.LeaveAll, Log: log})
	if err != nil {
		return nil, err
	}
	// A password sealed with another key than the rest would be lost with it.
	if err := checkSeal(ctx, logins); err != nil {
		return nil, err
	}
	return web.New(web.Deps{
		Token: token, Accounts: logins, Store: store, Sessions: kicker{core}, Audit: audit, Log: log,
		Status: func(context.Context) web.Status { return web.Status{} },
		Check:  func(context.Context) []string { return nil },
		Drain:  func() {},
	})
}

// inProcess carries requests to a handler without a network.
type inProcess struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.h.ServeHTTP(w, r)
	return w.Result(), nil
}
