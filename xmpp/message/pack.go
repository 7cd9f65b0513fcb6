package message

import (
	"crypto/sha256"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// private are the attributes of the root that are ours.
var private = [...]string{"f", "t", "l"}

// minOrigin is how long an origin-id has to be to be taken for unique (contract
// 1.5).
const minOrigin = 16

// Pack turns a clean stanza of sort Text, Note or Displayed into what the core
// logs. from is the sender's full address, to as addressed. ClientID is set when
// the stanza has an origin-id of 16 characters or more (contract 1.5).
func Pack(st *xmlstream.Element, from, to im.Addr) (im.Outgoing, error) {
	if !st.Is(stanza.NSClient, "message") {
		return im.Outgoing{}, im.Errorf(im.CodeInvalid, "a %s is no message", st.Local)
	}
	body := bodyOf(st)
	out := im.Outgoing{ClientID: clientID(st), Text: body.Text(), Note: body == nil, Same: whatever}
	root := xmlstream.New(stanza.NSClient, "message")
	root.Attrs = make([]xmlstream.Attr, 0, len(st.Attrs)+len(private))
	root.Attrs = ours(root.Attrs, "f", from.Resource)
	root.Attrs = ours(root.Attrs, "t", to.Resource)
	if body.Lang() != st.Lang() {
		root.Attrs = ours(root.Attrs, "l", body.Lang())
	}
	for _, a := range st.Attrs {
		if !rewritten(a) {
			root.Attrs = append(root.Attrs, a)
		}
	}
	for c := range st.Children() {
		if c != body {
			root.Add(c)
		}
	}
	if body != nil && len(root.Nodes) == 0 && len(root.Attrs) == 1 && root.Attr("type") == "chat" {
		return out, nil // what an entry without any elements reads as
	}
	out.Ext = stanza.Bytes(root)
	if out.Note {
		out.Same = sameNote(root)
	}
	return out, nil
}

// whatever is for messages with a body, of which that alone counts (contract 1.5):
// who sends one again may have another resource by now, or another language.
func whatever([]byte) bool { return true }

// sameNote compares what has no body by its elements.
func sameNote(root *xmlstream.Element) func([]byte) bool {
	return func(ext []byte) bool {
		first := parse(ext)
		return first != nil && first.Attr("type") == root.Attr("type") && first.Attr("t") == root.Attr("t") &&
			slices.EqualFunc(said(first), said(root), (*xmlstream.Element).Equal)
	}
}

// said are the elements of a stanza but for those that say how it came: a client
// that sends one late may say so (XEP-0203).
func said(root *xmlstream.Element) []*xmlstream.Element {
	return slices.DeleteFunc(slices.Collect(root.Children()), func(c *xmlstream.Element) bool { return c.Space == stanza.NSDelay })
}

func ours(attrs []xmlstream.Attr, local, value string) []xmlstream.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, xmlstream.Attr{Local: local, Value: value})
}

// rewritten reports whether an attribute of the root is set anew on the way.
func rewritten(a xmlstream.Attr) bool {
	return a.Space == "" && (a.Local == "from" || a.Local == "to" || slices.Contains(private[:], a.Local))
}

// clientID makes the core's key against duplicates out of the origin-id
// (XEP-0359 section 2.2).
func clientID(st *xmlstream.Element) (c im.ClientID) {
	id := st.Child(stanza.NSSID, "origin-id").Attr("id")
	if len(id) < minOrigin {
		return c
	}
	sum := sha256.Sum256([]byte("origin-id " + id))
	copy(c[:], sum[:])
	return c
}
