package ticket

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
)

// KeyID names a public key: the first bytes of its SHA-256.
type KeyID [4]byte

// IDOf returns the id of a key.
func IDOf(key ed25519.PublicKey) (id KeyID) {
	sum := sha256.Sum256(key)
	copy(id[:], sum[:])
	return id
}

// String returns the id in hexadecimal.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }
