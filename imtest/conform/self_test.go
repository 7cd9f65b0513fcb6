package conform

import (
	"testing"

	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// RFC 6121 section 8.5.2.1.1, RFC 6120 section 10.3.1: a message for the own
// account goes to the client that has sent it, too, and to the others once.
func TestRFC6121MessageToOneself(t *testing.T) {
	w := open(t)
	name := w.user(t, "alice")
	desk, phone := w.online(t, name+"/desk"), w.online(t, name+"/phone")
	desk.Want("<presence from='" + phone.JID + "'/>")
	phone.Want("<presence from='" + desk.JID + "'/>")
	for _, to := range []string{"", " to='" + desk.Bare() + "'"} {
		desk.Say("<message id='note' type='chat'%s><body>milk</body></message>", to)
		for _, c := range []*xmpptest.T{desk, phone} {
			c.Want("<message from='" + desk.JID + "' to='" + desk.Bare() + "' id='note'><body>milk</body><stanza-id xmlns='urn:xmpp:sid:0'/></message>")
		}
	}
	desk.Quiet()
	phone.Quiet()
}
