package xmlstream

import "bytes"

// Decoder is the push parser of one direction of one stream. It keeps its
// place between calls, so that bytes are looked at once however they are cut,
// and holds memory from a pool only while an element is incomplete. The zero
// value is not ready: use NewDecoder. One goroutine at a time.
type Decoder struct {
	limits Limits
	err    *Error

	// buf[base:] are the bytes of the unit being read, buf[pos:end] those not
	// looked at. end stands at the size limit when there are more. own says
	// that buf is from the pool; else it is the slice the caller fed.
	buf            []byte
	base, pos, end int
	own            bool
	offset         int64 // of buf[0] in the stream

	state   state
	bare    bool // no stream around: elements stand alone (Parse)
	unit    bool // within a declaration or a first-level element
	lead    bool // an XML declaration may still come
	again   bool // after Restart: white space may precede the declaration
	closing bool // the header was an empty element: Close follows
	dirty   bool // the run has something to decode
	spaced  bool // white space was seen before an attribute
	odd     bool // the name has a colon or goes beyond ASCII
	quote   byte
	mark    int // start of the token, from base

	root    string // qualified name of the open stream header
	content string // its default namespace
	stream  []Binding
	work    *work // the unit's records, nil outside of one
	event   Event
	spaces  int64
}

// NewDecoder returns a decoder at the start of a stream.
func NewDecoder(l Limits) *Decoder {
	return &Decoder{limits: l, lead: true}
}

// Limits returns the limits in force.
func (d *Decoder) Limits() Limits { return d.limits }

// SetLimits changes the limits for what has not been looked at yet; call it
// between stanzas, such as after authentication.
func (d *Decoder) SetLimits(l Limits) {
	d.limits = l
	d.window()
}

// Keepalives returns how many bytes of white space stood between stanzas
// (RFC 6120 section 4.6.1) since NewDecoder.
func (d *Decoder) Keepalives() int64 { return d.spaces }

// Buffered returns how many bytes were fed and not yet handed out. After an
// event they are what the peer sent behind it: STARTTLS must find none that
// BufferedSpace does not excuse.
func (d *Decoder) Buffered() int { return len(d.buf) - d.base }

// BufferedSpace reports whether nothing but white space is buffered.
func (d *Decoder) BufferedSpace() bool { return len(bytes.TrimLeft(d.buf[d.base:], " \t\r\n")) == 0 }

// Feed adds bytes. The decoder reads data in place: it must not change until
// Next has returned None or an error; from then on it is the caller's again.
func (d *Decoder) Feed(data []byte) {
	switch {
	case d.err != nil:
		return
	case len(d.buf) == d.base && !d.own:
		d.offset += int64(d.base)
		d.buf, d.base, d.pos = data, 0, 0
	default:
		d.keep()
		d.buf = append(d.buf, data...)
	}
	d.window()
}

// Next returns the next event. None means that more bytes are needed; an
// error, always an *Error, is final.
func (d *Decoder) Next() (Event, error) {
	if d.closing && d.err == nil {
		d.closing = false
		d.state = inEnd
		return Event{Kind: Close}, nil
	}
	for d.err == nil && d.pos < d.end {
		d.step()
		if d.event.Kind != None {
			ev := d.event
			d.event = Event{}
			return ev, nil
		}
	}
	if d.err == nil && d.unit && d.pos-d.base >= d.limits.Stanza {
		d.fail(errStanzaLimit)
	}
	if d.err != nil {
		d.drop()
		return Event{}, d.err
	}
	if d.unit {
		d.keep()
		d.window()
		return Event{}, nil
	}
	d.drop()
	return Event{}, nil
}

// Restart expects a new stream (RFC 6120 section 4.3.3), the bytes behind the
// last event being its start. Call it between stanzas.
func (d *Decoder) Restart() {
	d.state, d.lead, d.again = inProlog, true, true
	d.root, d.content, d.stream, d.closing = "", "", nil, false
}

// Reset drops every byte and forgets the stream, as STARTTLS demands (5.4.3.3)
// and whoever is done with the decoder does. Limits and counters stay.
func (d *Decoder) Reset() {
	d.drop()
	d.err = nil
	d.Restart()
	d.again = false
}

// fail ends the stream. The position is that of the byte which told.
func (d *Decoder) fail(f *fault) { d.err = f.at(d.offset + int64(d.pos)) }

// begin starts a unit at the byte under pos.
func (d *Decoder) begin() {
	d.base = d.pos
	d.unit = true
	d.window()
}

// finish ends the unit before the byte under pos.
func (d *Decoder) finish(next state) {
	d.base = d.pos
	d.unit = false
	d.state = next
	d.window()
	if d.work != nil {
		d.work.release()
		d.work = nil
	}
}

// window sets end: all bytes between units, at most the size limit within one.
func (d *Decoder) window() {
	d.end = len(d.buf)
	if d.unit {
		d.end = min(d.end, d.base+d.limits.Stanza)
	}
}
