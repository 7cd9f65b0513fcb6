package disco

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Algorithm of the server's own verification string, which all must know (XEP-0115
// section 9.1).
const algorithm = "sha-1"

// sums has the hash functions that are understood (section 8.1).
var sums = map[string]func([]byte) []byte{
	"sha-1":   func(b []byte) []byte { s := sha1.Sum(b); return s[:] },
	"sha-256": func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
	"sha-512": func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
}

// Verify computes the verification string of a disco#info result by a hash function
// (section 5.1). ok is false for a function that is not known and for an ill-formed
// result (section 5.4).
func Verify(query *xmlstream.Element, hash string) (ver string, ok bool) {
	sum := sums[hash]
	if sum == nil {
		return "", false
	}
	s, ok := source(query)
	if !ok {
		return "", false
	}
	return base64.StdEncoding.EncodeToString(sum([]byte(s))), true
}

// source returns the string that is hashed.
func source(query *xmlstream.Element) (string, bool) {
	var identities, features []string
	forms := map[string][]string{}
	for c := range query.Children() {
		switch {
		case c.Is(stanza.NSInfo, "identity"):
			identities = append(identities, c.Attr("category")+"/"+c.Attr("type")+"/"+c.Lang()+"/"+c.Attr("name"))
		case c.Is(stanza.NSInfo, "feature"):
			features = append(features, c.Attr("var"))
		case c.Is(stanza.NSData, "x"):
			about, parts, ok := formSource(c)
			if _, twice := forms[about]; !ok || twice {
				return "", false
			}
			if about != "" {
				forms[about] = parts
			}
		}
	}
	for _, list := range [][]string{identities, features} {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			return "", false
		}
	}
	parts := slices.Concat(identities, features)
	abouts := make([]string, 0, len(forms))
	for about := range forms {
		abouts = append(abouts, about)
	}
	slices.Sort(abouts)
	for _, about := range abouts {
		parts = append(parts, forms[about]...)
	}
	return joined(parts)
}

// joined ends each part by the mark of section 5.1. A part that holds the mark
// could stand for other parts, and another client's capabilities be forged.
func joined(parts []string) (string, bool) {
	var b strings.Builder
	for _, p := range parts {
		if strings.Contains(p, "<") {
			return "", false
		}
		b.WriteString(p)
		b.WriteByte('<')
	}
	return b.String(), true
}

// formSource returns what a form is about and its parts. A form that does not say
// so in a hidden field does not count: about is empty.
func formSource(x *xmlstream.Element) (about string, parts []string, ok bool) {
	f, err := form.Parse(x)
	if err != nil {
		return "", nil, false
	}
	t := f.Field("FORM_TYPE")
	if t == nil || t.Type != form.Hidden || len(t.Values) == 0 {
		return "", nil, true
	}
	for _, v := range t.Values {
		if v != t.Values[0] {
			return "", nil, false
		}
	}
	fields := slices.Clone(f.Fields)
	slices.SortStableFunc(fields, func(a, b form.Field) int { return strings.Compare(a.Var, b.Var) })
	parts = append(parts, t.Values[0])
	for _, x := range fields {
		if x.Var == "FORM_TYPE" {
			continue
		}
		values := slices.Sorted(slices.Values(x.Values))
		parts = append(append(parts, x.Var), values...)
	}
	return t.Values[0], parts, true
}

// Caps returns the capabilities of the server for the features of a stream (section
// 6.3). Call it when all is registered.
func (d *Disco) Caps() *xmlstream.Element { return d.caps().Copy() }

func (d *Disco) makeCaps() *xmlstream.Element {
	ver, _ := Verify(d.of(iq.Server).Element(""), algorithm)
	return xmlstream.New(stanza.NSCaps, "c").SetAttr("hash", algorithm).SetAttr("node", d.opt.Node).SetAttr("ver", ver)
}
