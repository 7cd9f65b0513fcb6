package conform

import "testing"

// Contract 1.5: the key against duplicates is the origin-id with an equal body,
// whatever else differs: a client that sends again may have got another resource,
// another node, another language.
func TestSentAgain(t *testing.T) {
	w := open(t)
	alice, bob := w.pair(t)
	receiver := w.online(t, bob+"/desk")
	const id = "<origin-id xmlns='urn:xmpp:sid:0' id='de305d54-75b4-431b-adb2-eb6b9e546013'/>"
	for i, lang := range []string{"de", "cs"} {
		sender := w.bound(t, alice+"/"+lang)
		sender.Say("<message id='m%d' type='chat' xml:lang='%s' to='%s'><body>hi</body>"+id+"</message>", i, lang, receiver.Bare())
		sender.Do(sender.RoundTrip)
		sender.Quiet()
	}
	sender := w.bound(t, alice+"/desk")
	sender.Say("<message id='other' type='chat' to='%s'><body>ho</body>"+id+"</message>", receiver.Bare())
	sender.Want("<message type='error' id='other'><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
	receiver.Want("<message from='" + sender.Bare() + "/de' id='m0'><body>hi</body></message>")
	receiver.Quiet()
}
