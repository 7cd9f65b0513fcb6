package sasl

import (
	"encoding/base64"
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// profile is what differs between RFC 6120 and XEP-0388 in the elements.
type profile struct {
	space string
	start string // the element that begins an exchange
	two   bool   // XEP-0388
}

var (
	rfc6120 = &profile{NS, "auth", false}
	sasl2   = &profile{NS2, "authenticate", true}
)

func profileOf(e *xmlstream.Element) *profile {
	if e.Space == NS2 {
		return sasl2
	}
	return rfc6120
}

// initial returns the initial response; given: there is one, however empty.
func (p *profile) initial(e *xmlstream.Element) (data []byte, given bool, why Condition) {
	if p.two {
		r := e.Child(NS2, "initial-response")
		if r == nil {
			return nil, false, ""
		}
		data, why = p.data(r)
		return data, true, why
	}
	data, why = p.data(e)
	return data, why != "" || e.Text() != "", why
}

// data decodes what e holds. RFC 6120 writes "=" for data that is empty, where
// nothing would mean that there is no data (section 6.4.2).
func (p *profile) data(e *xmlstream.Element) ([]byte, Condition) {
	if e.First() != nil {
		return nil, MalformedRequest
	}
	text := e.Text()
	switch {
	case p.two: // white space is a bad habit, but the examples of XEP-0388 have it
		text = strings.Trim(text, " \t\r\n")
	case text == "=":
		return nil, ""
	}
	data, ok := decode(text)
	if !ok {
		return nil, IncorrectEncoding
	}
	return data, ""
}

var encoding = base64.StdEncoding.Strict()

// decode reads base64 as RFC 6120 section 13.9.1 wants it: nothing but the
// alphabet, padded, no bits left over.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") { // the library skips them
		return nil, false
	}
	data, err := encoding.DecodeString(s)
	return data, err == nil
}

// challenge asks the client for its next message.
func (p *profile) challenge(data []byte) *xmlstream.Element {
	return xmlstream.NewText(p.space, "challenge", encoding.EncodeToString(data))
}

// success is the end of an exchange of RFC 6120; that of XEP-0388 is
// Login.Success.
func success(data []byte) *xmlstream.Element {
	return xmlstream.NewText(NS, "success", encoding.EncodeToString(data))
}
