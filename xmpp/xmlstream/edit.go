package xmlstream

import "slices"

// New returns an element without attributes and children. The elements of
// NSStreams get the prefix that clients expect them to have.
func New(space, local string) *Element {
	e := &Element{Space: space, Local: local}
	if space == NSStreams {
		e.Prefix = "stream"
	}
	return e
}

// NewText returns an element that holds only text.
func NewText(space, local, text string) *Element {
	return New(space, local).AddText(text)
}

// SetAttr sets an attribute without namespace and returns e.
func (e *Element) SetAttr(local, value string) *Element {
	return e.SetAttrNS("", local, value)
}

// SetAttrNS sets an attribute and returns e.
func (e *Element) SetAttrNS(space, local, value string) *Element {
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Local == local && a.Space == space {
			a.Value = value
			return e
		}
	}
	e.Attrs = append(e.Attrs, Attr{Space: space, Local: local, Value: value})
	return e
}

// OptAttr sets an attribute without namespace unless value is empty.
func (e *Element) OptAttr(local, value string) *Element {
	if value == "" {
		return e
	}
	return e.SetAttr(local, value)
}

// SetLang sets xml:lang, or removes it when tag is empty, and returns e.
func (e *Element) SetLang(tag string) *Element {
	if tag == "" {
		return e.RemoveAttr(NSXML, "lang")
	}
	return e.SetAttrNS(NSXML, "lang", tag)
}

// RemoveAttr removes an attribute and returns e.
func (e *Element) RemoveAttr(space, local string) *Element {
	e.Attrs = slices.DeleteFunc(e.Attrs, func(a Attr) bool { return a.Local == local && a.Space == space })
	return e
}

// Add appends children, nil ones left out, and returns e.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.Nodes = append(e.Nodes, Node{Element: c})
		}
	}
	return e
}

// AddText appends text, unless it is empty, and returns e.
func (e *Element) AddText(text string) *Element {
	if text != "" {
		e.Nodes = append(e.Nodes, Node{Text: text})
	}
	return e
}

// AddNew appends a new child and returns the child.
func (e *Element) AddNew(space, local string) *Element {
	c := New(space, local)
	e.Add(c)
	return c
}

// Remove removes the children of this name and returns how many there were.
func (e *Element) Remove(space, local string) int {
	return e.RemoveFunc(func(c *Element) bool { return c.Is(space, local) })
}

// RemoveSpace removes the children of a namespace and returns how many there
// were, such as what a client forged in a namespace of ours.
func (e *Element) RemoveSpace(space string) int {
	return e.RemoveFunc(func(c *Element) bool { return c.Space == space })
}

// RemoveFunc removes the child elements for which drop is true and returns how
// many there were. Nothing below the children is looked at.
func (e *Element) RemoveFunc(drop func(*Element) bool) int {
	before := len(e.Nodes)
	e.Nodes = slices.DeleteFunc(e.Nodes, func(n Node) bool { return n.Element != nil && drop(n.Element) })
	return before - len(e.Nodes)
}

// Shallow returns a copy of e whose attribute and child lists can be changed
// without changing e; the children themselves are the same.
func (e *Element) Shallow() *Element {
	c := *e
	c.Attrs = slices.Clone(e.Attrs)
	c.Nodes = slices.Clone(e.Nodes)
	return &c
}
