package pki

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

var secretEncoding = base64.RawURLEncoding

// EnsureSecret returns the n random bytes kept in a file, which it makes, of
// mode 0600, when there is none. The file is one line of base64url text; that
// text is itself a secret of n bytes where a text is needed, see EnsureToken.
func EnsureSecret(path string, n int) ([]byte, error) {
	text, err := ensureText(path, n)
	if err != nil {
		return nil, err
	}
	b := make([]byte, secretEncoding.DecodedLen(len(text)))
	got, err := secretEncoding.Decode(b, text)
	if err != nil {
		return nil, fmt.Errorf("pki: the secret file %s is damaged; restore it from your backup", path)
	}
	if got < n {
		return nil, fmt.Errorf("pki: the secret file %s holds %d bytes, and %d are needed; restore it from your backup", path, got, n)
	}
	return b[:got], nil
}

// EnsureToken returns a secret text of 32 random bytes, such as the token of
// the admin API, kept in a file that it makes when there is none. A file of the
// operator's may hold any text of 16 bytes and more.
func EnsureToken(path string) (string, error) {
	text, err := ensureText(path, 32)
	if err != nil {
		return "", err
	}
	if len(text) < 16 {
		return "", fmt.Errorf("pki: the secret in %s is too short to be safe; use 16 characters or more, or remove the file to have one made", path)
	}
	return string(text), nil
}

func ensureText(path string, n int) ([]byte, error) {
	if !exists(path) {
		if err := makeSecret(path, n); err != nil {
			return nil, err
		}
	}
	text, err := readPrivate(path)
	return bytes.TrimSpace(text), err
}

func makeSecret(path string, n int) error {
	unlock, err := lockFor(path)
	if err != nil {
		return err
	}
	defer unlock()
	if exists(path) { // another process was faster
		return nil
	}
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return writeFile(path, append(secretEncoding.AppendEncode(nil, b), '\n'), keyMode)
}
