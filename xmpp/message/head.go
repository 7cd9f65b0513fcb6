package message

import (
	"bytes"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// head is the root's attributes that decide about an entry.
type head struct {
	from, to string // resources
	typ, id  string
}

// parse reads the elements of an entry; nil when they are none of XMPP's.
func parse(ext []byte) *xmlstream.Element {
	if !isStanza(ext) {
		return nil
	}
	root, err := stanza.Parse(ext)
	if err != nil || !root.Is(stanza.NSClient, "message") {
		return nil
	}
	switch root.Attr("type") {
	case "groupchat", "error", "headline": // never logged
		return nil
	}
	return root
}

func isStanza(ext []byte) bool {
	const open = "<message"
	return len(ext) > len(open) && string(ext[:len(open)]) == open && bytes.IndexByte([]byte(" />"), ext[len(open)]) >= 0
}

// headOf reads only the start tag where that is as we write it. False: the
// elements are none of XMPP's.
func headOf(ext []byte) (h head, ok bool) {
	if !isStanza(ext) {
		return h, false
	}
	if h.scan(ext[len("<message"):]) {
		return h, true
	}
	root := parse(ext)
	return head{root.Attr("f"), root.Attr("t"), root.Attr("type"), root.Attr("id")}, root != nil
}

// scan reads attributes in single quotes up to the end of the tag; false: it is
// better read by the parser.
func (h *head) scan(b []byte) bool {
	for len(b) > 0 && b[0] == ' ' {
		name, rest, ok := bytes.Cut(b[1:], []byte("='"))
		end := bytes.IndexByte(rest, '\'')
		if !ok || end < 0 || bytes.ContainsAny(name, " '\"<>&=/\t\r\n") {
			return false
		}
		value := rest[:end]
		if bytes.ContainsAny(value, "&<\t\r\n") {
			return false
		}
		switch string(name) {
		case "f":
			h.from = string(value)
		case "t":
			h.to = string(value)
		case "type":
			h.typ = string(value)
		case "id":
			h.id = string(value)
		}
		b = rest[end+1:]
	}
	switch h.typ {
	case "groupchat", "error", "headline":
		return false
	}
	return len(b) > 0 && (b[0] == '>' || b[0] == '/')
}
