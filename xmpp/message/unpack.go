package message

import (
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Unpack turns an entry of kind message, note or read mark into the stanza that
// its addressee sees. from and to are the bare addresses of the two sides; their
// resources come out of the entry. It has no stanza-id and no delay. What a C-XX
// client has sent is a chat with a body; its read marks have no element that
// says so, see Marker.
func Unpack(e *im.Entry, from, to im.Addr) *xmlstream.Element {
	root := parse(e.Ext)
	if root == nil {
		st := xmlstream.New(stanza.NSClient, "message").SetAttr("from", from.String()).SetAttr("to", to.String())
		st.SetAttr("type", "chat").SetAttr("id", coreID(e))
		if e.Kind == im.KindMessage && e.Text != "" {
			st.Add(xmlstream.NewText(stanza.NSClient, "body", e.Text))
		}
		return st
	}
	from.Resource, to.Resource = resource(root.Attr("f")), resource(root.Attr("t"))
	lang := root.Attr("l")
	attrs := make([]xmlstream.Attr, 0, len(root.Attrs)+2)
	attrs = append(attrs, xmlstream.Attr{Local: "from", Value: from.String()}, xmlstream.Attr{Local: "to", Value: to.String()})
	for _, a := range root.Attrs {
		if !rewritten(a) {
			attrs = append(attrs, a)
		}
	}
	guard{from.Bare(), to.Domain}.clean(root) // a C-XX client may have written it
	nodes := make([]xmlstream.Node, 0, len(root.Nodes)+3)
	if e.Kind == im.KindMessage && e.Text != "" {
		body := xmlstream.NewText(stanza.NSClient, "body", e.Text).SetLang(lang)
		nodes = append(nodes, xmlstream.Node{Element: body})
	}
	root.Attrs, root.Nodes = attrs, append(nodes, root.Nodes...)
	return root
}

// resource is a resource as an address can have it, empty when it cannot: a C-XX
// client may have written anything, and clients end their streams for an address
// that is none.
func resource(s string) string {
	if s == "" || isResource(s) {
		return s
	}
	if p, err := im.PrepareResource(s); err != nil || p != s {
		return ""
	}
	return s
}

// longest is the most bytes of a resource (RFC 7622 section 3.4).
const longest = 1023

func isResource(s string) bool { return len(s) <= longest && verbatim(s) }

// ID returns the id attribute by which XMPP clients know an entry: the sender's;
// for a message of a C-XX client its number. An XMPP client may have sent none.
func ID(e *im.Entry) string {
	if h, ok := headOf(e.Ext); ok {
		return h.id
	}
	return coreID(e)
}

// Resources returns the resources that the sender of an entry had and addressed;
// "" for a C-XX client, and for all.
func Resources(e *im.Entry) (from, to string) {
	h, _ := headOf(e.Ext)
	return h.from, h.to
}

func coreID(e *im.Entry) string { return e.MsgID.String() }

// AddStanzaID says under which id an account has a message in its archive
// (XEP-0359 section 2.1, XEP-0313 section 3.5).
func AddStanzaID(st *xmlstream.Element, by im.Addr, seq uint64) {
	id := st.AddNew(stanza.NSSID, "stanza-id")
	id.Attrs = []xmlstream.Attr{{Local: "by", Value: by.Bare().String()}, {Local: "id", Value: strconv.FormatUint(seq, 10)}}
}
