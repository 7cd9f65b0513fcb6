package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas/ticket"
)

// inCell reports whether other processes need the same keys, so that none may
// be made here.
func (n *Node) inCell() bool { return n.cfg.Redis.Addr != "" }

// checkCell looks for the files that a process of a cell has from cxxd keygen.
// None is made here: a process that made its own would be a stranger to the
// others, and its authority in the way of the right one.
func (n *Node) checkCell(context.Context) error {
	if !n.inCell() {
		return nil
	}
	private, public := pki.TicketFiles(n.opt.DataDir)
	var errs []error
	need := func(path, what string) { errs = append(errs, n.needFile(path, what)) }
	if n.cfg.TLS.Cert == "" {
		need(filepath.Join(n.opt.DataDir, "tls", "server.pem"), "is the server's certificate")
		need(filepath.Join(n.opt.DataDir, "tls", "server.key"), "is its key")
	}
	if n.opt.Role.acs() {
		need(sealPath(n.cfg, n.opt.DataDir), "seals the passwords")
		need(public, "checks login tickets")
		_, err := n.meshFiles()
		errs = append(errs, err)
	}
	if n.opt.Role.nas() {
		need(private, "signs login tickets")
	}
	return missingOf(errs)
}

// missingOf is one sentence about all files that are missing.
func missingOf(errs []error) error {
	var all []string
	for _, err := range errs {
		var m missingFile
		switch {
		case errors.As(err, &m):
			all = append(all, m.path+", which "+m.what)
		case err != nil:
			return err
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s, is missing; %s", all[0], fromKeygen)
	}
	return fmt.Errorf("these files are missing:\n  %s\n%s", strings.Join(all, "\n  "), fromKeygen)
}

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
		return missingFile{path, what}
	}
	return nil
}

// missingFile is a file that a process of a cell needs and does not have.
type missingFile struct{ path, what string }

const fromKeygen = "in a cell all processes need keys that belong together: make them once with cxxd keygen, and copy to each data directory what it says"

func (m missingFile) Error() string {
	return fmt.Sprintf("%s, which %s, is missing; %s", m.path, m.what, fromKeygen)
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
