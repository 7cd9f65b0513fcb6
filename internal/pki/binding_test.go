package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

func TestServerEndPoint(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum256 := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	sum384 := func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }
	sum512 := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	none := func([]byte) []byte { return nil }
	for _, c := range []struct {
		alg  x509.SignatureAlgorithm
		key  crypto.Signer
		want func([]byte) []byte
	}{
		{x509.ECDSAWithSHA256, p256, sum256},
		{x509.ECDSAWithSHA384, p256, sum384},
		{x509.ECDSAWithSHA512, p256, sum512},
		{x509.SHA256WithRSA, rsaKey, sum256},
		{x509.SHA384WithRSA, rsaKey, sum384},
		{x509.SHA512WithRSA, rsaKey, sum512},
		{x509.SHA256WithRSAPSS, rsaKey, sum256},
		{x509.SHA384WithRSAPSS, rsaKey, sum384},
		{x509.SHA512WithRSAPSS, rsaKey, sum512},
		{x509.PureEd25519, ed, none},
	} {
		tmpl := template(time.Now(), time.Hour)
		tmpl.SignatureAlgorithm = c.alg
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, c.key.Public(), c.key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if got := ServerEndPoint(cert); !bytes.Equal(got, c.want(der)) {
			t.Errorf("%v: %x", c.alg, got)
		}
	}
	for _, old := range []x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.MD5WithRSA, x509.ECDSAWithSHA1} {
		cert := &x509.Certificate{SignatureAlgorithm: old, Raw: []byte("raw")}
		if got := ServerEndPoint(cert); !bytes.Equal(got, sum256([]byte("raw"))) {
			t.Errorf("%v: %x", old, got)
		}
	}
}

func TestExporter(t *testing.T) {
	cert, ca, err := Server(t.TempDir(), DefaultConfig(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen [][]byte
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS13} {
		client := &tls.Config{RootCAs: poolOf(t, ca), ServerName: "localhost", MaxVersion: version}
		atServer, atClient, err := shake(t, ServerConfig(cert, tls.VersionTLS12), client)
		if err != nil {
			t.Fatal(err)
		}
		one, err := Exporter(atServer)
		if err != nil {
			t.Fatalf("TLS %x: %v", version, err)
		}
		two, err := Exporter(atClient)
		if err != nil || !bytes.Equal(one, two) || len(one) != 32 {
			t.Errorf("TLS %x: %x and %x, %v", version, one, two, err)
		}
		for _, other := range seen {
			if bytes.Equal(one, other) {
				t.Error("two connections have the same value")
			}
		}
		seen = append(seen, one)
	}
	if _, err := Exporter(tls.ConnectionState{}); err == nil {
		t.Error("a connection without a handshake has a value")
	}
}
