package stream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

// authorities reads Config.ClientCA.
func authorities(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("xmpp: xmpp.client_ca: %w", err)
	}
	pool, found := x509.NewCertPool(), 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("xmpp: xmpp.client_ca: %s holds a block %q; leave nothing but certificates in it", path, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("xmpp: xmpp.client_ca: %s holds a certificate that cannot be read: %w", path, err)
		}
		pool.AddCert(cert)
		found++
	}
	switch begun := bytes.Count(data, []byte("-----BEGIN ")); {
	case found == 0:
		return nil, fmt.Errorf("xmpp: xmpp.client_ca: %s holds no certificate in PEM form", path)
	case found < begun: // pem.Decode skips what it cannot read
		return nil, fmt.Errorf("xmpp: xmpp.client_ca: of %d blocks in %s only %d can be read", begun, path, found)
	}
	return pool, nil
}

// askCertificate makes a listener ask for certificates of the authorities. With
// none a client logs in as ever. One that is not of the authorities, has
// expired or is not for clients ends the handshake with the alert that says so.
// Neither it nor a resumed session leads to an identity: crypto/tls takes one up
// only while its chain is good.
func askCertificate(cfg *tls.Config, path string) error {
	if path == "" {
		return nil
	}
	pool, err := authorities(path)
	if err != nil {
		return err
	}
	cfg.ClientCAs, cfg.ClientAuth = pool, tls.VerifyClientCertIfGiven
	return nil
}

// certified returns the addresses of a client's certificate when it was
// verified, in this handshake or in the one that is resumed.
func certified(state *tls.ConnectionState) ([]im.Addr, error) {
	if len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return nil, nil
	}
	return xmppAddrs(state.VerifiedChains[0][0])
}

var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	// oidXMPPAddr is id-on-xmppAddr (RFC 6120 section 13.7.1.4), 1.3.6.1.5.5.7.8.5,
	// as it is encoded.
	oidXMPPAddr = []byte{0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x05}
)

// errAltName is for a certificate whose names do not have the form of RFC 5280
// section 4.2.1.6. It gives nobody an identity, not even by its other names.
var errAltName = errors.New("xmpp: the subjectAltName of the certificate is malformed")

// xmppAddrs returns the addresses that a certificate names, prepared, each once.
// Of all names only the otherName id-on-xmppAddr counts: what stands in the
// subject, or is a mail address, has another meaning or none.
func xmppAddrs(cert *x509.Certificate) (list []im.Addr, err error) {
	seen := false
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidSubjectAltName) {
			continue
		}
		if seen { // RFC 5280 section 4.2
			return nil, errAltName
		}
		seen = true
		if list, err = parseAltName(ext.Value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// parseAltName reads GeneralNames.
func parseAltName(der []byte) ([]im.Addr, error) {
	names, ok := only(der)
	if !ok || !is(names, asn1.ClassUniversal, asn1.TagSequence, true) {
		return nil, errAltName
	}
	var list []im.Addr
	for rest := names.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil || name.Class != asn1.ClassContextSpecific {
			return nil, errAltName
		}
		if name.Tag != 0 { // not an otherName
			continue
		}
		a, found, err := parseOtherName(name)
		if err != nil {
			return nil, err
		}
		if found && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list, nil
}

// parseOtherName reads SEQUENCE { type-id, value [0] EXPLICIT }, which is tagged
// implicitly.
func parseOtherName(name asn1.RawValue) (a im.Addr, found bool, err error) {
	var id asn1.RawValue
	rest, err := asn1.Unmarshal(name.Bytes, &id)
	if err != nil || !name.IsCompound || !is(id, asn1.ClassUniversal, asn1.TagOID, false) {
		return a, false, errAltName
	}
	if !bytes.Equal(id.FullBytes, oidXMPPAddr) {
		return a, false, nil
	}
	outer, ok := only(rest)
	if !ok || !is(outer, asn1.ClassContextSpecific, 0, true) {
		return a, false, errAltName
	}
	value, ok := only(outer.Bytes)
	if !ok || !is(value, asn1.ClassUniversal, asn1.TagUTF8String, false) || !utf8.Valid(value.Bytes) {
		return a, false, errAltName
	}
	a, err = im.ParseAddr(string(value.Bytes))
	if err != nil {
		return im.Addr{}, false, fmt.Errorf("xmpp: the certificate: %w", err)
	}
	return a, true, nil
}

// only reads the one value that der is.
func only(der []byte) (v asn1.RawValue, ok bool) {
	rest, err := asn1.Unmarshal(der, &v)
	return v, err == nil && len(rest) == 0
}

func is(v asn1.RawValue, class, tag int, compound bool) bool {
	return v.Class == class && v.Tag == tag && v.IsCompound == compound
}
