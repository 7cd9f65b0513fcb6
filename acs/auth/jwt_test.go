package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cxx-im/cxx/im"
)

// backend is an operator's backend that signs tokens.
type backend struct {
	ed     ed25519.PrivateKey
	rsa    *rsa.PrivateKey
	secret []byte
	rsaPEM []byte
	keys   []JWTKey
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	dir := t.TempDir()
	b := &backend{secret: []byte(base64.StdEncoding.EncodeToString(randomBytes(32)))}
	var err error
	if _, b.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if b.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	b.rsaPEM = public(&b.rsa.PublicKey)
	b.keys = []JWTKey{
		{ID: "ed", Algorithm: "EdDSA", File: write("ed.pem", public(b.ed.Public()))},
		{ID: "rsa", Algorithm: "RS256", File: write("rsa.pem", b.rsaPEM)},
		{Algorithm: "HS256", File: write("secret", append(b.secret, '\n'))},
	}
	return b
}

func (b *backend) config(c *Config) {
	c.JWT.Keys, c.JWT.Issuer, c.JWT.Audience = b.keys, "https://app.example", "cxx"
}

func claims(edit ...any) jwt.MapClaims {
	c := jwt.MapClaims{"iss": "https://app.example", "aud": "cxx", "sub": "alice", "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix()}
	for i := 0; i < len(edit); i += 2 {
		if edit[i+1] == nil {
			delete(c, edit[i].(string))
			continue
		}
		c[edit[i].(string)] = edit[i+1]
	}
	return c
}

func signed(t testing.TB, m jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(m, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJWT(t *testing.T) {
	b := newBackend(t)
	f := newFixture(t, b.config, func(c *Config) { c.FailedSource = 1000 })
	acct := f.user(alice)
	off := f.user(im.Addr{Local: "disabled", Domain: "example.org"})
	f.store.edit(off.ID, func(a *im.Account) { a.Disabled = true })
	out := f.user(im.Addr{Local: "loggedout", Domain: "example.org"})
	f.store.edit(out.ID, func(a *im.Account) { a.RevokedAt = noon.Add(-time.Minute) })
	otherEd := ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))
	good := signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims())
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"ed"}`)) + "." + parts[1] + "."
	crit := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims())
	crit.Header["kid"], crit.Header["crit"] = "ed", []string{"b64"}
	critical, err := crit.SignedString(b.ed)
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		what, token string
		want        im.ErrorCode
	}{
		{"EdDSA", good, 0},
		{"RS256", signed(t, jwt.SigningMethodRS256, "rsa", b.rsa, claims()), 0},
		{"HS256 without kid", signed(t, jwt.SigningMethodHS256, "", b.secret, claims()), 0},
		{"full address", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "Alice@example.org")), 0},
		{"several audiences", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("aud", []string{"web", "cxx"})), 0},
		{"expired within the leeway", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("exp", noon.Add(-20*time.Second).Unix())), 0},
		{"issued after the logout", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "loggedout")), 0},

		{"alg none", none, im.CodeTokenInvalid},
		{"alg confusion: the public key as HMAC secret", signed(t, jwt.SigningMethodHS256, "rsa", b.rsaPEM, claims()), im.CodeTokenInvalid},
		{"the same without kid", signed(t, jwt.SigningMethodHS256, "", b.rsaPEM, claims()), im.CodeTokenInvalid},
		{"the Ed25519 key as HMAC secret", signed(t, jwt.SigningMethodHS256, "ed", []byte(b.ed.Public().(ed25519.PublicKey)), claims()), im.CodeTokenInvalid},
		{"an algorithm that is not ours", signed(t, jwt.SigningMethodHS512, "", b.secret, claims()), im.CodeTokenInvalid},
		{"PS256 with the RSA key", signed(t, jwt.SigningMethodPS256, "rsa", b.rsa, claims()), im.CodeTokenInvalid},
		{"a stranger's key", signed(t, jwt.SigningMethodEdDSA, "ed", otherEd, claims()), im.CodeTokenInvalid},
		{"unknown kid", signed(t, jwt.SigningMethodEdDSA, "other", b.ed, claims()), im.CodeTokenInvalid},
		{"kid missing", signed(t, jwt.SigningMethodEdDSA, "", b.ed, claims()), im.CodeTokenInvalid},
		{"critical extension", critical, im.CodeTokenInvalid},
		{"no exp", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("exp", nil)), im.CodeTokenInvalid},
		{"expired", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("exp", noon.Add(-31*time.Second).Unix())), im.CodeTokenInvalid},
		{"not yet valid", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("nbf", noon.Add(time.Minute).Unix())), im.CodeTokenInvalid},
		{"issued in the future", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("iat", noon.Add(time.Minute).Unix())), im.CodeTokenInvalid},
		{"other issuer", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("iss", "https://evil.example")), im.CodeTokenInvalid},
		{"no issuer", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("iss", nil)), im.CodeTokenInvalid},
		{"other audience", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("aud", "web")), im.CodeTokenInvalid},
		{"no audience", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("aud", nil)), im.CodeTokenInvalid},
		{"no user", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", nil)), im.CodeTokenInvalid},
		{"user is a number", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", 7)), im.CodeTokenInvalid},
		{"user of another domain", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "alice@evil.example")), im.CodeTokenInvalid},
		{"impossible user", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "a b")), im.CodeTokenInvalid},
		{"body changed", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"alice"}`)) + "." + parts[2], im.CodeTokenInvalid},
		{"empty", "", im.CodeTokenInvalid},
		{"too long", good + strings.Repeat("A", jwtMax), im.CodeTokenInvalid},
		{"disabled", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "disabled")), im.CodeDisabled},
		{"issued before the logout", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "loggedout", "iat", noon.Add(-2*time.Minute).Unix())), im.CodeRevoked},
		{"after a logout a token must say when it was issued", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "loggedout", "iat", nil)), im.CodeRevoked},
		{"unknown user", signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("sub", "newcomer")), im.CodeBadCredentials},
	} {
		t.Run(c.what, func(t *testing.T) {
			a, dev, token, err := f.JWT(t.Context(), c.token, login(0))
			wantCode(t, err, c.want)
			if c.want != 0 {
				if token != "" || a.ID != 0 {
					t.Error("something was handed out")
				}
				return
			}
			if a.ID != acct.ID && a.ID != out.ID {
				t.Errorf("logged in %v", a.ID)
			}
			if _, _, _, err := f.Token(t.Context(), a.ID, token, login(dev.ID)); err != nil {
				t.Errorf("its device token: %v", err)
			}
		})
	}
	if strings.Contains(f.log.String(), parts[1]) {
		t.Error("a token reached the log")
	}
}

