package xmlstream

// build makes the tree of the records: one string holds the text of the whole
// unit, one slice each its elements, attributes and nodes.
func (w *work) build(raw []byte) *Element {
	t := arena{raw: int32(len(raw))}
	if len(w.side) == 0 {
		t.text = string(raw)
	} else {
		both := append(append(buffer(len(raw)+len(w.side)), raw...), w.side...)
		t.text = string(both)
		recycle(both)
	}
	spaces := w.spaces
	for i := range spaces {
		if s := &spaces[i]; s.at.n > 0 {
			s.text = t.cut(s.at)
		}
	}
	elements := make([]Element, len(w.elements))
	nodes := make([]Node, len(w.nodes))
	attrs := make([]Attr, len(w.attrs))
	for i := range w.attrs {
		a := &w.attrs[i]
		attrs[i] = Attr{spaces[a.space].text, t.cut(a.name.local()), t.cut(a.name.prefix()), t.cut(a.value)}
	}
	at := int32(0)
	for i := range w.elements {
		r, e := &w.elements[i], &elements[i]
		e.Space, e.Local, e.Prefix = spaces[r.space].text, t.cut(r.name.local()), t.cut(r.name.prefix())
		if r.nattrs > 0 {
			e.Attrs = attrs[r.attrs : r.attrs+r.nattrs : r.attrs+r.nattrs]
		}
		if r.nodes > 0 {
			e.Nodes = nodes[at : at : at+r.nodes]
			at += r.nodes
		}
	}
	for i := range w.nodes {
		r := &w.nodes[i]
		n := Node{}
		if r.element >= 0 {
			n.Element = &elements[r.element]
		} else {
			n.Text = t.cut(r.text)
		}
		parent := &elements[r.parent]
		parent.Nodes = append(parent.Nodes, n)
	}
	return &elements[0]
}

// arena is the text of a unit followed by its side bytes.
type arena struct {
	text string
	raw  int32
}

func (t arena) cut(sp span) string {
	at := sp.at
	if at < 0 {
		at = t.raw + ^at
	}
	return t.text[at : at+sp.n]
}
