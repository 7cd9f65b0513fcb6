package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/cxx-im/cxx/im"
)

// The names of the mechanisms a verifier is for (RFC 5802, RFC 7677).
const (
	scramSHA256 = "SCRAM-SHA-256"
	scramSHA1   = "SCRAM-SHA-1"

	saltBytes = 16
)

// family is one hash that SCRAM is used with.
type family struct {
	name string
	hash func() hash.Hash
	size int
}

var families = []family{
	{scramSHA256, sha256.New, sha256.Size},
	{scramSHA1, sha1.New, sha1.Size},
}

// credential is what SCRAM keeps of a password (RFC 5802 section 3).
type credential struct {
	salt       []byte
	iterations int
	storedKey  []byte
	serverKey  []byte
}

// newCredential does the work of one password guess; password is prepared.
func newCredential(f family, password string, salt []byte, iterations int) (credential, error) {
	salted, err := pbkdf2.Key(f.hash, password, salt, iterations, f.size)
	if err != nil {
		return credential{}, fmt.Errorf("auth: deriving a key: %w", err)
	}
	h := f.hash()
	h.Write(mac(f, salted, "Client Key"))
	return credential{salt: salt, iterations: iterations, storedKey: h.Sum(nil), serverKey: mac(f, salted, "Server Key")}, nil
}

func mac(f family, key []byte, text string) []byte {
	m := hmac.New(f.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// newDummy is a credential that no password fits.
func newDummy(iterations int) credential {
	return credential{salt: randomBytes(saltBytes), iterations: iterations, storedKey: randomBytes(sha256.Size), serverKey: randomBytes(sha256.Size)}
}

// fit returns c cut to the key size of f, for the dummy only.
func (c credential) fit(f family, salt []byte) credential {
	return credential{salt: salt, iterations: c.iterations, storedKey: c.storedKey[:f.size], serverKey: c.serverKey[:f.size]}
}

// newDecoy is an account whose verifiers are the sealed dummy.
func newDecoy(s *Seal, dummy credential) im.Account {
	var a im.Account
	for _, f := range families {
		c := dummy.fit(f, dummy.salt)
		a.Verifiers = append(a.Verifiers, im.Verifier{Mechanism: f.name, Sealed: s.seal(c.marshal(), aad(a.Addr, f.name))})
	}
	return a
}

func (c credential) marshal() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(c.iterations))
	b = append(b, byte(len(c.salt)))
	b = append(b, c.salt...)
	b = append(b, c.storedKey...)
	return append(b, c.serverKey...)
}

var errVerifier = errors.New("auth: a password verifier has a wrong form")

func (f family) unmarshal(b []byte) (credential, error) {
	if len(b) < 5 || len(b) != 5+int(b[4])+2*f.size {
		return credential{}, errVerifier
	}
	c := credential{iterations: int(binary.BigEndian.Uint32(b)), salt: b[5 : 5+int(b[4])]}
	keys := b[5+int(b[4]):]
	c.storedKey, c.serverKey = keys[:f.size], keys[f.size:]
	return c, nil
}

// aad ties a verifier to the address, which never changes, and the mechanism.
// The user's id is not known yet when the account is made.
func aad(a im.Addr, mechanism string) string {
	return a.Domain + "\x00" + a.Local + "\x00" + mechanism
}

// NewVerifiers derives and seals what is kept of a password, for every
// mechanism. The password is checked against the policy first: the error is
// im.CodePasswordWeak. It costs about 8 ms of CPU at 10,000 iterations.
func (s *Seal) NewVerifiers(a im.Addr, password string, iterations int) ([]im.Verifier, error) {
	p, err := PreparePassword(a, password)
	if err != nil {
		return nil, err
	}
	out := make([]im.Verifier, 0, len(families))
	for _, f := range families {
		c, err := newCredential(f, p, randomBytes(saltBytes), iterations)
		if err != nil {
			return nil, err
		}
		out = append(out, im.Verifier{Mechanism: f.name, Sealed: s.seal(c.marshal(), aad(a, f.name))})
	}
	return out, nil
}

// credential opens the verifier of a for f. found is false when there is none.
func (s *Seal) credential(a im.Account, f family) (c credential, found bool, err error) {
	for _, v := range a.Verifiers {
		if v.Mechanism != f.name {
			continue
		}
		plain, err := s.open(v.Sealed, aad(a.Addr, f.name))
		if err != nil {
			return credential{}, false, err
		}
		c, err := f.unmarshal(plain)
		return c, err == nil, err
	}
	return credential{}, false, nil
}
