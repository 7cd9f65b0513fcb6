package proc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Backend is an operator's backend: it vouches for users by JWT (HS256).
type Backend struct {
	KeyFile string
	key     []byte
}

// NewBackend makes a key and writes it to a file. The key is text: a server
// takes white space at the ends of the file for no part of it.
func NewBackend(keyFile string) (*Backend, error) {
	b := &Backend{KeyFile: keyFile, key: []byte(rand.Text() + rand.Text())}
	if err := os.WriteFile(keyFile, b.key, 0o600); err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	return b, nil
}

const issuer, audience = "backend", "cxx"

// Settings are the words after --set by which a server trusts the backend.
func (b *Backend) Settings() []string {
	return []string{
		fmt.Sprintf(`auth.jwt.keys=[{algorithm="HS256",file=%q}]`, b.KeyFile),
		"auth.jwt.issuer=" + issuer, "auth.jwt.audience=" + audience, "auth.jwt.auto_create=true",
	}
}

// Token vouches for a user for an hour.
func (b *Backend) Token(user string) string {
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]any{
		"sub": user, "iss": issuer, "aud": audience, "exp": time.Now().Add(time.Hour).Unix(),
	})
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
