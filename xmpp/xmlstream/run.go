package xmlstream

// value reads an attribute value up to its closing quote.
func (d *Decoder) value() {
	b, i := d.buf[:d.end], d.pos
	for i < len(b) && class[b[i]]&stopsValue == 0 {
		i++
	}
	d.pos = i
	if d.over(d.limits.AttrValue, errValueLimit) || i == len(b) {
		return
	}
	switch c := b[i]; c {
	case d.quote:
		d.endValue()
	case '<':
		d.fail(errLess)
		return
	case '&', '\t', '\n', '\r':
		d.dirty = true
	case '"', '\'':
	default:
		d.fail(errControl)
		return
	}
	d.pos++
}

// over fails, where the limit is crossed, when the token is longer than it.
func (d *Decoder) over(limit int, f *fault) bool {
	start := d.base + d.mark
	if d.pos-start <= limit {
		return false
	}
	d.pos = start + limit
	d.fail(f)
	return true
}

func (d *Decoder) endValue() {
	sp := d.run(d.pos)
	b := d.raw(sp)
	f := checkRun(b)
	if f == nil && d.dirty {
		w, start := d.work, len(d.work.side)
		w.side, f = decodeValue(w.side, b)
		sp = w.sideSpan(start)
	}
	if f != nil {
		d.fail(f)
		return
	}
	d.work.setValue(sp)
	d.state, d.spaced = inAttrs, false
}

// text reads character data up to the next tag.
func (d *Decoder) text() {
	b, i := d.buf[:d.end], d.pos
	for i < len(b) {
		c := b[i]
		if class[c]&stopsText == 0 {
			i++
			continue
		}
		d.pos = i
		switch c {
		case '<':
			d.endText(i, false)
			d.pos++
			d.state = inTag
			return
		case '&', '\r':
			d.dirty = true
		case '>':
			if d.follows("]]") {
				d.fail(errCDEnd)
				return
			}
		default:
			d.fail(errControl)
			return
		}
		i++
	}
	d.pos = i
}

// cdata reads a CDATA section up to its end.
func (d *Decoder) cdata() {
	b, i := d.buf[:d.end], d.pos
	for i < len(b) {
		c := b[i]
		if class[c]&stopsCData == 0 {
			i++
			continue
		}
		d.pos = i
		switch {
		case c == '>' && d.follows("]]"):
			d.endText(i-2, true)
			d.pos++
			d.startText()
			return
		case c == '\r':
			d.dirty = true
		case c != '>':
			d.fail(errControl)
			return
		}
		i++
	}
	d.pos = i
}

// follows reports whether the run so far ends in s.
func (d *Decoder) follows(s string) bool {
	at := d.pos - len(s)
	return at >= d.base+d.mark && string(d.buf[at:d.pos]) == s
}

func (d *Decoder) startText() {
	d.state, d.dirty = inText, false
	d.mark = d.pos - d.base
}

// endText takes the run up to end as text of the open element.
func (d *Decoder) endText(end int, cdata bool) {
	sp := d.run(end)
	if sp.n == 0 {
		return
	}
	b := d.raw(sp)
	f := checkRun(b)
	if f == nil {
		f = d.work.text(d, sp, d.dirty, cdata)
	}
	if f != nil {
		d.fail(f)
	}
}

// bang reads what follows "<!": only CDATA within a stanza goes on.
func (d *Decoder) bang(c byte) {
	const opening = "[CDATA["
	at := d.pos - d.base - d.mark
	switch {
	case at == 0 && (c == '-' || c >= 'A' && c <= 'Z'):
		d.fail(errMarkup)
	case c != opening[at] || d.work == nil || len(d.work.path) == 0:
		d.fail(errCData)
	case at == len(opening)-1:
		d.state, d.dirty = inCData, false
		d.mark = d.pos + 1 - d.base
	}
}

// run is the token from mark to end.
func (d *Decoder) run(end int) span {
	return span{int32(d.mark), int32(end - d.base - d.mark)}
}

// raw returns the bytes of a span that lies in the unit.
func (d *Decoder) raw(sp span) []byte {
	at := d.base + int(sp.at)
	return d.buf[at : at+int(sp.n)]
}
