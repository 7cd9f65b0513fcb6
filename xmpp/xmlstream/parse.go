package xmlstream

// Parse reads exactly one element, with white space around it at most: a
// WebSocket message (RFC 7395 section 3.3), a BOSH body, a stored payload. The
// scope is what the text stood in. The error is an *Error.
func Parse(data []byte, in Scope, l Limits) (*Element, error) {
	all, err := ParseAll(data, in, l)
	if err == nil && len(all) != 1 {
		err = errNoElement.at(int64(len(data)))
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ParseAll reads any number of elements in a row, as Parse does one.
func ParseAll(data []byte, in Scope, l Limits) (all []*Element, err error) {
	d := Decoder{limits: l, bare: true, state: inLevel, content: in.Default, stream: in.Prefixes}
	d.Feed(data)
	for {
		ev, err := d.Next()
		if err != nil {
			return nil, err
		}
		if ev.Kind == None {
			break
		}
		all = append(all, ev.Element)
	}
	if d.Buffered() > 0 {
		d.drop()
		return nil, errTruncated.at(int64(len(data)))
	}
	return all, nil
}
