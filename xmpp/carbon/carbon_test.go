package carbon

import (
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// XEP-0280 sections 7 and 8: from the bare address, to the full one, of the same
// type, with the message as it is.
func TestCopies(t *testing.T) {
	own := im.Addr{Local: "bob", Domain: "example.org"}
	client := own
	client.Resource = "one"
	for _, c := range []struct{ section, typ, direction string }{
		{"XEP-0280 7", " type='chat'", "received"},
		{"XEP-0280 7 normal", "", "received"},
		{"XEP-0280 8", " type='chat'", "sent"},
	} {
		inner := `<message from='a@b.net/c' to='bob@example.org/two'` + c.typ + `><body>hi</body></message>`
		st, err := stanza.Parse([]byte(inner))
		if err != nil {
			t.Fatal(err)
		}
		wrap := Received
		if c.direction == "sent" {
			wrap = Sent
		}
		want := `<message from='bob@example.org' to='bob@example.org/one'` + c.typ + `><` + c.direction + ` xmlns='urn:xmpp:carbons:2'>` +
			`<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='a@b.net/c' to='bob@example.org/two'` + c.typ + `><body>hi</body></message></forwarded></` + c.direction + `></message>`
		if got := string(stanza.Bytes(wrap(st, client, client))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.section, got, want)
		}
	}
}
