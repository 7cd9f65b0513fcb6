package vcard

import (
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsPhoto = "vcard-temp:x:update" // XEP-0153

// Stamp puts the hash of the user's photo into a presence of his client, broadcast
// or directed, before others get it (XEP-0398 section 5). What is unavailable or
// says that there is no photo stays as it is. hash is empty without a photo.
func Stamp(st *xmlstream.Element, hash string) {
	if st.Attr("type") != "" || hash == "" {
		return
	}
	x := st.Child(nsPhoto, "x")
	if photo := x.Child(nsPhoto, "photo"); photo != nil && strings.TrimSpace(photo.Text()) == "" {
		return
	}
	st.Remove(nsPhoto, "x")
	st.AddNew(nsPhoto, "x").Add(xmlstream.NewText(nsPhoto, "photo", hash))
}
