package xmlstream

import (
	"bytes"
	"sync"
)

// work holds what was read of a unit as flat records, until they become a tree.
type work struct {
	elements []elementRec
	attrs    []attrRec
	nodes    []nodeRec
	spaces   []spaceRec
	binds    []bindRec
	path     []int32 // the open elements
	side     []byte
}

var works = sync.Pool{New: func() any { return new(work) }}

// newWork returns records that know the stream's namespaces.
func newWork(d *Decoder) *work {
	w := works.Get().(*work)
	w.spaces = append(w.spaces[:0], spaceRec{}, spaceRec{text: NSXML}, spaceRec{text: NSXMLNS}, spaceRec{text: d.content})
	w.binds = w.binds[:0]
	for i, b := range d.stream {
		w.spaces = append(w.spaces, spaceRec{text: b.Space})
		w.binds = append(w.binds, bindRec{text: b.Prefix, space: declared + int32(i)})
	}
	return w
}

// release gives the records back, unless one stanza made them unusually large.
func (w *work) release() {
	const many = 1024
	if cap(w.elements) > many || cap(w.attrs) > many || cap(w.nodes) > many || cap(w.side) > largeBuffer {
		return
	}
	w.elements, w.attrs, w.nodes = w.elements[:0], w.attrs[:0], w.nodes[:0]
	w.path, w.side = w.path[:0], w.side[:0]
	clear(w.spaces) // their strings belong to a stream
	clear(w.binds)
	works.Put(w)
}

// open starts an element.
func (w *work) open(n qname, l Limits) *fault {
	switch {
	case len(w.path) >= l.Depth:
		return errDepthLimit
	case len(w.nodes) >= l.Nodes:
		return errNodesLimit
	}
	e := elementRec{name: n, attrs: int32(len(w.attrs)), binds: int32(len(w.binds)), fallback: content}
	id := int32(len(w.elements))
	if len(w.path) > 0 {
		parent := w.path[len(w.path)-1]
		e.fallback = w.elements[parent].fallback
		w.elements[parent].nodes++
		w.nodes = append(w.nodes, nodeRec{parent: parent, element: id})
	}
	w.elements = append(w.elements, e)
	w.path = append(w.path, id)
	return nil
}

// attr starts an attribute of the element opened last.
func (w *work) attr(n qname, l Limits) *fault {
	e := &w.elements[len(w.elements)-1]
	if int(e.nattrs) >= l.Attrs {
		return errAttrsLimit
	}
	e.nattrs++
	w.attrs = append(w.attrs, attrRec{name: n})
	return nil
}

func (w *work) setValue(sp span) { w.attrs[len(w.attrs)-1].value = sp }

// sideSpan is what was added to the side bytes since start.
func (w *work) sideSpan(start int) span {
	return span{^int32(start), int32(len(w.side) - start)}
}

// text adds a run of text to the open element. Runs that touch, as around
// CDATA, become one.
func (w *work) text(d *Decoder, sp span, dirty, cdata bool) *fault {
	top := w.path[len(w.path)-1]
	var last *nodeRec
	if n := len(w.nodes); n > 0 && w.nodes[n-1].element < 0 && w.nodes[n-1].parent == top {
		last = &w.nodes[n-1]
	}
	if last != nil && last.text.at >= 0 {
		start := len(w.side)
		w.side = append(w.side, d.raw(last.text)...)
		last.text = w.sideSpan(start)
	}
	start := len(w.side)
	var f *fault
	switch {
	case dirty:
		w.side, f = decodeText(w.side, d.raw(sp), cdata)
		sp = w.sideSpan(start)
	case last != nil:
		w.side = append(w.side, d.raw(sp)...)
	}
	switch {
	case f != nil:
		return f
	case last != nil:
		last.text.n += int32(len(w.side) - start)
		return nil
	case len(w.nodes) >= d.limits.Nodes:
		return errNodesLimit
	}
	w.elements[top].nodes++
	w.nodes = append(w.nodes, nodeRec{parent: top, element: -1, text: sp})
	return nil
}

// bytes returns what a span of the unit or of the side bytes stands for.
func (d *Decoder) bytes(sp span) []byte {
	if sp.at < 0 {
		at := int(^sp.at)
		return d.work.side[at : at+int(sp.n)]
	}
	return d.raw(sp)
}

// closes reports whether an end tag of this name is due.
func (d *Decoder) closes(name span) bool {
	b := d.raw(name)
	if d.work == nil {
		return string(b) == d.root
	}
	w := d.work
	return bytes.Equal(b, d.raw(w.elements[w.path[len(w.path)-1]].name.full))
}
