package auth

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/cxx-im/cxx/im"
)

// Seal encrypts what is kept of passwords with keys that are not in the
// database. It may hold several keys: the first seals, all of them open, so
// that a key can be replaced while the server runs (see RotateSeal). It is
// immutable and safe for any goroutine.
//
// The file has one line per key, "key ID BASE64", newest first, and one line
// "salt BASE64": the secret behind the salts shown for users that do not exist,
// and behind the tokens of XEP-0484. It stays when keys rotate, or the change
// would give those users away and log those devices out.
type Seal struct {
	current keyID
	keys    map[keyID]cipher.AEAD
	salt    []byte
}

type keyID [4]byte

const (
	sealVersion = 1
	sealHeader  = 1 + len(keyID{})
	keyBytes    = 32
)

var errSealed = errors.New("auth: a sealed verifier does not open: it was altered, belongs to another user, or its key is not in the seal file")

// seal encrypts plain under the newest key: version, key id, nonce, ciphertext.
func (s *Seal) seal(plain []byte, aad string) []byte {
	aead := s.keys[s.current]
	out := make([]byte, 0, sealHeader+aead.NonceSize()+len(plain)+aead.Overhead())
	out = append(out, sealVersion)
	out = append(out, s.current[:]...)
	nonce := randomBytes(aead.NonceSize())
	out = append(out, nonce...)
	return aead.Seal(out, nonce, plain, []byte(aad))
}

// open decrypts blob, which must have been sealed for the same aad.
func (s *Seal) open(blob []byte, aad string) ([]byte, error) {
	if len(blob) < sealHeader || blob[0] != sealVersion {
		return nil, errSealed
	}
	aead, ok := s.keys[keyID(blob[1:sealHeader])]
	if !ok || len(blob) < sealHeader+aead.NonceSize() {
		return nil, errSealed
	}
	nonce, text := blob[sealHeader:sealHeader+aead.NonceSize()], blob[sealHeader+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, text, []byte(aad))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// stale reports whether blob is sealed under another key than the newest.
func (s *Seal) stale(blob []byte) bool {
	return len(blob) < sealHeader || keyID(blob[1:sealHeader]) != s.current
}

// fakeSalt is the salt shown for an address without a verifier: always the
// same, and like any other for who does not have the secret.
func (s *Seal) fakeSalt(aad string) []byte {
	m := hmac.New(sha256.New, s.salt)
	m.Write([]byte("cxx fake salt\x00"))
	m.Write([]byte(aad))
	return m.Sum(nil)[:saltBytes]
}

// fastToken is the secret of a device for one mechanism of XEP-0484. It is made
// of the device token's hash, so that it needs no place of its own in the
// database, and who has the database alone cannot make it.
func (s *Seal) fastToken(u im.UserID, d im.DeviceID, mechanism string, hash []byte) string {
	m := hmac.New(sha256.New, s.salt)
	m.Write([]byte("cxx fast token\x00" + mechanism + "\x00"))
	m.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(u)), uint64(d)))
	m.Write(hash)
	return tokenEncoding.EncodeToString(m.Sum(nil))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
