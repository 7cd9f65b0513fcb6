package xmpptest

import (
	"regexp"
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Pattern says what an element must have; it may have more. It is written as
// XML in the namespace jabber:client:
//
//	<message from='bob@example.org/$r' type='chat'><body>hi</body></message>
//
// Attributes and text must be equal, children must be there, each pattern a
// child of its own, in any order. In values $name stands for any text, and for
// the same text from then on; $_ for any text each time. Spaces around text do
// not count. An attribute with the value "!" must be absent, and so must be
// what stands within <t:no>; <t:no/> alone wants no children.
type Pattern struct{ root *xmlstream.Element }

// nsTest is the namespace of the prefix t in patterns.
const nsTest = "test"

var patternScope = xmlstream.Scope{
	Default:  xmlstream.NSClient,
	Prefixes: []xmlstream.Binding{{Prefix: "stream", Space: xmlstream.NSStreams}, {Prefix: "t", Space: nsTest}},
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (*Pattern, error) {
	e, err := xmlstream.Parse([]byte(text), patternScope, xmlstream.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return &Pattern{e}, nil
}

// Match reports whether e fits. vars has what names stand for; those that are
// new are added when all of it fits. It may be nil.
func (p *Pattern) Match(e *xmlstream.Element, vars map[string]string) bool {
	bound := make(map[string]string)
	if !(matcher{vars, bound}).element(p.root, e) {
		return false
	}
	if vars != nil {
		for k, v := range bound {
			vars[k] = v
		}
	}
	return true
}

type matcher struct{ old, bound map[string]string }

func (m matcher) element(p, e *xmlstream.Element) bool {
	if !e.Is(p.Space, p.Local) {
		return false
	}
	for _, a := range p.Attrs {
		if a.Space == xmlstream.NSXMLNS {
			continue
		}
		v, there := e.LookupAttr(a.Space, a.Local)
		if a.Value == "!" {
			if there {
				return false
			}
			continue
		}
		if !there || !m.text(a.Value, v) {
			return false
		}
	}
	if text := strings.TrimSpace(p.Text()); text != "" && !m.text(text, strings.TrimSpace(e.Text())) {
		return false
	}
	return m.children(p, e)
}

func (m matcher) children(p, e *xmlstream.Element) bool {
	used := make(map[*xmlstream.Element]bool)
	for want := range p.Children() {
		if want.Is(nsTest, "no") {
			if m.anyOf(want, e) {
				return false
			}
			continue
		}
		found := false
		for have := range e.Children() {
			if found = !used[have] && m.try(want, have); found {
				used[have] = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// anyOf reports whether e has a child that must not be there.
func (m matcher) anyOf(no, e *xmlstream.Element) bool {
	for have := range e.Children() {
		if no.First() == nil {
			return true
		}
		for want := range no.Children() {
			if (matcher{m.old, clone(m.old, m.bound)}).element(want, have) {
				return true
			}
		}
	}
	return false
}

// try matches and leaves no names bound when it fails.
func (m matcher) try(p, e *xmlstream.Element) bool {
	bound := clone(m.bound)
	if !(matcher{m.old, bound}).element(p, e) {
		return false
	}
	for k, v := range bound {
		m.bound[k] = v
	}
	return true
}

func clone(maps ...map[string]string) map[string]string {
	out := make(map[string]string)
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

var variable = regexp.MustCompile(`\$\w+`)

func (m matcher) text(pattern, text string) bool {
	if !strings.Contains(pattern, "$") {
		return pattern == text
	}
	var expr strings.Builder
	var names []string
	at := 0
	for _, loc := range variable.FindAllStringIndex(pattern, -1) {
		expr.WriteString(regexp.QuoteMeta(pattern[at:loc[0]]))
		name := pattern[loc[0]:loc[1]]
		at = loc[1]
		if v, ok := m.value(name); ok {
			expr.WriteString(regexp.QuoteMeta(v))
			continue
		}
		names = append(names, name)
		expr.WriteString("(.+?)")
	}
	expr.WriteString(regexp.QuoteMeta(pattern[at:]))
	got := regexp.MustCompile(`(?s)\A` + expr.String() + `\z`).FindStringSubmatch(text)
	if got == nil {
		return false
	}
	for i, name := range names {
		if old, ok := m.value(name); ok && old != got[i+1] {
			return false
		}
		if name != "$_" {
			m.bound[name] = got[i+1]
		}
	}
	return true
}

func (m matcher) value(name string) (string, bool) {
	if v, ok := m.bound[name]; ok {
		return v, true
	}
	v, ok := m.old[name]
	return v, ok
}
