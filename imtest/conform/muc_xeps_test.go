package conform

import (
	"testing"

	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// XEP-0410: whether one is still in the room.
func TestXEP0410(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a, b := r.meet(t)
	const ping = "<ping xmlns='urn:xmpp:ping'/>"
	b.Ask("get", r.addr+"/ben", ping)
	a.Say("<presence to='%s/annabel'/>", r.addr)
	a.Want(r.occupant("annabel", "type='!'", "role='participant'", statusCode("110")))
	a.Ask("get", r.addr+"/annabel", ping)
	a.AskFails("item-not-found", "get", r.addr+"/anna", ping)
	b.Say("<presence type='unavailable' to='%s/ben'/>", r.addr)
	b.Want(r.occupant("ben", "type='unavailable'", "role='none'", statusCode("110")))
	b.AskFails("not-acceptable", "get", r.addr+"/ben", ping)
	b.AskFails("not-acceptable", "get", "nowhere@conference."+domain+"/ben", ping)
}

// XEP-0421: the id of an occupant stays when he comes again with another nickname, and
// is another one in another room.
func TestXEP0421(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r, other := w.room(t, withHistory), w.room(t)
	a, b := r.meet(t)
	seen := func(c *xmpptest.T, pattern string) string {
		t.Helper()
		id := c.Want(pattern).Child("urn:xmpp:occupant-id:0", "occupant-id").Attr("id")
		if id == "" {
			t.Fatalf("no occupant-id in %s", pattern)
		}
		return id
	}
	r.say(b, "m1", "hello")
	first := seen(a, r.message("ben", "m1", "hello"))
	b.Say("<presence type='unavailable' to='%s/ben'/>", r.addr)
	a.Want(r.occupant("ben", "type='unavailable'", "role='none'", ""))
	r.enter(b, "benjamin")
	if id := seen(a, r.occupant("benjamin", "type='!'", "role='participant'", "")); id != first {
		t.Errorf("under another nickname he is %s; was %s", id, first)
	}
	for _, e := range r.enter(w.online(t, w.user(t, "late")), "late") {
		if e.Attr("id") == "m1" && e.Child("urn:xmpp:occupant-id:0", "occupant-id").Attr("id") != first {
			t.Errorf("in the history he is somebody else: %v", e)
		}
	}
	other.enter(a, "anna")
	other.enter(b, "ben")
	if id := seen(a, other.occupant("ben", "type='!'", "role='participant'", "")); id == first {
		t.Error("he has the same id in another room")
	}
}

// XEP-0359: each message of a room has one id of the room's, the same for everybody.
func TestXEP0359InRooms(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, withHistory)
	a, b := r.meet(t)
	a.Say("<message type='groupchat' id='m1' to='%s'><body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='of-the-sender-0001'/></message>", r.addr)
	id := "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='" + r.addr + "' id='$id'/><origin-id xmlns='urn:xmpp:sid:0' id='of-the-sender-0001'/></message>"
	want := a.Want(id)
	b.Vars["id"] = want.Child("urn:xmpp:sid:0", "stanza-id").Attr("id")
	b.Want(id)
	late := w.online(t, w.user(t, "late"))
	late.Vars["id"] = b.Vars["id"]
	p, err := xmpptest.ParsePattern(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.enter(late, "late") {
		if e.Attr("id") == "m1" && !p.Match(e, late.Vars) {
			t.Errorf("in the history it is %v", e)
		}
	}
	// Sent again with the same origin-id, it is the same message.
	a.Say("<message type='groupchat' id='m1' to='%s'><body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='of-the-sender-0001'/></message>", r.addr)
	r.say(a, "m2", "y")
	b.Want(r.message("anna", "m2", "y"))
	for _, e := range b.Heard() {
		if e.Local == "message" {
			t.Errorf("there came also %v", e)
		}
	}
}
