package node

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/web"
	"github.com/cxx-im/cxx/xmpp/c2s"
	"github.com/cxx-im/cxx/xmpp/disco"
	"github.com/cxx-im/cxx/xmpp/info"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/stream"
)

// XMPPConfig is the section [xmpp]: who is served, and what the parts of the
// edge want to know.
type XMPPConfig struct {
	Domain       string `toml:"domain" doc:"domain that XMPP clients log in at; it is hosted in front of server.domains; empty: those alone"`
	Registration bool   `toml:"registration" doc:"let clients make accounts (XEP-0077) where auth.registration does not say more; the same as auth.registration = \"enabled\""`
	TestMode     bool   `toml:"test_mode" doc:"lift all rate limits; never in production"`

	stream.Config
	Session  c2s.Config     `toml:"session"`
	Archive  mam.Config     `toml:"archive"`
	Contacts disco.Contacts `toml:"contacts"`
	Services []info.Service `toml:"services" doc:"services beside XMPP that clients are told of (XEP-0215), such as a TURN relay for calls"`
}

func defaultXMPP() XMPPConfig {
	return XMPPConfig{Config: stream.Default(), Session: c2s.Default(), Archive: mam.Default()}
}

// Validate names the key that is wrong and what to do.
func (c XMPPConfig) Validate() error {
	if c.Domain != "" {
		if _, err := im.PrepareDomain(c.Domain); err != nil {
			return fmt.Errorf("domain: %w", err)
		}
	}
	if err := c.Config.Validate(); err != nil {
		return err
	}
	if err := c.Session.Validate(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := c.Archive.Validate(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := c.Contacts.Validate(); err != nil {
		return fmt.Errorf("contacts: %w", err)
	}
	for i, s := range c.Services {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("services, number %d: %w", i+1, err)
		}
	}
	return nil
}

// openXMPP opens the XMPP edge.
func (n *Node) openXMPP(context.Context) error {
	cfg := n.cfg.XMPP
	for i := range cfg.Services {
		if err := cfg.Services[i].Load(); err != nil {
			return err
		}
	}
	var err error
	n.xmpp, err = c2s.New(cfg.Session, c2s.Deps{
		Sessions: n.core, Logins: n.logins, Domains: n.domains, GroupPrefix: n.cfg.ACS.GroupPrefix, Version: n.opt.Version,
		Archive: cfg.Archive, Contacts: cfg.Contacts, Services: cfg.Services,
		Registration: n.cfg.Auth.Registration != auth.RegistrationOff,
		Invites:      n.cfg.Auth.Registration == auth.RegistrationInvite,
		Log:          n.log, Metrics: n.metrics,
	})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.xmpp.Close(); return nil })
	n.core.UseBooker(n.xmpp)
	n.xmppStreams, err = stream.New(cfg.Config, stream.Deps{
		TLS:            pki.ServerConfig(n.cert, tls.VersionTLS12, pki.ALPNXMPPClient),
		ServerEndPoint: func() []byte { return pki.ServerEndPoint(n.cert.Leaf()) },
		Domain:         n.domains[0], Idle: cfg.Session.Ping.D(), Log: n.log, Registerer: n.metrics,
	}, n.xmpp.Handle)
	if err != nil {
		return err
	}
	n.onClose(func() error { n.xmppStreams.Stop(); return nil })
	return nil
}

// xmppMounts is what the XMPP edge serves over HTTP.
func (n *Node) xmppMounts() []web.Mount {
	if n.xmppStreams == nil {
		return nil
	}
	return []web.Mount{
		{Pattern: stream.WebSocketPath, Handler: n.xmppStreams.WebSocket()},
		{Pattern: stream.BOSHPath, Handler: n.xmppStreams.BOSH()},
		{Pattern: "/.well-known/host-meta", Handler: n.xmppStreams.HostMeta()},
		{Pattern: "/.well-known/host-meta.json", Handler: n.xmppStreams.HostMeta()},
	}
}
