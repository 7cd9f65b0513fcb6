package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

func (d *Decoder) startName(s state) {
	d.state, d.odd = s, false
	d.mark = d.pos - d.base
}

// name reads to the end of a name and hands it to whom it belongs.
func (d *Decoder) name() {
	b, i, odd := d.buf[:d.end], d.pos, uint8(0)
	for ; i < len(b); i++ {
		k := class[b[i]]
		if k&inName == 0 {
			break
		}
		odd |= k
	}
	d.pos = i
	d.odd = d.odd || odd&oddInName != 0
	if d.over(d.limits.Name, errNameLimit) || i == len(b) {
		return
	}
	n, f := d.splitName(span{int32(d.mark), int32(i - d.base - d.mark)})
	if f != nil {
		d.fail(f)
		return
	}
	d.named(n)
}

func (d *Decoder) named(n qname) {
	var f *fault
	switch d.state {
	case inStart:
		f = d.work.open(n, d.limits)
		d.state, d.spaced = inAttrs, false
	case inAttrName:
		f = d.work.attr(n, d.limits)
		d.state = inEquals
	case inEndName:
		if !d.closes(n.full) {
			f = errEndName
		}
		d.state = inEndTail
	}
	if f != nil {
		d.fail(f)
	}
}

// splitName finds the colon and judges the two halves.
func (d *Decoder) splitName(full span) (qname, *fault) {
	n := qname{full: full}
	if !d.odd {
		return n, nil
	}
	b := d.raw(full)
	if !utf8.Valid(b) {
		return n, errUTF8
	}
	colon := bytes.IndexByte(b, ':')
	if colon < 0 {
		colon = 0
	} else if colon == 0 || colon == len(b)-1 || bytes.IndexByte(b[colon+1:], ':') >= 0 {
		return n, errColon
	}
	n.colon = int32(colon)
	if colon > 0 && !isNCName(string(b[:colon])) || !isNCName(string(b[n.localAt():])) {
		return n, errName
	}
	return n, nil
}
