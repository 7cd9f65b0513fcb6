package message

import (
	"bytes"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// AppendLive appends the bytes of an entry for stanza.Client as its addressee
// gets it: what Unpack says, with the stanza-id by own, the bare address of the
// account that has it in its log.
func AppendLive(dst []byte, e *im.Entry, from, to, own im.Addr) []byte {
	if out, ok := appendBare(dst, e, from, to, own); ok {
		return out
	}
	st := Unpack(e, from, to)
	AddStanzaID(st, own, e.Seq)
	return xmlstream.Append(dst, st, stanza.Client)
}

// appendBare is AppendLive without a tree, for a message that has nothing but a
// body and attributes that need no escaping. Elements are never copied as they
// are: a C-XX client may have written them.
func appendBare(dst []byte, e *im.Entry, from, to, own im.Addr) ([]byte, bool) {
	var r bareRoot
	if e.Kind != im.KindMessage || e.Text == "" || !r.read(e) {
		return dst, false
	}
	from.Resource, to.Resource = r.from, r.to
	for _, a := range [...]*im.Addr{&from, &to, &own} {
		if !verbatim(a.Local) || !verbatim(a.Domain) || !verbatim(a.Resource) {
			return dst, false
		}
	}
	dst = appendAddr(append(dst, "<message from='"...), from)
	dst = appendAddr(append(dst, "' to='"...), to)
	dst = append(append(dst, '\''), r.rest...)
	dst = xmlstream.AppendText(append(dst, "><body>"...), e.Text)
	dst = append(dst, "</body><stanza-id xmlns='"+stanza.NSSID+"' by='"...)
	dst = appendAddr(dst, own.Bare())
	dst = strconv.AppendUint(append(dst, "' id='"...), e.Seq, 10)
	return append(dst, "'/></message>"...), true
}

func appendAddr(dst []byte, a im.Addr) []byte {
	if a.Local != "" {
		dst = append(append(dst, a.Local...), '@')
	}
	dst = append(dst, a.Domain...)
	if a.Resource != "" {
		dst = append(append(dst, '/'), a.Resource...)
	}
	return dst
}

// bareRoot is a root without children as Pack writes it: f, t, and then rest,
// which is type and id.
type bareRoot struct {
	from, to string
	rest     []byte
}

func (r *bareRoot) read(e *im.Entry) bool {
	if len(e.Ext) == 0 {
		r.rest = append(append([]byte(" type='chat' id='"), coreID(e)...), '\'')
		return true
	}
	b, ok := bytes.CutPrefix(e.Ext, []byte("<message"))
	if !ok {
		return false
	}
	b, ok = bytes.CutSuffix(b, []byte("/>"))
	r.from, b = attr(b, "f")
	r.to, b = attr(b, "t")
	r.rest = b
	typ, b := attr(b, "type")
	_, b = attr(b, "id")
	return ok && isResource(r.from) && isResource(r.to) && len(b) == 0 && (typ == "chat" || typ == "normal" || typ == "")
}

// attr cuts an attribute from the beginning of b if it is there and needs no
// escaping.
func attr(b []byte, name string) (string, []byte) {
	rest, ok := bytes.CutPrefix(b, []byte(" "+name+"='"))
	end := bytes.IndexByte(rest, '\'')
	if !ok || end < 0 || !verbatim(string(rest[:end])) {
		return "", b
	}
	return string(rest[:end]), rest[end+1:]
}

// verbatim reports whether s is the same as an attribute value.
func verbatim(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
