package node

import (
	"crypto/ed25519"
	"fmt"
	"os"

	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas/ticket"
)

// inCell reports whether other processes need the same keys, so that none may
// be made here.
func (n *Node) inCell() bool { return n.cfg.Redis.Addr != "" }

func (n *Node) ticketIssuer() (*ticket.Issuer, error) {
	private, _ := pki.TicketFiles(n.opt.DataDir)
	var key ed25519.PrivateKey
	var err error
	if n.inCell() {
		if err = n.needFile(private, "signs login tickets"); err != nil {
			return nil, err
		}
		key, err = pki.LoadTicketKey(private)
	} else {
		key, _, err = pki.EnsureTicketKey(n.opt.DataDir)
	}
	if err != nil {
		return nil, err
	}
	return ticket.NewIssuer(key)
}

func (n *Node) ticketKeys() ([]ed25519.PublicKey, error) {
	if !n.inCell() {
		_, keys, err := pki.EnsureTicketKey(n.opt.DataDir)
		return keys, err
	}
	_, public := pki.TicketFiles(n.opt.DataDir)
	if err := n.needFile(public, "checks login tickets"); err != nil {
		return nil, err
	}
	return pki.LoadTicketKeys(public)
}

func (n *Node) needFile(path, what string) error {
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return fmt.Errorf("%s, which %s, is missing; in a cell all processes need the same keys: make them once with cxxd keygen and copy them into each data directory", path, what)
	}
	return nil
}

func (n *Node) meshFiles() (pki.Files, error) {
	f := pki.MeshFiles(n.opt.DataDir, n.self.ID)
	if n.cfg.Mesh.Cert != "" {
		return pki.Files{
			CA:   below(n.opt.DataDir, n.cfg.Mesh.CA, f.CA),
			Cert: below(n.opt.DataDir, n.cfg.Mesh.Cert, f.Cert),
			Key:  below(n.opt.DataDir, n.cfg.Mesh.Key, f.Key),
		}, nil
	}
	return f, n.needFile(f.Cert, fmt.Sprintf("identifies node %d to its peers", n.self.ID))
}
