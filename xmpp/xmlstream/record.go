package xmlstream

// span is a piece of the unit, counted from its start; with a negative start,
// a piece of the side bytes, where what was decoded lies.
type span struct{ at, n int32 }

// qname is a name as written. colon is where its local part starts less one,
// zero when there is no prefix.
type qname struct {
	full  span
	colon int32
}

func (n qname) localAt() int {
	if n.colon == 0 {
		return 0
	}
	return int(n.colon) + 1
}

func (n qname) prefix() span { return span{n.full.at, n.colon} }

func (n qname) local() span {
	skip := int32(n.localAt())
	return span{n.full.at + skip, n.full.n - skip}
}

// Namespaces are numbers while a unit is read: places in work.spaces.
const (
	noSpace    int32 = iota
	xmlSpace         // NSXML
	xmlnsSpace       // NSXMLNS
	content          // the content namespace of the stream
	declared         // the first of the stream header's prefixes
)

type (
	elementRec struct {
		name     qname
		space    int32
		fallback int32 // the default namespace within it
		attrs    int32 // first in work.attrs
		nattrs   int32
		nodes    int32 // children
		binds    int32 // len(work.binds) before it
	}
	attrRec struct {
		name  qname
		space int32
		value span
	}
	nodeRec struct {
		parent, element int32 // element < 0: text
		text            span
	}
	// spaceRec is a namespace: text when it outlives the unit, else a span.
	spaceRec struct {
		text string
		at   span
	}
	// bindRec is a prefix in scope; text and span as in spaceRec.
	bindRec struct {
		text  string
		at    span
		space int32
	}
)
