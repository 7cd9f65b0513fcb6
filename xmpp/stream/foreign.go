package stream

import (
	"bytes"
	"errors"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// errForeign is for first bytes that are of another protocol than the port's.
var errForeign = errors.New("xmpp: the client speaks another protocol")

// foreignError carries what to answer in that protocol.
type foreignError struct{ answer []byte }

func (*foreignError) Error() string { return errForeign.Error() }
func (*foreignError) Unwrap() error { return errForeign }

const tlsRecord = 0x16 // a handshake record (RFC 8446 section 5.1)

// tlsAlert is a fatal alert, unexpected_message, that TLS clients of any
// version understand.
var tlsAlert = []byte{21, 3, 1, 0, 2, 2, 10}

var httpVerbs = [][]byte{
	[]byte("GET "), []byte("HEAD"), []byte("POST"), []byte("PUT "), []byte("OPTI"), []byte("CONN"), []byte("PRI "),
}

// checkPlain is for ports where a client begins with its stream header.
func checkPlain(first []byte) error {
	if first[0] == tlsRecord {
		return &foreignError{tlsAlert}
	}
	return checkHTTP(first, "this port speaks XMPP (RFC 6120)\n")
}

// checkTLS is for ports where a client begins with TLS.
func checkTLS(first []byte) error {
	switch first[0] {
	case tlsRecord:
		return nil
	case '<', ' ', '\n', '\r', '\t', 0xef:
		b := xmlstream.Header{Version: "1.0", Content: xmlstream.NSClient}.Append(nil)
		e := Errorf(xmlstream.PolicyViolation, "this port speaks XMPP over TLS from the first byte")
		b = xmlstream.Append(b, e.Element(), xmlstream.Client)
		return &foreignError{append(b, xmlstream.StreamEnd...)}
	}
	if err := checkHTTP(first, "this port speaks XMPP over TLS\n"); err != nil {
		return err
	}
	return &foreignError{tlsAlert}
}

func checkHTTP(first []byte, text string) error {
	for _, verb := range httpVerbs {
		if bytes.HasPrefix(first, verb) {
			return &foreignError{[]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + text)}
		}
	}
	return nil
}