func TestJWTAutoCreate(t *testing.T) {
	b := newBackend(t)
	f := newFixture(t, b.config, func(c *Config) { c.JWT.AutoCreate = true; c.JWT.UserClaim = "login" })
	token := signed(t, jwt.SigningMethodEdDSA, "ed", b.ed, claims("login", "newcomer"))
	first, _, _, err := f.JWT(t.Context(), token, login(0))
	if err != nil {
		t.Fatal(err)
	}
	again, _, _, err := f.JWT(t.Context(), token, login(0))
	if err != nil || again.ID != first.ID || first.Addr.String() != "newcomer@example.org" {
		t.Errorf("%v, then %v, %v", first.Addr, again.ID, err)
	}
	_, err = f.CheckPassword(t.Context(), first.Addr, "", here)
	wantCode(t, err, im.CodeBadCredentials) // an account without a password has none
}

func TestJWTOff(t *testing.T) {
	f := newFixture(t)
	if f.JWTEnabled() {
		t.Error("JWT is on without keys")
	}
	_, _, _, err := f.JWT(t.Context(), "x", login(0))
	wantCode(t, err, im.CodeMechanism)
}

func TestJWTKeyFiles(t *testing.T) {
	b := newBackend(t)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  JWTKey
		says string
	}{
		{JWTKey{Algorithm: "EdDSA", File: b.keys[1].File}, "no Ed25519 public key"},
		{JWTKey{Algorithm: "RS256", File: b.keys[0].File}, "no RSA public key"},
		{JWTKey{Algorithm: "EdDSA", File: filepath.Join(dir, "missing")}, "no such file"},
		{JWTKey{Algorithm: "HS256", File: write("short", "tooshort", 0o600)}, "at least 32"},
		{JWTKey{Algorithm: "HS256", File: write("open", strings.Repeat("x", 40), 0o644)}, "chmod 600"},
		{JWTKey{Algorithm: "RS256", File: write("weak.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), 0o600)}, "1024 bits"},
	} {
		_, err := newJWTVerifier(JWTConfig{Keys: []JWTKey{c.key}, Issuer: "i", Audience: "a", UserClaim: "sub"}, time.Now)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.key, err)
		}
	}
}

func FuzzJWT(f *testing.F) {
	b := newBackend(f)
	v, err := newJWTVerifier(JWTConfig{Keys: b.keys, Issuer: "https://app.example", Audience: "cxx", UserClaim: "sub"}, func() time.Time { return noon })
	if err != nil {
		f.Fatal(err)
	}
	good := signed(f, jwt.SigningMethodEdDSA, "ed", b.ed, claims())
	f.Add(strings.Split(good, ".")[0], strings.Split(good, ".")[1], "")
	f.Add("e30", "e30", "e30")
	f.Fuzz(func(t *testing.T, head, body, signature string) {
		if _, err := v.verify(head + "." + body + "." + signature); err == nil {
			t.Fatalf("%s.%s.%s was accepted", head, body, signature)
		}
	})
}
