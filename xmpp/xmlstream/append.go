package xmlstream

// Append appends e as it is written within the scope. Prefixes are kept where
// that declares no more than is needed; a name in the default namespace goes
// without. The result is well-formed whatever e holds: an element or attribute
// whose name is no name, and the second attribute of a name, are left out.
func Append(dst []byte, e *Element, in Scope) []byte {
	w := writer{dst: dst, around: in.Prefixes}
	w.element(e, in.Default)
	return w.dst
}

type writer struct {
	dst    []byte
	around []Binding // what the scope brought
	binds  []Binding // what open elements declare, the innermost last
}

// element writes e where fallback is the default namespace.
func (w *writer) element(e *Element, fallback string) {
	if e == nil || !isNCName(e.Local) {
		return
	}
	mine := len(w.binds)
	special := w.declare(e, mine)
	inner := fallback
	prefix, ok := w.elementPrefix(e, fallback, mine)
	if !ok {
		inner = e.Space
	}
	w.dst = append(w.dst, '<')
	start := len(w.dst)
	w.name(prefix, e.Local)
	end := len(w.dst)
	if special {
		w.attrPrefixes(e, mine)
	}
	if !ok {
		w.dst = append(w.dst, " xmlns="...)
		w.dst = appendValue(w.dst, inner)
	}
	for _, b := range w.binds[mine:] {
		w.dst = append(w.dst, " xmlns:"...)
		w.dst = append(w.dst, b.Prefix...)
		w.dst = append(w.dst, '=')
		w.dst = appendValue(w.dst, b.Space)
	}
	w.attrs(e)
	if w.children(e, inner) {
		w.dst = append(w.dst, "</"...)
		w.dst = append(w.dst, w.dst[start:end]...)
		w.dst = append(w.dst, '>')
	}
	w.binds = w.binds[:mine]
}

// children ends the start tag and writes what is inside; false: nothing is,
// and the element is complete.
func (w *writer) children(e *Element, inner string) bool {
	start := len(w.dst)
	w.dst = append(w.dst, '>')
	for i := range e.Nodes {
		if n := &e.Nodes[i]; n.Element != nil {
			w.element(n.Element, inner)
		} else {
			w.dst = AppendText(w.dst, n.Text)
		}
	}
	if len(w.dst) > start+1 {
		return true
	}
	w.dst = append(w.dst[:start], "/>"...)
	return false
}

func (w *writer) name(prefix, local string) {
	if prefix != "" {
		w.dst = append(w.dst, prefix...)
		w.dst = append(w.dst, ':')
	}
	w.dst = append(w.dst, local...)
}

func (w *writer) attrs(e *Element) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Space == NSXMLNS || !isNCName(a.Local) || a.Space == "" && a.Local == "xmlns" || given(e.Attrs[:i], a) {
			continue
		}
		w.dst = append(w.dst, ' ')
		if a.Space == "" {
			w.name("", a.Local)
		} else {
			w.name(w.prefixFor(a.Space, a.Prefix), a.Local)
		}
		w.dst = append(w.dst, '=')
		w.dst = appendValue(w.dst, a.Value)
	}
}

func given(earlier []Attr, a *Attr) bool {
	for i := range earlier {
		if b := &earlier[i]; b.Local == a.Local && b.Space == a.Space {
			return true
		}
	}
	return false
}
