package xmlstream

import "bytes"

// resolve gives the element opened last and its attributes their namespaces
// (Namespaces in XML 1.0). Declarations come first, wherever they stand.
func (d *Decoder) resolve() *fault {
	w := d.work
	e := &w.elements[len(w.elements)-1]
	if f := d.declare(e); f != nil {
		return f
	}
	if e.space = e.fallback; e.name.colon > 0 {
		space, f := d.lookup(d.raw(e.name.prefix()))
		if f == nil && space == xmlnsSpace {
			f = errXMLNSPrefix
		}
		if f != nil {
			return f
		}
		e.space = space
	}
	attrs := w.attrs[e.attrs:]
	for i := range attrs {
		a := &attrs[i]
		if a.name.colon > 0 {
			space, f := d.lookup(d.raw(a.name.prefix()))
			if f != nil {
				return f
			}
			a.space = space
		}
		if d.given(attrs[:i], a) {
			return errDuplicate
		}
	}
	return nil
}

// given reports whether an earlier attribute has the name of a, written alike
// or not (Namespaces in XML section 6.3).
func (d *Decoder) given(earlier []attrRec, a *attrRec) bool {
	local := a.name.local()
	for i := range earlier {
		b := &earlier[i]
		other := b.name.local()
		if local.n == other.n && bytes.Equal(d.raw(local), d.raw(other)) && d.sameSpace(a.space, b.space) {
			return true
		}
	}
	return false
}

func (d *Decoder) sameSpace(a, b int32) bool {
	return a == b || string(d.space(a)) == string(d.space(b))
}

// space returns the name of a namespace.
func (d *Decoder) space(id int32) []byte {
	s := &d.work.spaces[id]
	if s.at.n == 0 {
		return []byte(s.text)
	}
	return d.bytes(s.at)
}

// declare reads the declarations among the attributes of e. Those of a prefix
// stay attributes, for the sake of names within values and text; a default
// namespace does not: every name without prefix carries it already.
func (d *Decoder) declare(e *elementRec) *fault {
	w := d.work
	kept, defaults := w.attrs[:e.attrs], 0
	for _, a := range w.attrs[e.attrs:] {
		name := d.raw(a.name.full)
		var f *fault
		switch {
		case string(name) == "xmlns":
			if defaults++; defaults > 1 {
				return errDuplicate
			}
			e.fallback, f = d.newSpace(a.value, "")
			if f != nil {
				return f
			}
			continue
		case a.name.colon == 5 && string(name[:5]) == "xmlns":
			f = d.bind(a)
		}
		if f != nil {
			return f
		}
		kept = append(kept, a)
	}
	w.attrs = kept
	e.nattrs = int32(len(kept)) - e.attrs
	return nil
}

// bind brings a prefix in scope.
func (d *Decoder) bind(a attrRec) *fault {
	w, prefix := d.work, d.raw(a.name.local())
	switch {
	case string(prefix) == "xmlns":
		return errXMLNSPrefix
	case a.value.n == 0:
		return errUnbind
	}
	space, f := d.newSpace(a.value, string(prefix))
	if f != nil || space == xmlSpace {
		return f
	}
	if len(w.binds) >= d.limits.Namespaces {
		return errPrefixLimit
	}
	w.binds = append(w.binds, bindRec{at: a.name.local(), space: space})
	return nil
}

// newSpace numbers the namespace of a declaration, empty prefix for a default.
func (d *Decoder) newSpace(value span, prefix string) (int32, *fault) {
	if value.n == 0 {
		return noSpace, nil
	}
	uri := d.bytes(value)
	switch {
	case string(uri) == NSXMLNS:
		return 0, errXMLNSPrefix
	case (string(uri) == NSXML) != (prefix == "xml"):
		return 0, errXMLPrefix
	case prefix == "xml":
		return xmlSpace, nil
	case !isURI(uri):
		return 0, errURI
	}
	w := d.work
	w.spaces = append(w.spaces, spaceRec{at: value})
	return int32(len(w.spaces) - 1), nil
}

// lookup finds what a prefix is bound to, the innermost first.
func (d *Decoder) lookup(prefix []byte) (int32, *fault) {
	switch string(prefix) {
	case "xml":
		return xmlSpace, nil
	case "xmlns":
		return xmlnsSpace, nil
	}
	w := d.work
	for i := len(w.binds) - 1; i >= 0; i-- {
		b := &w.binds[i]
		if b.text == string(prefix) || b.at.n > 0 && bytes.Equal(d.raw(b.at), prefix) {
			return b.space, nil
		}
	}
	return 0, errUndeclared
}
