package node

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/acs/edge"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas"
	"github.com/cxx-im/cxx/nas/ticket"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/shard"
)

func (n *Node) openCore(ctx context.Context) error {
	var err error
	n.core, err = acs.New(n.cfg.ACS, acs.Deps{
		Node: n.self, Store: n.store, Registry: n.registry, Log: n.log, Metrics: n.metrics,
	})
	if err != nil {
		return err
	}
	if err := n.core.CatchUp(ctx); err != nil {
		return err
	}
	if n.mesh != nil {
		n.mesh.Handle(n.core)
		n.core.UseMesh(n.mesh)
	}
	seal, err := OpenSeal(ctx, n.cfg, n.opt.DataDir, n.store)
	if err != nil {
		return err
	}
	n.logins, err = auth.New(n.cfg.Auth, auth.Deps{
		Store: n.store, Seal: seal, Domains: n.domains, MsgID: n.core.Clock().Next,
		Logged: n.core.Deliver, Kick: n.core.Kick, LeaveAll: n.core.LeaveAll, Log: n.log, Metrics: n.metrics,
	})
	if err != nil {
		return err
	}
	n.core.UsePasswords(n.logins)
	return checkSeal(ctx, n.logins)
}

// checkSeal says at the start, and not to each user at his login, that the seal
// key is the wrong one.
func checkSeal(ctx context.Context, logins *auth.Logins) error {
	if err := logins.CheckSeal(ctx); err != nil {
		return fmt.Errorf("nobody could log in by password: %w", err)
	}
	return nil
}

// OpenSeal loads the key that seals verifiers; a server on its own makes it at
// its first start, when there are no accounts yet. With accounts, a new key in
// the place of the one that is missing would make all their passwords wrong.
func OpenSeal(ctx context.Context, cfg Config, dataDir string, store *shard.Store) (*auth.Seal, error) {
	path := sealPath(cfg, dataDir)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		return auth.LoadSeal(path)
	}
	if cfg.Redis.Addr != "" {
		return nil, missingFile{path, "seals the passwords"}
	}
	some, err := store.Accounts(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(some) > 0 {
		return nil, fmt.Errorf("%s, which seals the passwords of the accounts in the database, is missing; restore it from your backup, or name the right data directory with --data", path)
	}
	return MakeSeal(path)
}

func sealPath(cfg Config, dataDir string) string {
	return below(dataDir, cfg.Auth.SealFile, pki.SecretFile(dataDir, pki.SecretSeal))
}

// MakeSeal makes the key that seals verifiers, and the directory it lies in.
func MakeSeal(path string) (*auth.Seal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return auth.GenerateSeal(path)
}

func (n *Node) openEdge(context.Context) error {
	keys, err := n.ticketKeys()
	if err != nil {
		return err
	}
	tickets, err := ticket.NewChecker(n.self.ID, n.self.Epoch, keys, n.cfg.Server.RequireTicket)
	if err != nil {
		return err
	}
	n.edge, err = edge.New(n.cfg.CXX, edge.Deps{
		Sessions: n.core, Logins: n.logins, Tickets: tickets,
		TLS:            pki.ServerConfig(n.cert, tls.VersionTLS13, proto.ALPN),
		ServerEndPoint: func() []byte { return pki.ServerEndPoint(n.cert.Leaf()) },
		Log:            n.log, Registerer: n.metrics, Domains: n.domains, Version: n.opt.Version,
		Relaxed: n.store.Relaxed, Registration: n.cfg.Auth.Registration != auth.RegistrationOff,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.edge.Close(); return nil })
	a := n.Addrs()
	n.core.Advertise(cmp.Or(n.cfg.Server.AdvertiseCXX, a.CXX, a.Plain), n.edge.Capacity())
	return nil
}

func (n *Node) openNAS(context.Context) error {
	issuer, err := n.ticketIssuer()
	if err != nil {
		return err
	}
	n.picker = nas.NewPicker(n.cfg.NAS, n.registry, n.log, n.metrics)
	n.alloc = nas.NewAllocator(n.cfg.NAS, n.picker, issuer)
	if n.cfg.NAS.Listen == "" {
		return nil
	}
	conf := pki.ServerConfig(n.cert, tls.VersionTLS13, proto.ALPN)
	if n.nas, err = nas.NewServer(n.cfg.NAS, n.alloc, conf, n.opt.Version, n.log); err != nil {
		return err
	}
	n.nasListener, err = listen("nas.listen", n.cfg.NAS.Listen)
	if err != nil {
		return err
	}
	n.onClose(func() error { n.nasListener.Close(); return nil })
	return nil
}
