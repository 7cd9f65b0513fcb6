package xmlstream

import "strings"

// Copy returns a tree that shares nothing with e, in as few allocations as a
// parsed one. Keep a copy of a part, not the part, when its stanza may go: a
// part holds the text of the whole stanza in memory.
func (e *Element) Copy() *Element {
	if e == nil {
		return nil
	}
	var c copier
	c.count(e)
	var b strings.Builder
	b.Grow(c.bytes)
	c.gather(&b, e)
	c.text = b.String()
	c.elements = make([]Element, 0, c.nelements)
	c.attrs = make([]Attr, 0, c.nattrs)
	c.nodes = make([]Node, 0, c.nnodes)
	return c.copy(e)
}

// copier puts a tree into slices that it has measured before. gather and copy
// visit the strings in the same order.
type copier struct {
	bytes, nelements, nattrs, nnodes int

	text     string
	elements []Element
	attrs    []Attr
	nodes    []Node
}

func (c *copier) count(e *Element) {
	c.nelements++
	c.nattrs += len(e.Attrs)
	c.nnodes += len(e.Nodes)
	c.bytes += len(e.Space) + len(e.Local) + len(e.Prefix)
	for _, a := range e.Attrs {
		c.bytes += len(a.Space) + len(a.Local) + len(a.Prefix) + len(a.Value)
	}
	for _, n := range e.Nodes {
		c.bytes += len(n.Text)
		if n.Element != nil {
			c.count(n.Element)
		}
	}
}

func (c *copier) gather(b *strings.Builder, e *Element) {
	b.WriteString(e.Space)
	b.WriteString(e.Local)
	b.WriteString(e.Prefix)
	for _, a := range e.Attrs {
		b.WriteString(a.Space)
		b.WriteString(a.Local)
		b.WriteString(a.Prefix)
		b.WriteString(a.Value)
	}
	for _, n := range e.Nodes {
		b.WriteString(n.Text)
		if n.Element != nil {
			c.gather(b, n.Element)
		}
	}
}

// take cuts the copy of s from the text.
func (c *copier) take(s string) string {
	t := c.text[:len(s)]
	c.text = c.text[len(s):]
	return t
}

func (c *copier) copy(e *Element) *Element {
	c.elements = append(c.elements, Element{Space: c.take(e.Space), Local: c.take(e.Local), Prefix: c.take(e.Prefix)})
	out := &c.elements[len(c.elements)-1]
	if n := len(e.Attrs); n > 0 {
		at := len(c.attrs)
		for _, a := range e.Attrs {
			c.attrs = append(c.attrs, Attr{c.take(a.Space), c.take(a.Local), c.take(a.Prefix), c.take(a.Value)})
		}
		out.Attrs = c.attrs[at : at+n : at+n]
	}
	if n := len(e.Nodes); n > 0 {
		at := len(c.nodes)
		c.nodes = c.nodes[:at+n]
		out.Nodes = c.nodes[at : at+n : at+n]
		for i, child := range e.Nodes {
			out.Nodes[i].Text = c.take(child.Text)
			if child.Element != nil {
				out.Nodes[i].Element = c.copy(child.Element)
			}
		}
	}
	return out
}
