package pki

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/cxx-im/cxx/im"
)

// The files under secret/ of a data directory.
const (
	SecretSeal     = "seal.key"    // seals password verifiers; lost, all passwords are
	SecretFakeSalt = "fake-salt"   // makes up stable salts for users who do not exist
	SecretAdmin    = "admin.token" // the admin API
)

// SecretFile is the path of a secret under dir.
func SecretFile(dir, name string) string { return filepath.Join(dir, "secret", name) }

// Made is one file of a cell and who needs it.
type Made struct {
	Path   string
	For    string
	Secret bool // private: mode 0600, copy it over safe ways only
}

// Cell makes all files of a cell under dir: a server certificate for hosts,
// identities for nodes, the ticket keys and the secrets, of which all ACS need
// the same. It keeps what is there, so it can be called again with more nodes.
// The seal key is left to seal, whose format package acs/auth owns; nil makes
// none.
func Cell(dir string, hosts []string, nodes []int, seal func(path string) error) ([]Made, error) {
	if err := checkNodes(nodes); err != nil {
		return nil, err
	}
	now := time.Now()
	server, err := EnsureServer(dir, hosts, now)
	if err != nil {
		return nil, err
	}
	made := []Made{
		{server.CA, "clients, to trust the servers", false},
		{filepath.Join(dir, "ca.key"), "nobody; keep it to make further certificates", true},
		{server.Cert, "every acs and nas", false},
		{server.Key, "every acs and nas", true},
	}
	mesh, err := cellMesh(dir, nodes, now)
	if err != nil {
		return nil, err
	}
	made = append(made, mesh...)
	if _, _, err := EnsureTicketKey(dir); err != nil {
		return nil, err
	}
	private, public := TicketFiles(dir)
	made = append(made, Made{private, "every nas", true}, Made{public, "every acs", false})
	secrets, err := cellSecrets(dir, seal)
	return append(made, secrets...), err
}

func checkNodes(nodes []int) error {
	seen := make(map[int]bool)
	for _, n := range nodes {
		if n < 1 || n > int(im.MaxNode) {
			return fmt.Errorf("pki: node %d is out of range; choose 1 to %d", n, im.MaxNode)
		}
		if seen[n] {
			return fmt.Errorf("pki: node %d is named twice", n)
		}
		seen[n] = true
	}
	return nil
}

func cellMesh(dir string, nodes []int, now time.Time) ([]Made, error) {
	var made []Made
	for i, n := range nodes {
		f, err := EnsureMesh(dir, im.NodeID(n), now)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			made = append(made,
				Made{f.CA, "every acs", false},
				Made{filepath.Join(dir, "mesh", "ca.key"), "nobody; keep it to add nodes", true})
		}
		who := fmt.Sprintf("acs %d", n)
		made = append(made, Made{f.Cert, who, false}, Made{f.Key, who, true})
	}
	return made, nil
}

func cellSecrets(dir string, seal func(path string) error) ([]Made, error) {
	var made []Made
	if path := SecretFile(dir, SecretSeal); seal != nil {
		if !exists(path) {
			if err := seal(path); err != nil {
				return nil, fmt.Errorf("pki: make %s: %w", path, err)
			}
		}
		made = append(made, Made{path, "every acs", true})
	}
	salt := SecretFile(dir, SecretFakeSalt)
	if _, err := EnsureSecret(salt, 32); err != nil {
		return nil, err
	}
	token := SecretFile(dir, SecretAdmin)
	if _, err := EnsureToken(token); err != nil {
		return nil, err
	}
	return append(made, Made{salt, "every acs", true}, Made{token, "every acs, and who administers", true}), nil
}
