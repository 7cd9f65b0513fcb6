package xmlstream

// Header is what a stream header says (RFC 6120 section 4.7).
type Header struct {
	To, From, ID, Version, Lang string
	Content                     string // the content namespace, such as NSClient
}

// ParseHeader reads the header of an Open event. It judges only what the root
// element is (RFC 6120 sections 4.8.1 and 4.9.3.1); the content namespace, the
// version and the addresses are for the caller. The error is an *Error.
func ParseHeader(ev Event) (Header, error) {
	e := ev.Element
	switch {
	case e.Space != NSStreams:
		return Header{}, errStreamsSpace.at(0)
	case e.Local != "stream":
		return Header{}, errRoot.at(0)
	}
	return Header{
		To: e.Attr("to"), From: e.Attr("from"), ID: e.Attr("id"),
		Version: e.Attr("version"), Lang: e.Lang(), Content: ev.Content,
	}, nil
}

// Append appends the header with the XML declaration before it. What is empty
// is left out.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, "<?xml version='1.0'?><stream:stream"...)
	for _, a := range []struct{ name, value string }{
		{"xmlns", h.Content},
		{"xmlns:stream", NSStreams},
		{"from", h.From},
		{"to", h.To},
		{"id", h.ID},
		{"version", h.Version},
		{"xml:lang", h.Lang},
	} {
		if a.value == "" {
			continue
		}
		dst = append(dst, ' ')
		dst = append(dst, a.name...)
		dst = append(dst, '=')
		dst = appendValue(dst, a.value)
	}
	return append(dst, '>')
}

// StreamEnd closes what Header.Append opened.
const StreamEnd = "</stream:stream>"
