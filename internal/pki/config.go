package pki

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// The ALPN names of the cell's protocols.
const (
	ALPNClient     = "cxx/1"
	ALPNXMPPClient = "xmpp-client"
	ALPNXMPPServer = "xmpp-server"
	ALPNMesh       = "cxx-mesh/1"
)

// strong are the TLS 1.2 suites with forward secrecy and authenticated
// encryption. Those of TLS 1.3 are so by nature.
var strong = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// ServerConfig is the TLS configuration of a listener: C-XX and NAS with
// tls.VersionTLS13 and ALPNClient, XMPP with tls.VersionTLS12. A version below
// 1.2 is raised to 1.2. A client that offers ALPN names must have one of alpn
// among them. Session tickets are on, their keys change daily.
func ServerConfig(cert *Reloader, minVersion uint16, alpn ...string) *tls.Config {
	return &tls.Config{
		GetCertificate: cert.GetCertificate,
		MinVersion:     max(minVersion, tls.VersionTLS12),
		CipherSuites:   strong,
		NextProtos:     alpn,
	}
}

// ServerEndPoint is the channel binding tls-server-end-point (RFC 5929 section
// 4): the hash of the certificate by the hash function of its signature, with
// SHA-256 in place of MD5 and SHA-1. It is nil for a certificate whose
// signature has no such function (Ed25519): the binding is then not defined.
func ServerEndPoint(cert *x509.Certificate) []byte {
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(cert.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(cert.Raw)
		return sum[:]
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	default:
		sum := sha256.Sum256(cert.Raw)
		return sum[:]
	}
}

const (
	exporterLabel = "EXPORTER-Channel-Binding" // RFC 9266 section 3
	exporterSize  = 32
)

// Exporter is the channel binding tls-exporter (RFC 9266) of a connection
// whose handshake is complete. It fails with TLS below 1.3 unless the extended
// master secret was negotiated, for the value would not be unique then.
func Exporter(cs tls.ConnectionState) ([]byte, error) {
	if !cs.HandshakeComplete {
		return nil, errors.New("pki: tls-exporter: the TLS handshake is not complete")
	}
	b, err := cs.ExportKeyingMaterial(exporterLabel, []byte{}, exporterSize)
	if err != nil {
		return nil, fmt.Errorf("pki: tls-exporter: %w", err)
	}
	return b, nil
}
