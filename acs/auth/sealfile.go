package auth

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

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
