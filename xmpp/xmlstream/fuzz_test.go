package xmlstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func seed(f *testing.F, add func(text string)) {
	for _, r := range rows(f, "nasty.txt") {
		add(header + r.text)
	}
	for _, r := range rows(f, "prolog.txt") {
		add(strings.ReplaceAll(r.text, "H", header))
	}
	for _, s := range []string{benchMessage, benchPresence, benchRoster()} {
		add(benchHeader + s + " " + s + "</stream:stream>")
	}
}

// tight limits let short inputs cross them.
var tight = Limits{Stanza: 256, Depth: 4, Attrs: 4, AttrValue: 24, Name: 12, Namespaces: 4, Nodes: 12}

// FuzzChunks: however the bytes are cut, the same events and the same error.
func FuzzChunks(f *testing.F) {
	seed(f, func(text string) { f.Add([]byte(text), []byte{1, 7, 2, 40}, false) })
	seed(f, func(text string) { f.Add([]byte(text), []byte{1}, true) })
	f.Fuzz(func(t *testing.T, data, sizes []byte, small bool) {
		limits := DefaultLimits()
		if small {
			limits = tight
		}
		one := listen(NewDecoder(limits), data, func() int { return len(data) })
		i := 0
		cut := listen(NewDecoder(limits), data, func() int {
			if len(sizes) == 0 {
				return 1
			}
			i++
			return int(sizes[i%len(sizes)])
		})
		if !reflect.DeepEqual(one.err, cut.err) || one.spaces != cut.spaces || !reflect.DeepEqual(one.events, cut.events) {
			t.Fatalf("%q\nwhole %+v %v\ncut   %+v %v", data, one, one.err, cut, cut.err)
		}
	})
}

// FuzzRoundTrip: what was read means the same after it was written.
func FuzzRoundTrip(f *testing.F) {
	seed(f, func(text string) { f.Add([]byte(strings.TrimPrefix(text, header))) })
	scopes := []Scope{Standalone, Client, Server}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, in := range scopes {
			e, err := Parse(data, in, DefaultLimits())
			if err != nil {
				continue
			}
			wide := DefaultLimits()
			wide.Stanza, wide.AttrValue, wide.Attrs, wide.Namespaces = 1<<30, 1<<20, 256, 256
			for _, out := range scopes {
				text := Append(nil, e, out)
				back, err := Parse(text, out, wide)
				if err != nil || !e.Equal(back) {
					t.Fatalf("%q became %q: %v", data, text, err)
				}
				if again := Append(nil, back, out); !bytes.Equal(again, text) {
					t.Fatalf("%q is not stable: %q", text, again)
				}
			}
			if c := e.Copy(); !reflect.DeepEqual(e, c) {
				t.Fatalf("copy of %q is %q", e, c)
			}
		}
	})
}

// lenient are the rules of ours that encoding/xml does not know. Whatever else
// we refuse, it has to refuse too.
var lenient = []string{
	errInstruction.reason, errMarkup.reason, // it reads them
	errDuplicate.reason, errUndeclared.reason, errXMLPrefix.reason, errXMLNSPrefix.reason, errUnbind.reason, // it goes less far into namespaces
	errColon.reason,                                             // it takes such a name as one without prefix
	errURI.reason,                                               // it takes any
	errName.reason,                                              // it does not look at the local part by itself
	errSpacing.reason,                                           // it does not ask for white space between attributes
	errCharRef.reason,                                           // it makes U+FFFD of surrogates
	errOutsideRoot.reason, errCData.reason, errNoElement.reason, // it knows no document, only tokens
}

// FuzzEncodingXML compares with encoding/xml: what we accept it accepts, with
// the same tree; what it accepts and we refuse is for a reason in lenient.
// Values are compared without regard to white space, which it does not
// normalise (XML 1.0 section 3.3.3).
func FuzzEncodingXML(f *testing.F) {
	seed(f, func(text string) { f.Add([]byte(strings.TrimPrefix(text, header))) })
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := DefaultLimits()
		limits.Depth, limits.Attrs, limits.Name, limits.Namespaces, limits.AttrValue, limits.Nodes = 1000, 1000, 10000, 1000, 1<<20, 1<<20
		ours, err := Parse(data, Standalone, limits)
		theirs, terr := standard(data)
		var e *Error
		switch {
		case err == nil && terr != nil:
			t.Fatalf("%q: encoding/xml says %v", data, terr)
		case err == nil && !loose(ours).Equal(loose(theirs)):
			t.Fatalf("%q: %s, encoding/xml %s", data, ours, theirs)
		case errors.As(err, &e) && terr == nil && !slices.Contains(lenient, e.Reason):
			t.Fatalf("%q: %v, encoding/xml accepts", data, err)
		}
	})
}

// standard reads one element by encoding/xml.
func standard(data []byte) (root *Element, err error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	var open []*Element
	for {
		token, err := d.Token()
		if err == io.EOF && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := New(token.Name.Space, token.Name.Local)
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
					e.Attrs = append(e.Attrs, Attr{Space: a.Name.Space, Local: a.Name.Local, Value: a.Value})
				}
			}
			if len(open) > 0 {
				open[len(open)-1].Add(e)
			} else if root == nil {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].AddText(string(token))
			}
		}
	}
}

// loose makes the white space of attribute values and namespaces spaces.
func loose(e *Element) *Element {
	plain := strings.NewReplacer("\t", " ", "\r", " ", "\n", " ").Replace
	c := e.Copy()
	c.Walk(func(e *Element) bool {
		e.Space = plain(e.Space)
		for i := range e.Attrs {
			e.Attrs[i].Value = plain(e.Attrs[i].Value)
			if e.Attrs[i].Space != NSXMLNS {
				e.Attrs[i].Space = plain(e.Attrs[i].Space)
			}
		}
		return true
	})
	return c
}
