package stream

import (
	"bytes"
	"encoding/binary"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// nsFraming qualifies open and close (RFC 7395 section 3.3.2).
const nsFraming = "urn:ietf:params:xml:ns:xmpp-framing"

const xmlnsClient = " xmlns='" + xmlstream.NSClient + "'"

// asWS writes a stream as messages of WebSocket, one element each (RFC 7395
// section 3.3.3).
type asWS struct{}

func (asWS) header(dst []byte, h xmlstream.Header) []byte {
	e := xmlstream.New(nsFraming, "open").OptAttr("from", h.From).OptAttr("to", h.To).OptAttr("id", h.ID).
		OptAttr("version", h.Version).SetLang(h.Lang)
	return appendMessage(dst, xmlstream.Append(nil, e, xmlstream.Standalone))
}

func (asWS) stanza(dst, st []byte) []byte {
	head, tail, ok := standing(st)
	if !ok {
		return appendMessage(dst, st)
	}
	dst = appendHead(dst, ws.OpText, len(st)+len(xmlnsClient))
	dst = append(dst, head...)
	dst = append(dst, xmlnsClient...)
	return append(dst, tail...)
}

func (asWS) end(dst []byte) []byte {
	return appendMessage(dst, []byte("<close xmlns='"+nsFraming+"'/>"))
}

// standing cuts an element, as stanza.Client has it, where its default
// namespace has to be declared so that it stands alone; false: it declares one.
func standing(st []byte) (head, tail []byte, needs bool) {
	name := bytes.IndexAny(st, " />")
	if name < 1 {
		return st, nil, false // no element
	}
	// Declarations come before other attributes, that of the default first.
	if bytes.HasPrefix(st[name:], []byte(" xmlns=")) {
		return st, nil, false
	}
	for at := name; at < len(st); {
		switch st[at] {
		case '>':
			return st[:name], st[name:], true
		case '\'', '"':
			end := bytes.IndexByte(st[at+1:], st[at])
			if end < 0 {
				return st, nil, false
			}
			at += end + 2
		case ' ':
			if bytes.HasPrefix(st[at:], []byte(" xmlns=")) {
				return st, nil, false
			}
			at++
		default:
			at++
		}
	}
	return st, nil, false
}

// appendStanding appends an element so that it stands outside of jabber:client.
func appendStanding(dst, st []byte) []byte {
	head, tail, ok := standing(st)
	dst = append(dst, head...)
	if ok {
		dst = append(dst, xmlnsClient...)
	}
	return append(dst, tail...)
}

func appendMessage(dst, text []byte) []byte {
	return append(appendHead(dst, ws.OpText, len(text)), text...)
}

// appendHead appends the header of an unmasked frame (RFC 6455 section 5.2).
func appendHead(dst []byte, op ws.OpCode, n int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

func appendControl(dst []byte, op ws.OpCode, payload []byte) []byte {
	return append(appendHead(dst, op, len(payload)), payload...)
}
