package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cxx-im/cxx/im"
)

// jwtAlgorithms is the closed list. A key is made for one of them, and a token
// that names another algorithm, or none, finds no key.
var jwtAlgorithms = []string{"EdDSA", "RS256", "HS256"}

const (
	jwtMax       = 8 << 10 // bytes of a token
	minHMACBytes = 32
	minRSABits   = 2048
)

type jwtName struct{ algorithm, kid string }

// jwtVerifier checks the tokens of the operator's backend.
type jwtVerifier struct {
	keys   map[jwtName]any
	parser *jwt.Parser
	claim  string
}

// newJWTVerifier returns nil when no keys are configured.
func newJWTVerifier(cfg JWTConfig, now func() time.Time) (*jwtVerifier, error) {
	if len(cfg.Keys) == 0 {
		return nil, nil
	}
	v := &jwtVerifier{keys: map[jwtName]any{}, claim: cfg.UserClaim}
	used := map[string]bool{}
	for _, k := range cfg.Keys {
		key, err := loadJWTKey(k)
		if err != nil {
			return nil, fmt.Errorf("auth: jwt key %q: %w", k.ID, err)
		}
		v.keys[jwtName{k.Algorithm, k.ID}] = key
		used[k.Algorithm] = true
	}
	var methods []string
	for _, a := range jwtAlgorithms {
		if used[a] {
			methods = append(methods, a)
		}
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods(methods), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(cfg.Leeway.D()), jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)
	return v, nil
}

func loadJWTKey(k JWTKey) (any, error) {
	if k.Algorithm == "HS256" {
		secret, err := readSecretFile(k.File)
		if err != nil {
			return nil, err
		}
		secret = []byte(strings.TrimSpace(string(secret)))
		if len(secret) < minHMACBytes {
			return nil, fmt.Errorf("the secret in %s has %d bytes; HS256 needs at least %d", k.File, len(secret), minHMACBytes)
		}
		return secret, nil
	}
	pem, err := os.ReadFile(k.File)
	if err != nil {
		return nil, err
	}
	if k.Algorithm == "EdDSA" {
		key, err := jwt.ParseEdPublicKeyFromPEM(pem)
		if err != nil {
			return nil, fmt.Errorf("%s holds no Ed25519 public key in PEM: %w", k.File, err)
		}
		if _, ok := key.(ed25519.PublicKey); !ok {
			return nil, fmt.Errorf("%s holds no Ed25519 public key in PEM", k.File)
		}
		return key, nil
	}
	key, err := jwt.ParseRSAPublicKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("%s holds no RSA public key in PEM: %w", k.File, err)
	}
	if bits := key.N.BitLen(); bits < minRSABits {
		return nil, fmt.Errorf("the RSA key in %s has %d bits; use at least %d", k.File, bits, minRSABits)
	}
	return (*rsa.PublicKey)(key), nil
}

// vouched is what a good token says.
type vouched struct {
	name   string
	issued time.Time // zero: the token does not say
}

func (v *jwtVerifier) verify(token string) (vouched, error) {
	if len(token) > jwtMax {
		return vouched{}, errors.New("the token is too long")
	}
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("the header has extensions that must be understood (crit)")
		}
		kid, _ := t.Header["kid"].(string)
		key, ok := v.keys[jwtName{t.Method.Alg(), kid}]
		if !ok {
			return nil, errors.New("no key with this algorithm and id")
		}
		return key, nil
	})
	if err != nil {
		return vouched{}, err
	}
	name, _ := claims[v.claim].(string)
	if name == "" {
		return vouched{}, fmt.Errorf("the claim %q names no user", v.claim)
	}
	out := vouched{name: name}
	if iat, err := claims.GetIssuedAt(); err == nil && iat != nil {
		out.issued = iat.Time
	}
	return out, nil
}

// JWT implements im.Logins.
func (l *Logins) JWT(ctx context.Context, token string, d im.LoginDevice) (im.Account, im.Device, string, error) {
	acct, dev, next, err := l.byJWT(ctx, token, d)
	if err := l.outcome(ctx, "CXX-JWT", acct.ID, d.Remote.Addr(), err); err != nil {
		return im.Account{}, im.Device{}, "", err
	}
	return acct, dev, next, nil
}

func (l *Logins) byJWT(ctx context.Context, token string, d im.LoginDevice) (acct im.Account, dev im.Device, next string, err error) {
	if l.jwt == nil {
		return acct, dev, "", im.Errorf(im.CodeMechanism, "logins by JWT are not configured here")
	}
	v, err := l.jwt.verify(token)
	if err != nil {
		return acct, dev, "", &im.Error{Code: im.CodeTokenInvalid, Detail: "the JWT is not valid here; get a new one", Err: err}
	}
	addr, valid := l.userAddr(v.name, l.domainOf(v.name))
	if !valid || !l.hosts(addr.Domain) {
		return acct, dev, "", im.Errorf(im.CodeTokenInvalid, "the JWT names no user that this server can have")
	}
	acct, err = l.vouchedFor(ctx, addr)
	switch {
	case err != nil:
		return acct, dev, "", err
	case acct.Disabled:
		return acct, dev, "", disabled()
	case voidBefore(acct, v.issued):
		return acct, dev, "", im.Errorf(im.CodeRevoked, "the JWT was issued before the user was logged out everywhere; get a new one")
	}
	dev, next, err = l.Enroll(ctx, acct, d)
	acct.Verifiers = nil
	return acct, dev, next, err
}

func (l *Logins) domainOf(name string) string {
	if a, err := im.ParseAddr(name); err == nil && a.Local != "" {
		return a.Domain
	}
	return l.domains[0]
}

// vouchedFor returns the account, making it when that is configured.
func (l *Logins) vouchedFor(ctx context.Context, addr im.Addr) (im.Account, error) {
	acct, err := l.store.AccountByAddr(ctx, addr)
	if err == nil || im.CodeOf(err) != im.CodeNotFound {
		return acct, err
	}
	if !l.cfg.JWT.AutoCreate {
		return acct, badCredentials()
	}
	if _, err := l.create(ctx, addr, nil); err != nil && im.CodeOf(err) != im.CodeNameTaken {
		return acct, err // taken: another login of the user was faster
	}
	return l.store.AccountByAddr(ctx, addr)
}
