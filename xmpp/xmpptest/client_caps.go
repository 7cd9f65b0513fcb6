package xmpptest

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// capsNode names the program that Caps and Info speak for.
const capsNode = "https://test.invalid"

// Caps is what a client with these features puts into its presence (XEP-0115).
func Caps(features ...string) string {
	return "<c xmlns='" + stanza.NSCaps + "' hash='sha-1' node='" + capsNode + "' ver='" + capsVer(features) + "'/>"
}

// Info is what such a client answers to service discovery.
func Info(node string, features ...string) *xmlstream.Element {
	q := xmlstream.New(stanza.NSInfo, "query").OptAttr("node", node)
	q.AddNew(stanza.NSInfo, "identity").SetAttr("category", "client").SetAttr("type", "pc")
	for _, f := range features {
		q.AddNew(stanza.NSInfo, "feature").SetAttr("var", f)
	}
	return q
}

// capsVer is the verification string of section 5.1.
func capsVer(features []string) string {
	s := "client/pc//<"
	for _, f := range slices.Sorted(slices.Values(features)) {
		s += f + "<"
	}
	sum := sha1.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
