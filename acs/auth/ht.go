package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

// The HT mechanisms (draft-schmaus-kitten-sasl-ht): the client proves with one
// message that it has a token.
const (
	htExporter  = "HT-SHA-256-EXPR"
	htServerEnd = "HT-SHA-256-ENDP"
	htNone      = "HT-SHA-256-NONE"

	htNameMax = 1023 // bytes, what a localpart or the bytes of an address may be
)

// htMessage is the client's message, taken apart.
type htMessage struct {
	name string
	mac  []byte
}

// parseHT reads name, zero byte, MAC.
func parseHT(in []byte) (htMessage, error) {
	name, mac, ok := bytes.Cut(in, []byte{0})
	switch {
	case !ok || len(name) == 0 || len(name) > 2*htNameMax || !utf8.Valid(name):
		return htMessage{}, im.Errorf(im.CodeMalformed, "the message is not a name, a zero byte and a MAC")
	case len(mac) != sha256.Size:
		return htMessage{}, im.Errorf(im.CodeMalformed, "the MAC has %d bytes; it must have %d", len(mac), sha256.Size)
	}
	return htMessage{string(name), mac}, nil
}

// htMAC is what a side sends to show that it has the token: who is "Initiator"
// or "Responder".
func htMAC(token, who string, binding []byte) []byte {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte(who))
	m.Write(binding)
	return m.Sum(nil)
}

// htBinding returns what a mechanism binds to. False: the mechanism is not
// possible on this channel.
func htBinding(mechanism string, cb im.ChannelBinding) ([]byte, bool) {
	switch mechanism {
	case htExporter:
		return cb.Exporter, len(cb.Exporter) > 0
	case htServerEnd:
		return cb.ServerEnd, len(cb.ServerEnd) > 0
	case htNone:
		return nil, true
	}
	return nil, false
}

// FastMechanisms implements im.Logins.
func (l *Logins) FastMechanisms(cb im.ChannelBinding) []string {
	var out []string
	for _, m := range []string{htExporter, htServerEnd, htNone} {
		if _, ok := htBinding(m, cb); ok {
			out = append(out, m)
		}
	}
	return out
}
