package socket

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The buffers of crypto/tls are found and released, and the connection goes on.
func TestTrim(t *testing.T) {
	if len(trimOffsets) != 2 {
		t.Errorf("%d of the two buffers are where they were; see trim.go", len(trimOffsets))
	}
	a, b := net.Pipe()
	server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	client := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	go func() { _, _ = client.Write(make([]byte, 15_000)); _, _ = client.Write([]byte("more")) }()
	buf := make([]byte, 15_000)
	if _, err := io.ReadFull(server, buf); err != nil {
		t.Fatal(err)
	}
	if n := Trim(server); n < 1000 {
		t.Errorf("%d bytes released", n)
	}
	if n := Trim(server); n != 0 {
		t.Errorf("%d bytes released again", n)
	}
	if _, err := io.ReadFull(server, buf[:4]); err != nil || string(buf[:4]) != "more" {
		t.Errorf("%q %v", buf[:4], err)
	}
}
