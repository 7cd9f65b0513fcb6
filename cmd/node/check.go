package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/presence/redis"
)

// CheckKeys reads the key files that are there, and in a cell wants those that
// an ACS needs. It makes nothing.
func CheckKeys(cfg Config, dataDir string) error {
	n := &Node{cfg: cfg, opt: Options{DataDir: dataDir, Role: RoleACS}, log: slog.New(slog.DiscardHandler), self: im.Node{ID: im.NodeID(cfg.Server.Node)}}
	ctx := context.Background()
	return errors.Join(n.checkCell(ctx), n.checkKeys(ctx))
}

// checkKeys reads the key files that are there, so that a start that cannot
// succeed has not touched the storage yet.
func (n *Node) checkKeys(context.Context) error {
	cfg, dataDir := n.cfg, n.opt.DataDir
	private, public := pki.TicketFiles(dataDir)
	errs := []error{pki.CheckServer(dataDir, cfg.TLS)}
	for _, f := range []struct {
		path string
		load func(path string) error
	}{
		{sealPath(cfg, dataDir), func(p string) error { _, err := auth.LoadSeal(p); return err }},
		{below(dataDir, cfg.Admin.TokenFile, pki.SecretFile(dataDir, pki.SecretAdmin)), pki.CheckMode},
		{filepath.Join(dataDir, "ca.key"), pki.CheckMode},
		{private, func(p string) error { _, err := pki.LoadTicketKey(p); return err }},
		{public, func(p string) error { _, err := pki.LoadTicketKeys(p); return err }},
		{pki.MeshFiles(dataDir, n.self.ID).Key, pki.CheckMode},
	} {
		if _, err := os.Stat(f.path); err == nil {
			errs = append(errs, f.load(f.path))
		}
	}
	return errors.Join(errs...)
}

// CheckRedis asks Redis for an answer; without one configured all is good.
func CheckRedis(ctx context.Context, cfg Config) error {
	if cfg.Redis.Addr == "" {
		return nil
	}
	r, err := redis.Open(cfg.Redis, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	if err = r.Ping(ctx); err != nil {
		err = fmt.Errorf("redis at %s does not answer; see that it runs and that redis.addr is right: %w", cfg.Redis.Addr, err)
	}
	return errors.Join(err, r.Close())
}
