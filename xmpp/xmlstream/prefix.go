package xmlstream

import (
	"slices"
	"strconv"
)

// declare brings the prefixes in scope that e declares itself and that are not
// there yet. It reports whether e has attributes in a namespace.
func (w *writer) declare(e *Element, mine int) (special bool) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		switch {
		case a.Space == "":
		case a.Space != NSXMLNS:
			special = special || a.Space != NSXML
		case bindable(a.Local, a.Value) && w.lookup(a.Local) != a.Value && !w.declares(mine, a.Local):
			w.binds = append(w.binds, Binding{a.Local, a.Value})
		}
	}
	return special
}

// elementPrefix picks the prefix of e; false: e needs a default namespace.
func (w *writer) elementPrefix(e *Element, fallback string, mine int) (string, bool) {
	switch {
	case e.Space == fallback:
		return "", true
	case e.Space == NSXML:
		return "xml", true
	case e.Space == "":
		return "", false
	case e.Prefix != "" && w.lookup(e.Prefix) == e.Space:
		return e.Prefix, true
	}
	for _, b := range w.around {
		if b.Space == e.Space && w.lookup(b.Prefix) == e.Space {
			return b.Prefix, true
		}
	}
	if bindable(e.Prefix, e.Space) && !w.declares(mine, e.Prefix) {
		w.binds = append(w.binds, Binding{e.Prefix, e.Space})
		return e.Prefix, true
	}
	return "", false
}

// attrPrefixes declares what the attributes of e need beyond what is in scope.
func (w *writer) attrPrefixes(e *Element, mine int) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Space == "" || a.Space == NSXMLNS || w.prefixFor(a.Space, a.Prefix) != "" {
			continue
		}
		prefix := a.Prefix
		for n := 1; !bindable(prefix, a.Space) || w.lookup(prefix) != "" || w.declares(mine, prefix); n++ {
			prefix = "ns" + strconv.Itoa(n)
		}
		w.binds = append(w.binds, Binding{prefix, a.Space})
	}
}

// prefixFor returns a prefix in scope for a namespace, the wished one if it is,
// or "".
func (w *writer) prefixFor(space, wish string) string {
	if space == NSXML {
		return "xml"
	}
	if wish != "" && w.lookup(wish) == space {
		return wish
	}
	for _, scope := range [...][]Binding{w.binds, w.around} {
		for i := len(scope) - 1; i >= 0; i-- {
			if b := &scope[i]; b.Space == space && w.lookup(b.Prefix) == space {
				return b.Prefix
			}
		}
	}
	return ""
}

func (w *writer) lookup(prefix string) string {
	for _, scope := range [...][]Binding{w.binds, w.around} {
		for i := len(scope) - 1; i >= 0; i-- {
			if scope[i].Prefix == prefix {
				return scope[i].Space
			}
		}
	}
	return ""
}

// declares reports whether the element whose bindings start at mine declares
// prefix.
func (w *writer) declares(mine int, prefix string) bool {
	return slices.ContainsFunc(w.binds[mine:], func(b Binding) bool { return b.Prefix == prefix })
}

// bindable reports whether a declaration of prefix as space is allowed.
func bindable(prefix, space string) bool {
	return prefix != "xml" && prefix != "xmlns" && isNCName(prefix) &&
		space != "" && space != NSXML && space != NSXMLNS
}
