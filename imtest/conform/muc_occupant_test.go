package conform

import (
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// XEP-0045 sections 7.4 to 7.7 and 7.14, between occupants of two nodes.
func TestXEP0045Occupant(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a, b := r.meet(t)
	out := w.online(t, w.user(t, "outside"))
	t.Run("7.4 messages", func(t *testing.T) {
		r.say(a, "m1", "hello")
		for _, c := range []*xmpptest.T{a, b} {
			e := c.Want(r.message("anna", "m1", "hello"))
			if e.Attr("to") != c.JID {
				t.Errorf("%s got a message to %s", c.JID, e.Attr("to"))
			}
		}
		r.say(out, "m2", "let me in")
		out.Want(stanzaError("message", "m2", "modify", "not-acceptable"))
	})
	t.Run("7.5 private messages", func(t *testing.T) {
		a.Say("<message type='chat' id='p1' to='%s/ben'><body>psst</body></message>", r.addr)
		b.Want("<message type='chat' id='p1' from='" + r.addr + "/anna' to='" + b.JID + "'><body>psst</body><x xmlns='" + nsUser + "'/></message>")
		a.Say("<message type='chat' id='p2' to='%s/nobody'><body>psst</body></message>", r.addr)
		a.Want(stanzaError("message", "p2", "cancel", "item-not-found"))
		a.Say("<message type='groupchat' id='p3' to='%s/ben'><body>psst</body></message>", r.addr)
		a.Want(stanzaError("message", "p3", "modify", "bad-request"))
		out.Say("<message type='chat' id='p4' to='%s/ben'><body>psst</body></message>", r.addr)
		out.Want(stanzaError("message", "p4", "modify", "not-acceptable"))
		a.Say("<message type='chat' id='p5' to='%s/Owner'><body>psst</body></message>", r.addr)
		a.Want(stanzaError("message", "p5", "wait", "recipient-unavailable"))
	})
	t.Run("7.6 nicknames", func(t *testing.T) {
		b.Say("<presence id='n1' to='%s/anna'/>", r.addr)
		b.Want(stanzaError("presence", "n1", "cancel", "conflict"))
		b.Say("<presence to='%s/benjamin'/>", r.addr)
		b.Want(r.occupant("ben", "type='unavailable'", "nick='benjamin'", statusCode("303")+statusCode("110")))
		b.Want(r.occupant("benjamin", "type='!'", "role='participant'", statusCode("110")))
		a.Want(r.occupant("ben", "type='unavailable'", "nick='benjamin' jid='"+b.JID+"'", statusCode("303")+"<t:no>"+statusCode("110")+"</t:no>"))
		a.Want(r.occupant("benjamin", "type='!'", "role='participant'", ""))
	})
	t.Run("7.7 presence", func(t *testing.T) {
		b.Say("<presence to='%s/benjamin'><show>away</show><status>tea</status></presence>", r.addr)
		a.Want("<presence from='" + r.addr + "/benjamin'><show>away</show><status>tea</status><x xmlns='" + nsUser + "'><item affiliation='none' role='participant'/></x></presence>")
		b.Want(r.occupant("benjamin", "type='!'", "role='participant'", statusCode("110")))
	})
	t.Run("7.14 leaving", func(t *testing.T) {
		b.Say("<presence type='unavailable' to='%s/benjamin'><status>gone to bed</status></presence>", r.addr)
		a.Want("<presence type='unavailable' from='" + r.addr + "/benjamin'><status>gone to bed</status><x xmlns='" + nsUser + "'><item role='none'/></x></presence>")
		b.Want(r.occupant("benjamin", "type='unavailable'", "role='none'", statusCode("110")))
		r.say(b, "m3", "still here?")
		b.Want(stanzaError("message", "m3", "modify", "not-acceptable"))
		r.say(a, "m4", "alone")
		a.Want(r.message("anna", "m4", "alone"))
		b.Quiet()
	})
	t.Run("7.14 going offline", func(t *testing.T) {
		c := r.inside(t, 2, "carl")
		a.Want(r.occupant("carl", "type='!'", "role='participant'", ""))
		c.Abort()
		a.Want(r.occupant("carl", "type='unavailable'", "role='none'", ""))
	})
}

// XEP-0045 section 7.6: who is called a little otherwise than he has wished is told so,
// once.
func TestXEP0045AlteredNick(t *testing.T) {
	r := open(t).room(t)
	c := r.inside(t, 1, "carl")
	c.Say("<presence to='%s/  Big   Carl '/>", r.addr)
	c.Want(r.occupant("carl", "type='unavailable'", "nick='Big Carl'", statusCode("303")+statusCode("110")))
	c.Want(r.occupant("Big Carl", "type='!'", "role='participant'", statusCode("210")+statusCode("110")))
	not := statusCode("110") + "<t:no>" + statusCode("210") + "</t:no>"
	c.Say("<presence to='%s/Big Carl'><show>away</show></presence>", r.addr)
	c.Want(r.occupant("Big Carl", "type='!'", "role='participant'", not))
	c.Say("<presence to='%s/carl'/>", r.addr)
	c.Want(r.occupant("carl", "type='!'", "role='participant'", not))
}

// XEP-0045 sections 8 and 9 as occupants see them: a C-XX admin does it.
func TestXEP0045Moderated(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	t.Run("8.1 subject", func(t *testing.T) {
		r := w.room(t)
		a, b := r.meet(t)
		a.Say("<message type='groupchat' id='s1' to='%s'><subject>tea</subject></message>", r.addr)
		for _, c := range []*xmpptest.T{a, b} {
			e := c.Want("<message type='groupchat' from='" + r.addr + "/anna'><subject>tea</subject><t:no><body/></t:no><occupant-id xmlns='urn:xmpp:occupant-id:0'/></message>")
			if e.Attr("to") != c.JID {
				t.Errorf("%s got the subject to %s", c.JID, e.Attr("to"))
			}
		}
		late := w.online(t, w.user(t, "late"))
		got := r.enter(late, "late")
		if s := got[len(got)-1]; s.ChildText("jabber:client", "subject") != "tea" || s.Child("urn:xmpp:delay", "delay") == nil {
			t.Errorf("who comes later is shown %v", s)
		}
	})
	t.Run("8.2 kick", func(t *testing.T) {
		r := w.room(t)
		a, b := r.meet(t)
		r.does(im.ActEject, b, 0)
		why := "<item affiliation='none' role='none'><actor nick='Owner'/><reason>because</reason></item>"
		gone := "<presence type='unavailable' from='" + r.addr + "/ben'><x xmlns='" + nsUser + "'>" + why + statusCode("307")
		b.Want(gone + statusCode("110") + "</x></presence>")
		a.Want(gone + "</x></presence>")
		r.enter(b, "ben")
	})
	t.Run("8.3 and 8.4 voice", func(t *testing.T) {
		r := w.room(t)
		a, b := r.meet(t)
		r.does(im.ActMute, b, 0)
		b.Want(r.occupant("ben", "type='!'", "role='visitor'", statusCode("110")))
		a.Want(r.occupant("ben", "type='!'", "role='visitor'", ""))
		r.say(b, "v1", "hello?")
		b.Want(stanzaError("message", "v1", "auth", "forbidden"))
		r.does(im.ActUnmute, b, 0)
		b.Want(r.occupant("ben", "type='!'", "role='participant'", statusCode("110")))
		r.say(b, "v2", "hello!")
		a.Want(r.message("ben", "v2", "hello!"))
	})
	t.Run("9.1 ban", func(t *testing.T) {
		r := w.room(t)
		a, b := r.meet(t)
		r.does(im.ActRole, b, im.RoleOutcast)
		b.Want(r.occupant("ben", "type='unavailable'", "affiliation='outcast' role='none'", statusCode("301")+statusCode("110")))
		a.Want(r.occupant("ben", "type='unavailable'", "affiliation='outcast' role='none'", statusCode("301")))
		r.knock(b, "again", "ben")
		b.Want(stanzaError("presence", "again", "auth", "forbidden"))
	})
	t.Run("9.3 and 9.6 members and moderators", func(t *testing.T) {
		r := w.room(t)
		a, b := r.meet(t)
		r.does(im.ActRole, b, im.RoleMember)
		a.Want(r.occupant("ben", "type='!'", "affiliation='member' role='participant'", ""))
		b.Want(r.occupant("ben", "type='!'", "affiliation='member' role='participant'", statusCode("110")))
		r.does(im.ActModerate, b, 0)
		a.Want(r.occupant("ben", "type='!'", "affiliation='member' role='moderator'", ""))
		r.does(im.ActRole, b, im.RoleAdmin)
		a.Want(r.occupant("ben", "type='!'", "affiliation='admin' role='moderator'", ""))
		r.does(im.ActRole, b, im.RoleOwner)
		a.Want(r.occupant("ben", "type='!'", "affiliation='owner' role='moderator'", ""))
	})
	t.Run("9.4 a member of a room for members is none any more", func(t *testing.T) {
		r := w.room(t, membersOnly)
		a, b := w.online(t, w.user(t, "guest")), w.onlineAt(t, 2, w.user(t, "guest"))
		for _, c := range []*xmpptest.T{a, b} {
			r.does(im.ActRole, c, im.RoleMember)
		}
		r.enter(a, "anna")
		r.enter(b, "ben")
		r.does(im.ActRole, b, im.RoleNone)
		e := b.Want(r.occupant("ben", "type='unavailable'", "affiliation='none' role='none'", statusCode("110")))
		if c := codes(e); !slices.Contains(c, "321") {
			t.Errorf("he is told %v", c)
		}
	})
}
