package stanza

import (
	"testing"

	"github.com/cxx-im/cxx/im"
)

// RFC 6120 section 8.3.3: each code of the core has a condition, and each
// condition a type. An error that says to wait tells whether what was asked may
// have happened all the same (contract, clause 6).
func TestEveryCodeHasACondition(t *testing.T) {
	for _, tr := range im.Traits() {
		c, ok := codes[tr.Code]
		if !ok || types[c] == "" {
			t.Errorf("%v: condition %q of type %q", tr.Name, c, types[c])
		}
		e := Of(im.Errorf(tr.Code, "why")).Element()
		text := "why"
		if tr.Code == im.CodeBlocked { // XEP-0191 section 3.3: nothing tells it from being offline
			text = ""
		}
		if e.Child(NSStanzas, string(c)) == nil || e.ChildText(NSStanzas, "text") != text {
			t.Errorf("%v reads %v", tr.Name, e)
		}
		unknown := e.Child(NSErrors, "unknown-outcome") != nil
		if want := !tr.Definite && e.Attr("type") == "wait"; unknown != want {
			t.Errorf("%v reads %v; want unknown-outcome: %v", tr.Name, e, want)
		}
	}
}
