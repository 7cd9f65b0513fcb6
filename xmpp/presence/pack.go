package presence

import (
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// MaxExt is the most that extension elements of a presence may take: every node
// of the cell keeps them.
const MaxExt = 8 << 10

// Pack takes a presence stanza apart: its status and, serialised, all else that
// the core does not know. A status in another language stays among the rest.
func Pack(st *xmlstream.Element) (status, ext string, err error) {
	rest := st.Shallow()
	from, _ := im.ParseAddr(st.Attr("from"))
	taken := false
	rest.RemoveFunc(func(c *xmlstream.Element) bool {
		switch {
		case c.Is(stanza.NSClient, "show"), c.Is(stanza.NSClient, "priority"):
			return true
		case c.Is(stanza.NSDelay, "delay"):
			return ours(c.Attr("from"), from)
		case c.Is(stanza.NSClient, "status") && c.Lang() == "" && !taken:
			status, taken = c.Text(), true
			return true
		}
		return false
	})
	if !taken {
		status = st.ChildText(stanza.NSClient, "status")
	}
	for _, name := range []string{"from", "to", "type"} {
		rest.RemoveAttr("", name)
	}
	if rest.First() == nil && len(rest.Attrs) == 0 {
		return status, "", nil
	}
	rest.Nodes = elements(rest.Nodes)
	ext = string(stanza.Bytes(rest))
	if len(ext) > MaxExt {
		return "", "", stanza.Errorf(stanza.PolicyViolation, "the elements of a presence have at most "+strconv.Itoa(MaxExt)+" bytes")
	}
	return status, ext, nil
}

// ours reports whether a client claims what only its server may say of it: that
// the server held the stanza back (XEP-0203).
func ours(claimed string, sender im.Addr) bool {
	a, err := im.ParseAddr(claimed)
	return err != nil || a.Local == "" && a.Domain == sender.Domain || a == sender.Bare()
}

// elements leaves out the white space between children.
func elements(all []xmlstream.Node) []xmlstream.Node {
	out := make([]xmlstream.Node, 0, len(all))
	for _, n := range all {
		if n.Element != nil {
			out = append(out, n)
		}
	}
	return out
}

// Unpack puts together what Pack took apart. An ext that is no presence, as other
// protocols have, is left out.
func Unpack(status, ext, typ string, from, to im.Addr) *xmlstream.Element {
	st := stanza.New("presence", "")
	if ext != "" {
		if x, err := stanza.Parse([]byte(ext)); err == nil && x.Is(stanza.NSClient, "presence") {
			st = x
		}
	}
	head := []xmlstream.Attr{{Local: "from", Value: from.String()}, {Local: "to", Value: to.String()}}
	if typ != "" {
		head = append(head, xmlstream.Attr{Local: "type", Value: typ})
	}
	for _, name := range []string{"from", "to", "type"} {
		st.RemoveAttr("", name)
	}
	st.Attrs = append(head, st.Attrs...)
	if status == "" || said(st, status) {
		return st
	}
	return prepend(st, xmlstream.NewText(stanza.NSClient, "status", status))
}

func said(st *xmlstream.Element, status string) bool {
	for c := range st.Children() {
		if c.Is(stanza.NSClient, "status") && c.Text() == status {
			return true
		}
	}
	return false
}

func prepend(st *xmlstream.Element, children ...*xmlstream.Element) *xmlstream.Element {
	rest := st.Nodes
	st.Nodes = nil
	st.Add(children...)
	st.Nodes = append(st.Nodes, rest...)
	return st
}
