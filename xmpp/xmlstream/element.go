package xmlstream

import (
	"iter"
	"slices"
	"strings"
)

// Element is a node of the tree. Prefix is how the name was written, a wish
// that Append follows where it can; Space and Local are what it means.
//
// A tree is not guarded: whoever holds it may change it, and from the moment
// that two goroutines hold it nobody may. Children are shared, not copied,
// when a tree is put together; Copy cuts it loose.
type Element struct {
	Space  string // "" for no namespace
	Local  string
	Prefix string
	Attrs  []Attr
	Nodes  []Node
}

// Attr is an attribute. One without prefix is in no namespace. Declarations of
// prefixes are attributes in NSXMLNS, kept because values may use the prefix.
type Attr struct {
	Space, Local, Prefix string
	Value                string
}

// Node is a child: an element, or text when Element is nil.
type Node struct {
	Element *Element
	Text    string
}

// Is reports whether e has this name. A nil element has none.
func (e *Element) Is(space, local string) bool {
	return e != nil && e.Local == local && e.Space == space
}

// Attr returns the value of an attribute without namespace, "" when absent.
func (e *Element) Attr(local string) string {
	v, _ := e.LookupAttr("", local)
	return v
}

// LookupAttr returns the value of an attribute and whether it is there.
func (e *Element) LookupAttr(space, local string) (string, bool) {
	if e == nil {
		return "", false
	}
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Local == local && a.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// Lang returns the xml:lang of e itself, "" when absent.
func (e *Element) Lang() string {
	v, _ := e.LookupAttr(NSXML, "lang")
	return v
}

// Child returns the first child of this name, nil when there is none. On a nil
// element it returns nil, so that calls can follow each other.
func (e *Element) Child(space, local string) *Element {
	if e == nil {
		return nil
	}
	for i := range e.Nodes {
		if c := e.Nodes[i].Element; c.Is(space, local) {
			return c
		}
	}
	return nil
}

// First returns the first child element, nil when there is none.
func (e *Element) First() *Element {
	for c := range e.Children() {
		return c
	}
	return nil
}

// Children ranges over the child elements.
func (e *Element) Children() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for i := range e.Nodes {
			if c := e.Nodes[i].Element; c != nil && !yield(c) {
				return
			}
		}
	}
}

// Text returns the text directly within e.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	if len(e.Nodes) == 1 {
		return e.Nodes[0].Text
	}
	var b strings.Builder
	for i := range e.Nodes {
		b.WriteString(e.Nodes[i].Text)
	}
	return b.String()
}

// ChildText returns the text of the first child of this name, "" without one.
func (e *Element) ChildText(space, local string) string { return e.Child(space, local).Text() }

// Walk visits e and all below it in document order until visit returns false.
func (e *Element) Walk(visit func(*Element) bool) bool {
	if e == nil {
		return true
	}
	if !visit(e) {
		return false
	}
	for c := range e.Children() {
		if !c.Walk(visit) {
			return false
		}
	}
	return true
}

// Equal reports whether two trees mean the same: names, attributes in order,
// text. Prefixes and declarations do not count.
func (e *Element) Equal(o *Element) bool {
	if e == nil || o == nil {
		return e == o
	}
	return e.Is(o.Space, o.Local) &&
		slices.EqualFunc(meant(e.Attrs), meant(o.Attrs), func(a, b Attr) bool {
			return a.Space == b.Space && a.Local == b.Local && a.Value == b.Value
		}) &&
		slices.EqualFunc(joined(e.Nodes), joined(o.Nodes), func(a, b Node) bool {
			return a.Text == b.Text && a.Element.Equal(b.Element)
		})
}

func meant(all []Attr) []Attr {
	return slices.DeleteFunc(slices.Clone(all), func(a Attr) bool { return a.Space == NSXMLNS })
}

// joined returns the nodes with neighbouring texts as one and no empty ones.
func joined(all []Node) (out []Node) {
	for _, n := range all {
		last := len(out) - 1
		switch {
		case n.Element == nil && n.Text == "":
		case n.Element == nil && last >= 0 && out[last].Element == nil:
			out[last].Text += n.Text
		default:
			out = append(out, n)
		}
	}
	return out
}

// String renders e on its own, for logs of tests and for failures.
func (e *Element) String() string { return string(Append(nil, e, Standalone)) }
