package node

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/presence/redis"
)

// CheckKeys reads the key files that are there, and in a cell wants those that
// an ACS needs. It makes nothing.
func CheckKeys(cfg Config, dataDir string) error {
	n := &Node{cfg: cfg, opt: Options{DataDir: dataDir}, log: slog.New(slog.DiscardHandler)}
	var errs []error
	seal := below(dataDir, cfg.Auth.SealFile, pki.SecretFile(dataDir, pki.SecretSeal))
	if _, err := os.Stat(seal); err == nil {
		_, err := auth.LoadSeal(seal)
		errs = append(errs, err)
	} else if n.inCell() {
		errs = append(errs, n.needFile(seal, "seals the passwords"))
	}
	if cfg.TLS.Cert != "" {
		_, err := pki.NewReloader(cfg.TLS.Cert, cfg.TLS.Key, n.log)
		errs = append(errs, err)
	}
	if n.inCell() {
		_, err := n.ticketKeys()
		errs = append(errs, err)
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
	return errors.Join(r.Ping(ctx), r.Close())
}
