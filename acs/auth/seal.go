package auth

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Seal encrypts what is kept of passwords with keys that are not in the
// database. It may hold several keys: the first seals, all of them open, so
// that a key can be replaced while the server runs (see RotateSeal). It is
// immutable and safe for any goroutine.
//
// The file has one line per key, "key ID BASE64", newest first, and one line
// "salt BASE64": the secret behind the salts shown for users that do not exist.
// That secret stays when keys rotate, or the change would give those users away.
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

// GenerateSeal makes a seal file with a fresh key, mode 0600, and loads it. It
// refuses to touch a file that exists.
func GenerateSeal(path string) (*Seal, error) {
	text := sealHead + keyLine() + "salt " + base64.StdEncoding.EncodeToString(randomBytes(keyBytes)) + "\n"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("auth: making the seal file: %w", err)
	}
	if err := writeAndClose(f, text); err != nil {
		return nil, fmt.Errorf("auth: writing the seal file: %w", err)
	}
	return LoadSeal(path)
}

const sealHead = `# Opens what the database keeps of passwords. Keep a copy in a safe place apart
# from the database: without it nobody can log in by password.
`

// LoadSeal reads a seal file. Others than its owner must not be able to read it.
func LoadSeal(path string) (*Seal, error) {
	text, err := readSecretFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: seal file: %w", err)
	}
	s, err := parseSeal(text)
	if err != nil {
		return nil, fmt.Errorf("auth: seal file %s: %w", path, err)
	}
	return s, nil
}

// RotateSeal puts a fresh key before those of a seal file. Start every node
// with the new file, then call Logins.Rewrap, then drop the old key lines.
func RotateSeal(path string) (*Seal, error) {
	if _, err := LoadSeal(path); err != nil {
		return nil, err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: seal file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".seal-*") // CreateTemp gives mode 0600
	if err != nil {
		return nil, fmt.Errorf("auth: rotating the seal: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	if err := writeAndClose(f, keyLine()+string(old)); err != nil {
		return nil, fmt.Errorf("auth: rotating the seal: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, fmt.Errorf("auth: rotating the seal: %w", err)
	}
	return LoadSeal(path)
}

func writeAndClose(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func keyLine() string {
	return "key " + hex.EncodeToString(randomBytes(len(keyID{}))) + " " + base64.StdEncoding.EncodeToString(randomBytes(keyBytes)) + "\n"
}

func parseSeal(text []byte) (*Seal, error) {
	s := &Seal{keys: map[keyID]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if err := s.parseLine(strings.Fields(lines.Text())); err != nil {
			return nil, fmt.Errorf("line %d %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(s.keys) == 0 || s.salt == nil {
		return nil, errors.New("a line that starts with key and one that starts with salt are needed; restore the file from its copy")
	}
	return s, nil
}

func (s *Seal) parseLine(fields []string) error {
	switch {
	case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		return nil
	case len(fields) == 2 && fields[0] == "salt" && s.salt == nil:
		salt, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil || len(salt) < keyBytes {
			return fmt.Errorf("has no salt of %d bytes in base64", keyBytes)
		}
		s.salt = salt
		return nil
	case len(fields) == 3 && fields[0] == "key":
		return s.addKey(fields[1], fields[2])
	}
	return errors.New(`is neither "key ID BASE64" nor the only "salt BASE64"`)
}

func (s *Seal) addKey(name, text string) error {
	var id keyID
	if n, err := hex.Decode(id[:], []byte(clipTo(name, 2*len(id)))); err != nil || n != len(id) || len(name) != 2*len(id) {
		return fmt.Errorf("has a key id that is not %d hexadecimal digits", 2*len(id))
	}
	if _, ok := s.keys[id]; ok {
		return errors.New("repeats the id of another key")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keyBytes {
		return fmt.Errorf("has no key of %d bytes in base64", keyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	if len(s.keys) == 0 {
		s.current = id
	}
	s.keys[id] = aead
	return nil
}

func clipTo(s string, n int) string { return s[:min(len(s), n)] }

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

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// readSecretFile reads a file that only its owner may read.
func readSecretFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o and others may read or write it; run: chmod 600 %s", path, mode, path)
	}
	return os.ReadFile(path)
}
