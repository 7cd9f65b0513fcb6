package pki

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// TicketFiles are the paths of the pair that signs and checks tickets.
func TicketFiles(dir string) (private, public string) {
	return filepath.Join(dir, "ticket", "private.pem"), filepath.Join(dir, "ticket", "public.pem")
}

// EnsureTicketKey returns the key that signs tickets, kept under dir, and the
// keys that check them. It makes the pair when there is none; a public key that
// is not in the list is put first. To change keys, remove private.pem: old
// public keys stay in the list until the operator takes them out.
func EnsureTicketKey(dir string) (ed25519.PrivateKey, []ed25519.PublicKey, error) {
	private, public := TicketFiles(dir)
	unlock, err := lock(dir)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if !exists(private) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, nil, fmt.Errorf("pki: make %s: %w", private, err)
		}
		if err := writeKey(private, key); err != nil {
			return nil, nil, err
		}
	}
	key, err := LoadTicketKey(private)
	if err != nil {
		return nil, nil, err
	}
	list, err := listWith(public, key)
	return key, list, err
}

func listWith(path string, key ed25519.PrivateKey) ([]ed25519.PublicKey, error) {
	own := key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // by its documentation
	var list []ed25519.PublicKey
	var text []byte
	if exists(path) {
		var err error
		if list, err = LoadTicketKeys(path); err != nil {
			return nil, err
		}
		if text, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("pki: %w", err)
		}
	}
	for _, k := range list {
		if k.Equal(own) {
			return list, nil
		}
	}
	der, err := x509.MarshalPKIXPublicKey(own)
	if err != nil {
		return nil, fmt.Errorf("pki: make %s: %w", path, err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if err := writeFile(path, append(block, text...), certMode); err != nil {
		return nil, err
	}
	return append([]ed25519.PublicKey{own}, list...), nil
}

// LoadTicketKey reads the private key of a NAS, a PEM file of mode 0600.
func LoadTicketKey(path string) (ed25519.PrivateKey, error) {
	key, err := readKey(path)
	if err != nil {
		return nil, err
	}
	k, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("pki: %s holds a key of type %T; tickets are signed with Ed25519", path, key)
	}
	return k, nil
}

// LoadTicketKeys reads the public keys that an ACS accepts, one PEM block each.
func LoadTicketKeys(path string) ([]ed25519.PublicKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	var list []ed25519.PublicKey
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("pki: read %s: %w", path, err)
		}
		k, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("pki: %s holds a key of type %T; tickets are checked with Ed25519", path, key)
		}
		list = append(list, k)
	}
	if len(list) == 0 || bytes.Contains(data, []byte("PRIVATE")) {
		return nil, fmt.Errorf("pki: %s must hold public keys, as PUBLIC KEY blocks, and nothing else", path)
	}
	return list, nil
}
