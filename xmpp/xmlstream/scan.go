package xmlstream

// step looks at the bytes from pos until the state changes or they end. Each
// state leaves pos behind what it has used; nothing is looked at twice.
func (d *Decoder) step() {
	switch d.state {
	case inText:
		d.text()
	case inValue:
		d.value()
	case inStart, inAttrName, inEndName:
		d.name()
	case inAttrs:
		d.attrs()
	case inTag:
		d.tag()
	case inLevel, inEnd, inProlog:
		d.outside()
	case inCData:
		d.cdata()
	default:
		d.short()
	}
}

// short are the states that wait for one byte after optional white space.
func (d *Decoder) short() {
	c := d.buf[d.pos]
	switch d.state {
	case inTarget:
		d.target(c)
	case inDecl:
		d.declaration(c)
		return
	case inBang:
		d.bang(c)
	case inSlash:
		if c != '>' {
			d.fail(errSlash)
			return
		}
		d.pos++
		d.startTag(true)
		return
	case inEquals:
		d.expect(c, c == '=', inQuote, errEquals)
	case inQuote:
		d.quote, d.dirty = c, false
		d.expect(c, c == '"' || c == '\'', inValue, errQuote)
		d.mark = d.pos - d.base + 1
	case inEndStart:
		if class[c]&startsName == 0 {
			d.fail(noName(c, errTag))
			return
		}
		d.startName(inEndName)
		return
	case inEndTail:
		d.expect(c, c == '>', inEndTail, errEndTag)
		if c == '>' {
			d.pos++
			d.endTag()
			return
		}
	}
	if d.err == nil {
		d.pos++
	}
}

// expect moves to next on the right byte and lets white space pass.
func (d *Decoder) expect(c byte, right bool, next state, f *fault) {
	switch {
	case right:
		d.state = next
	case class[c]&isSpace == 0:
		d.fail(f)
	}
}

// outside reads between elements: white space, and the '<' that starts a unit.
func (d *Decoder) outside() {
	for ; d.pos < d.end; d.pos++ {
		c := d.buf[d.pos]
		switch {
		case c == '<' && d.state != inEnd:
			d.begin()
			d.pos++
			d.state = inTag
			return
		case class[c]&isSpace == 0:
			d.fail(d.stray(c))
			return
		case d.state == inLevel && !d.bare:
			d.spaces++
		}
		d.lead = d.lead && d.again
		d.base = d.pos + 1
	}
}

func (d *Decoder) stray(c byte) *fault {
	switch {
	case d.state == inEnd:
		return errAfterEnd
	case c < 0x20:
		return errControl
	case c >= 0xf8: // also how UTF-16 starts
		return errUTF8
	case d.state == inLevel && !d.bare:
		return errBetween
	}
	return errOutsideRoot
}

// tag reads the byte after '<'.
func (d *Decoder) tag() {
	c := d.buf[d.pos]
	switch {
	case class[c]&startsName != 0:
		if d.work == nil {
			d.work = newWork(d)
		}
		d.lead = false
		d.startName(inStart)
		return
	case c == '/':
		if d.work == nil && d.root == "" {
			d.fail(errUnopened)
			return
		}
		d.state = inEndStart
	case c == '!':
		d.state = inBang
		d.mark = d.pos + 1 - d.base
	case c == '?' && d.lead:
		d.state = inTarget
		d.mark = d.pos + 1 - d.base
	case c == '?':
		d.fail(errInstruction)
		return
	default:
		d.fail(noName(c, errTag))
		return
	}
	d.pos++
}

// noName is what is wrong when c stands where a name starts.
func noName(c byte, f *fault) *fault {
	if c == ':' {
		return errColon
	}
	return f
}

// attrs reads white space in a start tag, and the byte that ends it.
func (d *Decoder) attrs() {
	for d.pos < d.end && class[d.buf[d.pos]]&isSpace != 0 {
		d.spaced = true
		d.pos++
	}
	if d.pos == d.end {
		return
	}
	switch c := d.buf[d.pos]; {
	case c == '>':
		d.pos++
		d.startTag(false)
	case c == '/':
		d.pos++
		d.state = inSlash
	case class[c]&startsName == 0:
		d.fail(noName(c, errInTag))
	case !d.spaced:
		d.fail(errSpacing)
	default:
		d.startName(inAttrName)
	}
}
