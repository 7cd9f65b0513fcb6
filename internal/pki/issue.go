package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"
)

const (
	caLife     = 10 * 365 * 24 * time.Hour
	serverLife = 397 * 24 * time.Hour // the most that common TLS clients accept
	nodeLife   = 5 * 365 * 24 * time.Hour
	renewWhen  = 30 * 24 * time.Hour // what is left when a certificate is made anew
	backdate   = time.Hour           // for machines whose clock is behind
)

// authority signs certificates. key is nil on a machine that has only ca.pem.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// openAuthority loads an authority, or makes one when its files do not exist.
func openAuthority(certPath, keyPath, name string, now time.Time) (*authority, error) {
	if !exists(certPath) && !exists(keyPath) {
		return newAuthority(certPath, keyPath, name, now)
	}
	if !exists(certPath) {
		return nil, fmt.Errorf("pki: %s is missing, and its key %s is there; restore it, or remove the key too to have a new authority made, which all have to trust anew", certPath, keyPath)
	}
	cert, err := readCert(certPath)
	if err != nil {
		return nil, err
	}
	a := &authority{cert: cert}
	if !exists(keyPath) {
		return a, nil
	}
	if a.key, err = readKey(keyPath); err != nil {
		return nil, err
	}
	if !samePublic(a.key.Public(), cert.PublicKey) {
		return nil, fmt.Errorf("pki: %s and %s do not belong together; restore the pair, or remove both to have new ones made", certPath, keyPath)
	}
	return a, nil
}

func newAuthority(certPath, keyPath, name string, now time.Time) (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	t := template(now, caLife)
	t.Subject = pkix.Name{CommonName: name + " " + t.SerialNumber.Text(36)[:6], Organization: []string{"C-XX"}}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("pki: make %s: %w", certPath, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: make %s: %w", certPath, err)
	}
	if err := writeKey(keyPath, key); err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, writeFile(certPath, certPEM(der), certMode)
}

// issue signs t and writes the certificate. It keeps the key of an earlier
// certificate, so that a renewal changes one file, in one step.
func (a *authority) issue(t *x509.Certificate, certPath, keyPath string) error {
	key, err := keepKey(keyPath)
	if err != nil {
		return err
	}
	if t.NotAfter.After(a.cert.NotAfter) {
		t.NotAfter = a.cert.NotAfter
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("pki: make %s: %w", certPath, err)
	}
	return writeFile(certPath, certPEM(der), certMode)
}

// signed reports whether cert was issued by a and is good for some time still.
func (a *authority) signed(cert *x509.Certificate, now time.Time) bool {
	return cert.CheckSignatureFrom(a.cert) == nil && now.Add(renewWhen).Before(cert.NotAfter)
}

func keepKey(path string) (crypto.Signer, error) {
	if exists(path) {
		return readKey(path)
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	return key, writeKey(path, key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("pki: make a key: %w", err)
	}
	return key, nil
}

func template(now time.Time, life time.Duration) *x509.Certificate {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] = b[0]&0x7f | 0x40
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(b[:]),
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(life),
	}
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("pki: make %s: %w", path, err)
	}
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), keyMode)
}

func readKey(path string) (crypto.Signer, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	der, err := onePEM(data, "PRIVATE KEY", path)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("pki: read %s: %w", path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("pki: read %s: a key of type %T cannot sign", path, key)
	}
	return signer, nil
}

func readCert(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	der, err := onePEM(data, "CERTIFICATE", path)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: read %s: %w", path, err)
	}
	return cert, nil
}

func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
