package xmlstream

import "fmt"

// Limits bound what one peer may make us hold. They count bytes as they come,
// before names are resolved or a tree is built; crossing one is PolicyViolation.
type Limits struct {
	Stanza int `toml:"-"` // bytes of a stanza, or of the stream header, tags included

	Depth      int `toml:"depth" doc:"elements nested in each other within a stanza, the stanza included"`
	Attrs      int `toml:"attributes" doc:"attributes of one element, namespace declarations included"`
	AttrValue  int `toml:"attribute_value" doc:"bytes of one attribute value as written"`
	Name       int `toml:"name" doc:"bytes of an element or attribute name, prefix included"`
	Namespaces int `toml:"namespaces" doc:"namespace prefixes in scope, those of the stream header included"`
	Nodes      int `toml:"nodes" doc:"elements and runs of text in one stanza; a tree takes about 120 bytes for each"`
}

// Sizes of a stanza before and after authentication (RFC 6120 section 13.12
// wants at least 10,000).
const (
	StanzaBeforeAuth = 10_000
	StanzaAfterAuth  = 256 << 10
)

// DefaultLimits returns the limits after authentication.
func DefaultLimits() Limits {
	return Limits{
		Stanza: StanzaAfterAuth, Depth: 64, Attrs: 64, AttrValue: 16 << 10,
		Name: 256, Namespaces: 32, Nodes: 8192,
	}
}

// WithStanza returns l with another stanza size in bytes.
func (l Limits) WithStanza(bytes int) Limits {
	l.Stanza = bytes
	return l
}

// Validate reports a limit under which no client could work.
func (l Limits) Validate() error {
	for _, c := range []struct {
		key        string
		value, min int
	}{
		{"depth", l.Depth, 8},
		{"attributes", l.Attrs, 16},
		{"attribute_value", l.AttrValue, 1024},
		{"name", l.Name, 64},
		{"namespaces", l.Namespaces, 8},
		{"nodes", l.Nodes, 256},
		{"stanza size", l.Stanza, 10_000},
	} {
		if c.value < c.min {
			return fmt.Errorf("%s: %d is less than common clients need; use %d or more", c.key, c.value, c.min)
		}
	}
	return nil
}
