package xmlstream

// startTag acts on a start tag that is complete; empty says that it was "/>".
func (d *Decoder) startTag(empty bool) {
	if f := d.resolve(); f != nil {
		d.fail(f)
		return
	}
	switch {
	case !d.bare && d.root == "":
		d.openStream(empty)
	case empty:
		d.endElement()
	default:
		d.startText()
	}
}

// endTag acts on an end tag that is complete.
func (d *Decoder) endTag() {
	if d.work != nil {
		d.endElement()
		return
	}
	d.event = Event{Kind: Close}
	d.finish(inEnd)
}

func (d *Decoder) endElement() {
	w := d.work
	top := len(w.path) - 1
	w.binds = w.binds[:w.elements[w.path[top]].binds]
	w.path = w.path[:top]
	if top > 0 {
		d.startText()
		return
	}
	d.event = Event{Kind: Stanza, Element: w.build(d.buf[d.base:d.pos])}
	d.finish(inLevel)
}

// openStream makes the header's declarations those of the stream.
func (d *Decoder) openStream(empty bool) {
	w := d.work
	e := &w.elements[0]
	d.root = string(d.raw(e.name.full))
	d.content = string(d.space(e.fallback))
	for _, b := range w.binds {
		d.stream = append(d.stream, Binding{string(d.raw(b.at)), string(d.space(b.space))})
	}
	d.event = Event{Kind: Open, Element: w.build(d.buf[d.base:d.pos]), Content: d.content}
	d.closing = empty
	d.finish(inLevel)
}
