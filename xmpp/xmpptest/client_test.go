package xmpptest

import (
	"maps"
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func TestPattern(t *testing.T) {
	const st = `<message from='bob@example.org/desk' type='chat' id='7'><body>hi  </body>` +
		`<stanza-id xmlns='urn:xmpp:sid:0' id='12' by='alice@example.org'/><stanza-id xmlns='urn:xmpp:sid:0' id='13' by='x'/></message>`
	for _, c := range []struct {
		pattern string
		fits    bool
		vars    map[string]string
	}{
		{`<message/>`, true, nil},
		{`<presence/>`, false, nil},
		{`<message xmlns='other'/>`, false, nil},
		{`<message type='chat' id='7'/>`, true, nil},
		{`<message type='normal'/>`, false, nil},
		{`<message to='alice@example.org'/>`, false, nil},
		{`<message to='!'/>`, true, nil},
		{`<message id='!'/>`, false, nil},
		{`<message><body>hi</body></message>`, true, nil},
		{`<message><body/></message>`, true, nil},
		{`<message><body>ho</body></message>`, false, nil},
		{`<message><subject/></message>`, false, nil},
		{`<message><body/><body/></message>`, false, nil},
		{`<message from='bob@example.org/$r' id='$i'/>`, true, map[string]string{"$r": "desk", "$i": "7"}},
		{`<message from='$_/$_' id='$i'><body>$_</body></message>`, true, map[string]string{"$i": "7"}},
		{`<message from='$x' id='$x'/>`, false, nil},
		{`<message><stanza-id xmlns='urn:xmpp:sid:0' id='$i' by='x'/></message>`, true, map[string]string{"$i": "13"}},
		{`<message id='$i'><stanza-id xmlns='urn:xmpp:sid:0' id='$i'/></message>`, false, nil},
		{`<message id='$seven'/>`, true, nil},
		{`<message id='$old'/>`, false, nil},
		{`<message><t:no><subject/></t:no></message>`, true, nil},
		{`<message><t:no><body/></t:no></message>`, false, nil},
		{`<message><body><t:no/></body></message>`, true, nil},
		{`<message><t:no/></message>`, false, nil},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		e, err := xmlstream.Parse([]byte(st), patternScope, xmlstream.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		vars := map[string]string{"$seven": "7", "$old": "8"}
		want := maps.Clone(vars)
		maps.Copy(want, c.vars)
		if got := p.Match(e, vars); got != c.fits || !maps.Equal(vars, want) {
			t.Errorf("%s: %v with %v; want %v with %v", c.pattern, got, vars, c.fits, want)
		}
	}
}

// XEP-0198 section 4: both sides count stanzas and nothing else, modulo 2^32.
func TestCounting(t *testing.T) {
	s := &SM{Out: 1<<32 - 1, Acked: 1<<32 - 1}
	s.sent("<message/><r xmlns='" + nsSM + "'/><presence/>")
	s.sent("<iq")
	if s.Out != 1 || s.Unacked() != 2 {
		t.Fatalf("after two stanzas: out %d, %d without acknowledgement", s.Out, s.Unacked())
	}
	for _, c := range []struct {
		xml, answer string
		mine        bool
		in          uint32
		unacked     int
	}{
		{"<message/>", "", false, 1, 2},
		{"<a xmlns='" + nsSM + "' h='0'/>", "", true, 1, 1},
		{"<r xmlns='" + nsSM + "'/>", "<a xmlns='" + nsSM + "' h='1'/>", true, 1, 1},
		{"<stream:features/>", "", false, 1, 1},
		{"<a xmlns='" + nsSM + "' h='1'/>", "", true, 1, 0},
	} {
		e, err := xmlstream.Parse([]byte(c.xml), patternScope, xmlstream.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if mine, answer := s.received(e); mine != c.mine || answer != c.answer || s.In != c.in || s.Unacked() != c.unacked {
			t.Errorf("%s: %v %q, in %d, %d without acknowledgement", c.xml, mine, answer, s.In, s.Unacked())
		}
	}
}
