package xmlstream

import (
	"fmt"
	"strings"
	"testing"
)

func nested(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// Each limit holds at its value and breaks one above it (contract section 3).
func TestLimits(t *testing.T) {
	l := DefaultLimits()
	used := 1 // prefixes of the header
	for _, c := range []struct {
		name      string
		at, above string
		reason    *fault
	}{
		{"depth", nested(l.Depth), nested(l.Depth + 1), errDepthLimit},
		{"attributes", "<a" + many(l.Attrs, " a%d=''") + "/>", "<a" + many(l.Attrs+1, " a%d=''") + "/>", errAttrsLimit},
		{"value", "<a b='" + strings.Repeat("c", l.AttrValue) + "'/>", "<a b='" + strings.Repeat("c", l.AttrValue+1) + "'/>", errValueLimit},
		{"element name", "<" + strings.Repeat("a", l.Name) + "/>", "<" + strings.Repeat("a", l.Name+1) + "/>", errNameLimit},
		{"attribute name", "<a " + strings.Repeat("a", l.Name) + "=''/>", "<a " + strings.Repeat("a", l.Name+1) + "=''/>", errNameLimit},
		{"namespaces", "<a" + many(l.Namespaces-used, " xmlns:a%d='u'") + "/>", "<a" + many(l.Namespaces-used+1, " xmlns:a%d='u'") + "/>", errPrefixLimit},
		{"nodes", "<a>" + strings.Repeat("<b/>", l.Nodes) + "</a>", "<a>" + strings.Repeat("<b/>", l.Nodes+1) + "</a>", errNodesLimit},
		{"texts", "<a>" + strings.Repeat("b<b/>", l.Nodes/2) + "</a>", "<a>" + strings.Repeat("b<b/>", l.Nodes/2) + "b</a>", errNodesLimit},
		{"stanza", "<a>" + strings.Repeat("b", l.Stanza-7) + "</a>", "<a>" + strings.Repeat("b", l.Stanza-6) + "</a>", errStanzaLimit},
	} {
		if got := whole(header + c.at); got.err != nil {
			t.Errorf("%s at the limit: %v", c.name, got.err)
		}
		if got := whole(header + c.above); got.err == nil || got.err.Condition != PolicyViolation || got.err.Reason != c.reason.reason {
			t.Errorf("%s above the limit: %v", c.name, got.err)
		}
	}
}

// The header is held to the limits too: most attackers have not logged in.
func TestLimitsOfTheHeader(t *testing.T) {
	for _, text := range []string{
		"<stream:stream to='" + strings.Repeat("a", 20_000),
		"<stream:stream" + many(1000, " a%d=''"),
		"<" + strings.Repeat("a", 1000),
		"<stream:stream" + strings.Repeat(" ", 20_000),
		"<?xml version='1.0'" + strings.Repeat(" ", 20_000),
		"<stream:stream" + many(40, " xmlns:a%d='u'") + ">",
	} {
		d := NewDecoder(DefaultLimits().WithStanza(StanzaBeforeAuth))
		got := listen(d, []byte(text), func() int { return 100 })
		if got.condition() != string(PolicyViolation) {
			t.Errorf("%.40q: %v", text, got.err)
		}
	}
}

// Nothing of an attack is held beyond the limits, however it is cut (contract
// section 2: XML bombs, drips).
func TestBombs(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"nesting", strings.Repeat("<a>", 100_000)},
		{"attributes", "<a" + many(100_000, " a%d=''")},
		{"one attribute", "<a b='" + strings.Repeat("&lt;", 1_000_000)},
		{"one text", "<a>" + strings.Repeat("&amp;", 1_000_000)},
		{"elements", "<a>" + strings.Repeat("<b/>", 1_000_000)},
		{"namespaces", "<a" + many(100_000, " xmlns:a%d='u'")},
		{"CDATA", "<a>" + strings.Repeat("<![CDATA[a]]>", 1_000_000)},
	} {
		for _, chunk := range []int{1, 4096} {
			d := NewDecoder(DefaultLimits())
			most := 0
			got := listen(d, []byte(header+c.text), func() int {
				most = max(most, cap(d.buf))
				return chunk
			})
			if got.condition() != string(PolicyViolation) || most > 2*StanzaAfterAuth {
				t.Errorf("%s by %d: %v, buffer of %d", c.name, chunk, got.err, most)
			}
			if d.buf != nil || d.work != nil {
				t.Errorf("%s by %d: memory is held after the error", c.name, chunk)
			}
		}
	}
}

// Limits change between stanzas, also for bytes that are here already.
func TestSetLimits(t *testing.T) {
	big := "<a>" + strings.Repeat("b", 20_000) + "</a>"
	for _, raise := range []bool{false, true} {
		d := NewDecoder(DefaultLimits().WithStanza(StanzaBeforeAuth))
		d.Feed([]byte(header + "<auth/>" + big))
		d.Next()
		if ev, err := d.Next(); ev.Kind != Stanza {
			t.Fatal(ev, err)
		}
		if raise {
			d.SetLimits(DefaultLimits())
		}
		if ev, err := d.Next(); (ev.Kind == Stanza) != raise || (err == nil) != raise {
			t.Errorf("raised %v: %v %v", raise, ev.Kind, err)
		}
	}
}

// Between stanzas, nothing is held at all.
func TestIdleHoldsNothing(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	got := listen(d, []byte(header+benchMessage+"\n"), func() int { return 3 })
	if got.err != nil || d.buf != nil || d.work != nil || d.own {
		t.Errorf("held: %d bytes, %v", len(d.buf), got.err)
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultLimits().Validate(); err != nil {
		t.Error(err)
	}
	l := DefaultLimits()
	l.Depth = 2
	if err := l.Validate(); err == nil || !strings.Contains(err.Error(), "depth") {
		t.Error(err)
	}
}
