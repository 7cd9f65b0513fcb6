package stanza

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// What a stream takes can be read again when it was written: escaped it may be
// above the limits of a stream.
func TestWhatWasTakenCanBeReadAgain(t *testing.T) {
	for name, in := range map[string]string{
		"attribute": `<vCard xmlns="vcard-temp"><a b="` + strings.Repeat("'", 16_000) + `"/></vCard>`,
		"text":      `<vCard xmlns="vcard-temp"><a>` + strings.Repeat(">", 250_000) + `</a></vCard>`,
	} {
		e, err := xmlstream.Parse([]byte(in), Client, xmlstream.DefaultLimits())
		if err != nil {
			t.Fatal(name, err)
		}
		if again, err := Parse(Bytes(e)); err != nil || !again.Equal(e) {
			t.Errorf("%s: cannot be read again: %v", name, err)
		}
	}
}
