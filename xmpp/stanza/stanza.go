// Package stanza has what all packages of the XMPP edge need to speak of
// stanzas: namespaces, replies, stanza errors (RFC 6120 section 8), and the one
// table from im.ErrorCode to XMPP conditions.
//
// It leaves parsing to xmlstream, iq dispatch to package iq, and every rule to
// the core. All functions may be called from any goroutine.
package stanza

import (
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Client is the scope that stanzas are queued, cached and sent between nodes in:
// within jabber:client, nothing else declared, so that the bytes stand on every
// transport.
var Client = xmlstream.Scope{Default: NSClient}

// Bytes renders a stanza for Client.
func Bytes(st *xmlstream.Element) []byte { return xmlstream.Append(nil, st, Client) }

// written are the limits for what was within those of a stream when it came: it
// may be longer in the form that we write, with quotes and brackets escaped.
var written = func() xmlstream.Limits {
	l := xmlstream.DefaultLimits()
	l.Stanza, l.AttrValue = 8*l.Stanza, 8*l.AttrValue
	l.Attrs, l.Namespaces, l.Depth = l.Attrs+8, 4*l.Namespaces, l.Depth+2
	return l
}()

// Parse reads what Bytes wrote.
func Parse(data []byte) (*xmlstream.Element, error) { return xmlstream.Parse(data, Client, written) }

// New returns a stanza of the content namespace: "message", "presence" or "iq".
func New(name, typ string) *xmlstream.Element {
	return xmlstream.New(NSClient, name).OptAttr("type", typ)
}

// Result returns the result of a request with an optional payload (RFC 6120
// section 8.2.3). Addresses are swapped; the id is kept.
func Result(request, payload *xmlstream.Element) *xmlstream.Element {
	return answer(request, "result").Add(payload)
}

// answer returns a stanza of the same kind on its way back.
func answer(request *xmlstream.Element, typ string) *xmlstream.Element {
	return New(request.Local, typ).
		OptAttr("from", request.Attr("to")).
		OptAttr("to", request.Attr("from")).
		OptAttr("id", request.Attr("id"))
}

// IsStanza reports whether e is a message, presence or iq of a client stream.
func IsStanza(e *xmlstream.Element) bool {
	return e.Space == NSClient && (e.Local == "message" || e.Local == "presence" || e.Local == "iq")
}
