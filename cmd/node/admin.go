package node

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/web"
)

// AdminToken returns the token of the admin API, made at the first start.
func AdminToken(cfg Config, dataDir string) (config.Secret, error) {
	if cfg.Admin.TokenFile != "" {
		return config.SecretFile(below(dataDir, cfg.Admin.TokenFile, ""))
	}
	token, err := pki.EnsureToken(pki.SecretFile(dataDir, pki.SecretAdmin))
	return config.Secret(token), err
}

func (n *Node) openAdmin(context.Context) error {
	if n.cfg.Admin.Listen == "" {
		return nil
	}
	token, err := AdminToken(n.cfg, n.opt.DataDir)
	if err != nil {
		return err
	}
	audit, err := web.OpenAudit(below(n.opt.DataDir, n.cfg.Admin.AuditFile, filepath.Join(n.opt.DataDir, "audit.log")))
	if err != nil {
		return err
	}
	n.onClose(audit.Close)
	deps := web.Deps{
		Token: token, Status: n.Status, Ready: n.ready, Drain: n.requestStop,
		Gather: n.metrics, Register: n.metrics, Audit: audit, Log: n.log,
	}
	if n.core != nil {
		deps.Accounts, deps.Store, deps.Sessions, deps.Check = n.logins, n.store, kicker{n.core}, n.core.Check
	}
	api, err := web.New(deps)
	if err != nil {
		return err
	}
	n.admin, err = n.openHTTPServer("admin.listen", n.cfg.Admin.Listen, api, nil)
	return err
}

// kicker lets the admin API end sessions.
type kicker struct{ *acs.Server }

func (k kicker) KickUser(u im.UserID, code im.ErrorCode) { k.Kick(im.Kick{User: u, Code: code}) }

// StopRequested is closed when an administrator has asked the node to drain
// and stop.
func (n *Node) StopRequested() <-chan struct{} { return n.stopAsked }

func (n *Node) requestStop() { n.stopOnce.Do(func() { close(n.stopAsked) }) }

// Status says how the node is.
func (n *Node) Status(ctx context.Context) web.Status {
	st := web.Status{
		Version: n.opt.Version, Started: n.started,
		Uptime: time.Since(n.started).Round(time.Second).String(), Durability: n.durability(), Presence: n.presenceState(ctx),
	}
	if n.opt.Role.nas() {
		st.Roles = append(st.Roles, "nas")
	}
	if n.core == nil {
		return st
	}
	st.Roles = append(st.Roles, "acs")
	st.Node, st.Epoch = n.self.ID, n.self.Epoch
	st.Sessions, st.Draining = n.core.Sessions(), n.core.Draining()
	for _, z := range n.store.Zones() {
		state := "up"
		if z.Down {
			state = "down"
		}
		st.Zones = append(st.Zones, web.Zone{ID: z.ID, State: state, Queue: z.Queue, Where: z.Where})
	}
	if n.mesh != nil {
		for _, l := range n.mesh.Links() {
			state := "down"
			if l.Up {
				state = "up"
			}
			st.Links = append(st.Links, web.Link{Node: l.Peer, Epoch: l.Epoch, State: state, Queue: int64(l.Queued)})
		}
	}
	return st
}

func (n *Node) presenceState(ctx context.Context) string {
	if n.alone() || n.opt.Registry != nil {
		return "memory"
	}
	if _, err := n.registry.Nodes(ctx); err != nil {
		return "redis: does not answer"
	}
	return "redis"
}
